//! A bounded queue for the events of one subscriber.

use std::{
    any::Any,
    fmt,
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;

use crate::{
    error::BuildError,
    json::{self, Shape},
    operation::{Operation, StreamingOperation},
    protocol::queue,
};

/// What happens when the queue of a subscriber is full.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum OnFull<E> {
    /// The stream ends with this error, after the queued events.
    Fail(E),
    /// The oldest events are dropped and counted.
    DropOldest,
    /// Only the latest event is kept. The events that it replaces are counted.
    LatestOnly,
}

/// Creates a queue for the events of one stream, and returns both ends.
///
/// `limit` is how much memory the queued events may take, in bytes, including the queue itself. A larger event is
/// queued if the queue is empty. Pass the receiver to
/// [`StreamingResponse::queued`](super::StreamingResponse::queued).
pub fn event_queue<O: StreamingOperation>(
    limit: usize,
    on_full: OnFull<O::Error>,
) -> (EventSender<O>, EventReceiver<O>) {
    let queue = Arc::new(Queue(Mutex::new(State {
        events: queue::Queue::default(),
        limit,
        on_full: Some(on_full),
        dropped: 0,
        end: None,
        waker: None,
    })));
    let sender = EventSender(Arc::new(EndOnDrop(Arc::clone(&queue))));
    (sender, EventReceiver { queue, kept: None })
}

/// An event in its encoded form, to be sent to any number of subscribers.
pub struct EncodedEvent<O: StreamingOperation> {
    payload: Bytes,
    operation: PhantomData<fn(O)>,
}

impl<O: StreamingOperation> EncodedEvent<O> {
    /// Encodes an event.
    ///
    /// # Errors
    ///
    /// The value has no JSON form.
    pub fn new(event: &O::ResponseEvent) -> Result<Self, BuildError> {
        let payload = json::to_vec(event)
            .map_err(|source| BuildError::Serialize { shape_id: O::ResponseEvent::ID, source })?;
        // Without the unused part of the buffer: the event may wait in many queues.
        let payload = payload.into_boxed_slice().into();
        Ok(Self { payload, operation: PhantomData })
    }
}

impl<O: StreamingOperation> From<Bytes> for EncodedEvent<O> {
    /// Takes the JSON of an event, without a check.
    fn from(payload: Bytes) -> Self {
        Self { payload, operation: PhantomData }
    }
}

impl<O: StreamingOperation> Clone for EncodedEvent<O> {
    fn clone(&self) -> Self {
        Self { payload: self.payload.clone(), ..*self }
    }
}

impl<O: StreamingOperation> fmt::Debug for EncodedEvent<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The payload may be secret.
        f.debug_struct("EncodedEvent").field("len", &self.payload.len()).finish_non_exhaustive()
    }
}

/// A message in its encoded form, whose shape need not be one of the model.
#[derive(Clone)]
pub struct EncodedMessage {
    /// Absolute shape ID, such as `aws.greengrass#PublishToTopicResponse`.
    pub shape: &'static str,
    /// The JSON object. It is sent without a check.
    pub payload: Bytes,
}

impl fmt::Debug for EncodedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The payload may be secret.
        f.debug_struct("EncodedMessage")
            .field("shape", &self.shape)
            .field("len", &self.payload.len())
            .finish()
    }
}

/// The reason why an event was not queued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendEventError {
    /// The stream has ended.
    #[error("the stream has ended")]
    Ended,
    /// The queue is full, and the stream ends after the queued events.
    #[error("the subscriber is too slow, and its stream ends")]
    Full,
    /// The event cannot be encoded.
    #[error("the event could not be encoded")]
    Build(#[from] BuildError),
}

/// Sends events on one open stream. Clones send on the same stream. When the last clone is dropped, the stream ends
/// after the queued events.
pub struct EventSender<O: StreamingOperation>(Arc<EndOnDrop<O>>);

impl<O: StreamingOperation> EventSender<O> {
    /// Queues an event, without waiting. [`OnFull`] says what happens to a subscriber that is too slow.
    ///
    /// # Errors
    ///
    /// See [`SendEventError`].
    pub fn send(&self, event: &O::ResponseEvent) -> Result<(), SendEventError> {
        self.send_encoded(EncodedEvent::new(event)?)
    }

    /// As [`send`](Self::send), for an encoded event.
    ///
    /// # Errors
    ///
    /// [`SendEventError::Ended`] or [`SendEventError::Full`].
    pub fn send_encoded(&self, event: EncodedEvent<O>) -> Result<(), SendEventError> {
        self.0.0.change(|state| state.push(event))
    }

    /// Ends the stream with an error, after the queued events.
    pub fn fail(&self, error: impl Into<O::Error>) {
        self.0.0.end(Err(error.into()));
    }

    /// Ends the stream after the queued events.
    pub fn end(&self) {
        self.0.0.end(Ok(()));
    }

    /// Whether the stream still accepts events.
    pub fn is_open(&self) -> bool {
        self.0.0.lock().end.is_none()
    }

    /// How many events have been dropped, or not been queued, because the queue was full.
    pub fn dropped(&self) -> u64 {
        self.0.0.lock().dropped
    }
}

impl<O: StreamingOperation> Clone for EventSender<O> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<O: StreamingOperation> fmt::Debug for EventSender<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSender").field("is_open", &self.is_open()).finish_non_exhaustive()
    }
}

/// Ends the stream when the last sender is dropped.
struct EndOnDrop<O: StreamingOperation>(Arc<Queue<O>>);

impl<O: StreamingOperation> Drop for EndOnDrop<O> {
    fn drop(&mut self) {
        self.0.end(Ok(()));
    }
}

/// The receiving end of the queue, for the response to a subscriber. Dropping it ends the stream.
pub struct EventReceiver<O: StreamingOperation> {
    queue: Arc<Queue<O>>,
    kept: Option<Box<dyn Any + Send>>,
}

impl<O: StreamingOperation> EventReceiver<O> {
    /// Keeps a value until either side has ended the stream. The `Drop` implementation of the value can clean up then.
    #[must_use]
    pub fn keeping(mut self, kept: impl Any + Send) -> Self {
        self.kept = Some(Box::new(kept));
        self
    }

    /// The payload of the next event.
    pub(super) fn poll_next(&mut self, cx: &Context<'_>) -> Poll<Option<Result<Bytes, O::Error>>> {
        let mut state = self.queue.lock();
        if let Some(event) = state.events.pop() {
            return Poll::Ready(Some(Ok(event.payload)));
        }
        let Some(end) = &mut state.end else {
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        Poll::Ready(std::mem::replace(end, Ok(())).err().map(Err))
    }
}

impl<O: StreamingOperation> fmt::Debug for EventReceiver<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventReceiver").finish_non_exhaustive()
    }
}

impl<O: StreamingOperation> Drop for EventReceiver<O> {
    fn drop(&mut self) {
        self.queue.end(Ok(()));
        self.queue.lock().events = queue::Queue::default();
    }
}

struct Queue<O: StreamingOperation>(Mutex<State<O>>);

struct State<O: StreamingOperation> {
    events: queue::Queue<EncodedEvent<O>>,
    limit: usize,
    /// `None` after the error of [`OnFull::Fail`] has been moved to `end`.
    on_full: Option<OnFull<O::Error>>,
    dropped: u64,
    /// How the stream ends after the queued events, once that is known. Further events are not queued then.
    end: Option<Result<(), <O as Operation>::Error>>,
    waker: Option<Waker>,
}

impl<O: StreamingOperation> Queue<O> {
    /// Changes the state, and wakes the receiver after the lock is released.
    fn change<T>(&self, f: impl FnOnce(&mut State<O>) -> T) -> T {
        let mut state = self.lock();
        let result = f(&mut state);
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
        result
    }

    fn end(&self, end: Result<(), O::Error>) {
        // An error that is not used is dropped after the lock is released, because its `Drop` is application code.
        let mut end = Some(end);
        self.change(|state| state.end = state.end.take().or_else(|| end.take()));
    }

    fn lock(&self) -> MutexGuard<'_, State<O>> {
        // A panic cannot leave the state inconsistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<O: StreamingOperation> State<O> {
    fn push(&mut self, event: EncodedEvent<O>) -> Result<(), SendEventError> {
        if self.end.is_some() {
            return Err(SendEventError::Ended);
        }
        let limit = if matches!(self.on_full, Some(OnFull::LatestOnly)) { 0 } else { self.limit };
        while !self.events.is_empty() && self.events.allocated_with(&event) > limit {
            self.dropped += 1;
            if let Some(OnFull::Fail(error)) =
                self.on_full.take_if(|it| matches!(it, OnFull::Fail(_)))
            {
                self.end = Some(Err(error));
                return Err(SendEventError::Full);
            }
            self.events.pop();
        }
        self.events.push(event);
        Ok(())
    }
}

impl<O: StreamingOperation> queue::Element for EncodedEvent<O> {
    fn held(&self) -> usize {
        self.payload.len()
    }
}
