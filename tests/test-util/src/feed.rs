//! The service: numbered events for everyone who subscribes, and calls that do as they are told.

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

/// How many bytes of events may wait for one subscriber.
const QUEUE_LIMIT: usize = 8 * 1024 * 1024;

/// A service whose subscribers each get the events `GENERATION:NUMBER`, without gaps from the first they get.
///
/// What it does with a message depends on its text: `wait` is never answered, `panic` panics, `hang up`
/// closes the connection, and anything else is sent back.
#[derive(Clone, Debug)]
pub struct Feed {
    generation: u64,
    inside: Arc<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    published: AtomicU64,
    subscribers: Mutex<Vec<EventSender<EchoStreamMessages>>>,
    /// Calls that wait.
    waiting: AtomicU64,
}

impl Feed {
    /// A feed; the generation tells it from others of the same kind.
    pub fn new(generation: u64) -> Self {
        Self { generation, inside: Arc::default() }
    }

    /// Sends the next event to every subscriber, and forgets those that are gone. How many there are.
    ///
    /// # Panics
    ///
    /// If an event cannot be encoded, which it can.
    pub fn publish(&self) -> usize {
        let mut subscribers = self.lock();
        // Under the lock, so that all get the events in the same order.
        let number = self.inside.published.fetch_add(1, Ordering::Relaxed);
        let event = EncodedEvent::new(&event(&format!("{}:{number}", self.generation))).unwrap();
        subscribers.retain(|it| it.send_encoded(event.clone()).is_ok());
        subscribers.len()
    }

    /// How many events have been published.
    pub fn published(&self) -> u64 {
        self.inside.published.load(Ordering::Relaxed)
    }

    /// How many subscribers there are, as far as the last event has told.
    pub fn subscribers(&self) -> usize {
        self.lock().len()
    }

    /// How many calls are waiting at this moment.
    pub fn waiting(&self) -> u64 {
        self.inside.waiting.load(Ordering::Relaxed)
    }

    /// Publishes an event every millisecond, for ever.
    pub async fn publish_steadily(self) {
        let mut ticks = tokio::time::interval(Duration::from_millis(1));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.publish();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<EventSender<EchoStreamMessages>>> {
        self.inside.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a call for as long as it waits.
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
                self.inside.waiting.fetch_add(1, Ordering::Relaxed);
                let _waiting = Waiting(&self.inside.waiting);
                std::future::pending().await
            }
            Some("panic") => panic!("as it was told to"),
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
        Err(ServiceError::builder().message("as it was told to").build().into())
    }
}
