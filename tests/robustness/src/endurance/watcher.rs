//! A subscriber that checks all events and notices.

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

/// The summary of a subscription.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// The number of events.
    pub events: u64,
    /// The number of reported outages.
    pub outages: u64,
    /// The error that ended the stream, if any.
    pub error: Option<String>,
}

/// Checks the order of events and notices.
struct Check {
    watched: Watched,
    last: Option<(u64, u64)>,
    /// Whether an outage was reported and its end was not.
    in_outage: bool,
    /// Whether no event has arrived since the last outage.
    is_restored: bool,
    seen: watch::Sender<Option<(u64, u64)>>,
}

impl Check {
    fn new() -> (Self, watch::Receiver<Option<(u64, u64)>>) {
        let (seen, receiver) = watch::channel(None);
        let watched = Watched::default();
        (Self { watched, last: None, in_outage: false, is_restored: false, seen }, receiver)
    }

    fn event(&mut self, event: &EchoStreamingMessage) {
        let EchoStreamingMessage::StreamMessage(message) = event else { panic!("{event:?}") };
        let text = message.string_message.as_deref().unwrap_or_default();
        let (generation, number) = text.split_once(':').expect("a number");
        let next = (generation.parse().unwrap(), number.parse().unwrap());
        assert!(!self.in_outage, "event {next:?} during an outage");
        if let Some((generation, number)) = self.last {
            let follows = next == (generation, number + 1);
            // No event is repeated, and none is missing without a notice.
            let is_later = self.is_restored && next > (generation, number);
            assert!(follows || is_later, "{next:?} after {:?}", self.last);
        }
        self.last = Some(next);
        self.is_restored = false;
        self.watched.events += 1;
        self.seen.send_replace(self.last);
    }

    fn disconnected(&mut self) {
        assert!(!self.in_outage, "an outage during an outage");
        self.in_outage = true;
        self.watched.outages += 1;
    }

    fn resubscribed(&mut self) {
        assert!(self.in_outage, "resubscribed without an outage");
        self.in_outage = false;
        self.is_restored = true;
    }

    fn error(&mut self, error: &Error) {
        assert!(self.watched.error.is_none(), "an error after an error");
        self.watched.error = Some(format!("{error}: {:?}", std::error::Error::source(error)));
    }
}

/// A running subscriber.
#[derive(Debug)]
pub struct Watcher {
    seen: watch::Receiver<Option<(u64, u64)>>,
    task: JoinHandle<Watched>,
}

impl Watcher {
    /// Subscribes and reads events and notices from the stream.
    ///
    /// # Errors
    ///
    /// If the subscription fails.
    pub async fn stream(client: &Client) -> Result<Self, Error> {
        let subscription = client.echo_stream_messages().send().await?;
        let mut items = subscription.with_notices();
        let (mut check, seen) = Check::new();
        let task = tokio::spawn(async move {
            while let Some(item) = items.next().await {
                match item {
                    Ok(SubscriptionItem::Event(event)) => check.event(&event),
                    Ok(SubscriptionItem::Notice(Notice::Disconnected)) => check.disconnected(),
                    Ok(SubscriptionItem::Notice(Notice::Resubscribed)) => check.resubscribed(),
                    Ok(SubscriptionItem::Notice(other)) => panic!("{other:?}"),
                    Err(error) => check.error(&error),
                }
            }
            check.watched
        });
        Ok(Self { seen, task })
    }

    /// Subscribes and receives events and notices by callbacks.
    ///
    /// # Errors
    ///
    /// If the subscription fails.
    pub async fn handler(client: &Client) -> Result<Self, Error> {
        let subscription = client.echo_stream_messages().send().await?;
        let (check, seen) = Check::new();
        let (done, is_done) = tokio::sync::oneshot::channel();
        let handle = subscription.spawn_handler(Handler { check, done: Some(done) });
        Ok(Self { seen, task: tokio::spawn(until_closed(handle, is_done)) })
    }

    /// Waits for an event of this or a later generation.
    ///
    /// # Panics
    ///
    /// If no such event arrives or the stream ends.
    pub async fn reaches(&mut self, generation: u64) {
        let reached = self.seen.wait_for(|it| it.is_some_and(|(seen, _)| seen >= generation));
        in_time("an event arrives", reached).await.expect("the stream continues");
    }

    /// The generation and number of the last event.
    pub fn last(&self) -> Option<(u64, u64)> {
        *self.seen.borrow()
    }

    /// Waits until the stream has ended.
    ///
    /// # Panics
    ///
    /// If an event or notice was wrong.
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
    is_done.await.expect("on_stream_closed is called")
}

struct Handler {
    check: Check,
    done: Option<tokio::sync::oneshot::Sender<Watched>>,
}

impl StreamHandler<EchoStreamMessages> for Handler {
    async fn on_stream_event(&mut self, event: EchoStreamingMessage) {
        assert!(self.done.is_some(), "an event after the end");
        self.check.event(&event);
    }

    async fn on_disconnected(&mut self) {
        self.check.disconnected();
    }

    async fn on_resubscribed(&mut self) {
        self.check.resubscribed();
    }

    async fn on_stream_error(&mut self, error: Error) -> ControlFlow<()> {
        self.check.error(&error);
        ControlFlow::Continue(())
    }

    async fn on_panic(&mut self, panic: Box<dyn std::any::Any + Send>) -> ControlFlow<()> {
        std::panic::resume_unwind(panic)
    }

    async fn on_stream_closed(&mut self) {
        let done = self.done.take().expect("the stream ends once");
        // Ignored: the receiver may be dropped.
        let _ = done.send(self.check.watched.clone());
    }
}
