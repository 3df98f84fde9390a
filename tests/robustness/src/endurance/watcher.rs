//! A subscriber that looks at everything it gets.

use std::ops::ControlFlow;

use echo::{
    Client,
    client::{Notice, StreamHandler, SubscriptionHandle, SubscriptionItem},
    error::SdkError,
    operation::echo_stream_messages::{EchoStreamMessages, EchoStreamMessagesError},
    types::EchoStreamingMessage,
};
use test_util::in_time;
use tokio::{sync::watch, task::JoinHandle};

type Error = SdkError<EchoStreamMessagesError>;

/// What a subscriber has seen.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// Events.
    pub events: u64,
    /// Outages that it was told of.
    pub outages: u64,
    /// What the stream ended with, if it was an error.
    pub error: Option<String>,
}

/// What must hold from one event to the next.
struct Watch {
    watched: Watched,
    last: Option<(u64, u64)>,
    /// An outage has begun and is not over.
    is_out: bool,
    /// An outage is over, and no event has come since.
    is_back: bool,
    seen: watch::Sender<Option<(u64, u64)>>,
}

impl Watch {
    fn new() -> (Self, watch::Receiver<Option<(u64, u64)>>) {
        let (seen, receiver) = watch::channel(None);
        let watched = Watched::default();
        (Self { watched, last: None, is_out: false, is_back: false, seen }, receiver)
    }

    fn event(&mut self, event: &EchoStreamingMessage) {
        let EchoStreamingMessage::StreamMessage(message) = event else { panic!("{event:?}") };
        let text = message.string_message.as_deref().unwrap_or_default();
        let (generation, number) = text.split_once(':').expect("a number");
        let next = (generation.parse().unwrap(), number.parse().unwrap());
        assert!(!self.is_out, "{next:?} in the middle of an outage");
        if let Some((generation, number)) = self.last {
            let follows = next == (generation, number + 1);
            // Nothing comes twice, and nothing is left out without a notice.
            let comes_later = self.is_back && next > (generation, number);
            assert!(follows || comes_later, "{next:?} after {:?}", self.last);
        }
        self.last = Some(next);
        self.is_back = false;
        self.watched.events += 1;
        self.seen.send_replace(self.last);
    }

    fn disconnected(&mut self) {
        assert!(!self.is_out, "an outage in the middle of another");
        self.is_out = true;
        self.watched.outages += 1;
    }

    fn resubscribed(&mut self) {
        assert!(self.is_out, "back without having been away");
        self.is_out = false;
        self.is_back = true;
    }

    fn error(&mut self, error: &Error) {
        assert!(self.watched.error.is_none(), "one error is the last");
        self.watched.error = Some(format!("{error}: {:?}", std::error::Error::source(error)));
    }
}

/// A subscriber at work.
#[derive(Debug)]
pub struct Watcher {
    seen: watch::Receiver<Option<(u64, u64)>>,
    task: JoinHandle<Watched>,
}

impl Watcher {
    /// Subscribes, and reads events and notices as a stream.
    ///
    /// # Errors
    ///
    /// The subscription is not opened.
    pub async fn stream(client: &Client) -> Result<Self, Error> {
        let subscription = client.echo_stream_messages().send().await?;
        let mut items = subscription.with_notices();
        let (mut watch, seen) = Watch::new();
        let task = tokio::spawn(async move {
            while let Some(item) = items.next().await {
                match item {
                    Ok(SubscriptionItem::Event(event)) => watch.event(&event),
                    Ok(SubscriptionItem::Notice(Notice::Disconnected)) => watch.disconnected(),
                    Ok(SubscriptionItem::Notice(Notice::Resubscribed)) => watch.resubscribed(),
                    Ok(SubscriptionItem::Notice(other)) => panic!("{other:?}"),
                    Err(error) => watch.error(&error),
                }
            }
            watch.watched
        });
        Ok(Self { seen, task })
    }

    /// Subscribes, and is told of events and outages by callbacks.
    ///
    /// # Errors
    ///
    /// The subscription is not opened.
    pub async fn handler(client: &Client) -> Result<Self, Error> {
        let subscription = client.echo_stream_messages().send().await?;
        let (watch, seen) = Watch::new();
        let (done, is_done) = tokio::sync::oneshot::channel();
        let handle = subscription.spawn_handler(Handler { watch, done: Some(done) });
        Ok(Self { seen, task: tokio::spawn(until_closed(handle, is_done)) })
    }

    /// Waits until an event of a generation has come.
    ///
    /// # Panics
    ///
    /// If none comes, or the stream ends.
    pub async fn reaches(&mut self, generation: u64) {
        let reached = self.seen.wait_for(|it| it.is_some_and(|(seen, _)| seen >= generation));
        in_time("an event comes", reached).await.expect("the stream goes on");
    }

    /// The last event, by its generation and number.
    pub fn last(&self) -> Option<(u64, u64)> {
        *self.seen.borrow()
    }

    /// Waits until the stream has ended.
    ///
    /// # Panics
    ///
    /// If something was wrong with it.
    pub async fn ended(self) -> Watched {
        in_time("the stream ends", self.task).await.unwrap()
    }

    /// Unsubscribes.
    pub fn stop(self) {
        self.task.abort();
    }
}

async fn until_closed(
    handle: SubscriptionHandle,
    is_done: tokio::sync::oneshot::Receiver<Watched>,
) -> Watched {
    handle.closed().await;
    is_done.await.expect("the handler has been told that the stream is closed")
}

struct Handler {
    watch: Watch,
    done: Option<tokio::sync::oneshot::Sender<Watched>>,
}

impl StreamHandler<EchoStreamMessages> for Handler {
    async fn on_stream_event(&mut self, event: EchoStreamingMessage) {
        assert!(self.done.is_some(), "an event after the end");
        self.watch.event(&event);
    }

    async fn on_disconnected(&mut self) {
        self.watch.disconnected();
    }

    async fn on_resubscribed(&mut self) {
        self.watch.resubscribed();
    }

    async fn on_stream_error(&mut self, error: Error) -> ControlFlow<()> {
        self.watch.error(&error);
        ControlFlow::Continue(())
    }

    async fn on_panic(&mut self, panic: Box<dyn std::any::Any + Send>) -> ControlFlow<()> {
        std::panic::resume_unwind(panic)
    }

    async fn on_stream_closed(&mut self) {
        let done = self.done.take().expect("the stream ends once");
        // Whoever waits for it may have gone.
        let _ = done.send(self.watch.watched.clone());
    }
}
