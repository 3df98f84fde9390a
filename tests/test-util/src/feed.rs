//! A service that sends numbered events to all subscribers, with a call whose text selects what the service does.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use echo::{
    error::Unhandled,
    operation::{
        cause_service_error::{
            CauseServiceErrorError, CauseServiceErrorRequest, CauseServiceErrorResponse,
        },
        echo_message::{EchoMessageError, EchoMessageRequest, EchoMessageResponse},
        echo_stream_messages::{EchoStreamMessages, EchoStreamMessagesError},
    },
    server::{
        EchoTestRpc, EncodedEvent, EventSender, OnFull, RequestContext, StreamingRequest,
        StreamingResponse, event_queue,
    },
    types::{EchoStreamingResponse, error::ServiceError},
};

use crate::event;

/// The limit of the event queue of one subscriber, in bytes.
const QUEUE_LIMIT: usize = 8 * 1024 * 1024;

/// A service that publishes the events `GENERATION:NUMBER`. Each subscriber receives them without gaps, beginning
/// with the first event that is published after it subscribes.
///
/// The call `EchoMessage` behaves according to the text of its message: `wait` is never answered, `panic` panics,
/// `hang up` closes the connection, and any other message is sent back.
#[derive(Clone, Debug)]
pub struct Feed {
    generation: u64,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    published: AtomicU64,
    subscribers: Mutex<Vec<EventSender<EchoStreamMessages>>>,
    /// The number of calls with the text `wait`.
    waiting: AtomicU64,
}

impl Feed {
    /// Creates a feed. The generation tells its events from those of other feeds.
    pub fn new(generation: u64) -> Self {
        Self { generation, state: Arc::default() }
    }

    /// Sends the next event to all subscribers and removes those that have unsubscribed. Returns the number of
    /// subscribers.
    ///
    /// # Panics
    ///
    /// Never: each event can be encoded.
    pub fn publish(&self) -> usize {
        let mut subscribers = self.lock();
        // Counted under the lock, so that all subscribers receive the events in order.
        let number = self.state.published.fetch_add(1, Ordering::Relaxed);
        let event = EncodedEvent::new(&event(&format!("{}:{number}", self.generation))).unwrap();
        subscribers.retain(|it| it.send_encoded(event.clone()).is_ok());
        subscribers.len()
    }

    /// The number of events published so far.
    pub fn published(&self) -> u64 {
        self.state.published.load(Ordering::Relaxed)
    }

    /// The number of subscribers after the last event was published.
    pub fn subscribers(&self) -> usize {
        self.lock().len()
    }

    /// The number of calls with the text `wait` that are running.
    pub fn waiting(&self) -> u64 {
        self.state.waiting.load(Ordering::Relaxed)
    }

    /// Publishes an event every millisecond and never returns.
    pub async fn publish_steadily(self) {
        let mut ticks = tokio::time::interval(Duration::from_millis(1));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.publish();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<EventSender<EchoStreamMessages>>> {
        self.state.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a waiting call until it is dropped.
struct Waiting<'a>(&'a AtomicU64);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl EchoTestRpc for Feed {
    async fn echo_message(
        &self,
        request: EchoMessageRequest,
        context: RequestContext,
    ) -> Result<EchoMessageResponse, EchoMessageError> {
        let message = request.message.unwrap_or_default();
        match message.string_message.as_deref() {
            Some("wait") => {
                self.state.waiting.fetch_add(1, Ordering::Relaxed);
                let _waiting = Waiting(&self.state.waiting);
                std::future::pending().await
            }
            Some("panic") => panic!("requested by the client"),
            Some("hang up") => context.close_connection(),
            _ => {}
        }
        Ok(EchoMessageResponse::builder().message(message).build())
    }

    async fn echo_stream_messages(
        &self,
        _request: StreamingRequest<EchoStreamMessages>,
        _context: RequestContext,
    ) -> Result<StreamingResponse<EchoStreamMessages>, EchoStreamMessagesError> {
        let error = ServiceError::builder().message("the subscriber is too slow").build();
        let (sender, events) =
            event_queue(QUEUE_LIMIT, OnFull::Fail(Unhandled::undeclared(&error).into()));
        self.lock().push(sender);
        Ok(StreamingResponse::queued(EchoStreamingResponse::default(), events))
    }

    async fn cause_service_error(
        &self,
        _request: CauseServiceErrorRequest,
        _context: RequestContext,
    ) -> Result<CauseServiceErrorResponse, CauseServiceErrorError> {
        Err(ServiceError::builder().message("requested by the client").build().into())
    }
}
