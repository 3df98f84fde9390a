//! Events on their way to one subscriber, in a queue that is bounded.

use std::{
    any::Any,
    fmt,
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::{Bytes, BytesMut};

use crate::{
    error::BuildError,
    json::{self, Shape},
    operation::{Operation, StreamingOperation},
    protocol::queue,
};

/// How much of the buffer of an encoded event may be left empty in any case, in bytes.
const MAX_WASTE: usize = 256;

/// What happens to a subscriber whose queue is full.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum OnFull<E> {
    /// The stream ends with this error, after everything that is queued.
    Fail(E),
    /// The oldest events are dropped, and counted.
    DropOldest,
    /// Only the latest event is kept; what it replaces is counted.
    LatestOnly,
}

/// Makes a queue for the events of one stream: its two ends.
///
/// `limit` is how much memory the events that wait may take, in bytes: the buffers that they were encoded into,
/// and the queue itself. An event that is larger by itself is queued if nothing else waits. The receiver goes
/// into [`StreamingResponse::queued`](super::StreamingResponse::queued).
pub fn event_queue<O: StreamingOperation>(
    limit: usize,
    on_full: OnFull<O::Error>,
) -> (EventSender<O>, EventReceiver<O>) {
    let state = State {
        queue: queue::Queue::default(),
        limit,
        on_full: Some(on_full),
        dropped: 0,
        end: None,
        senders: 1,
        waker: None,
    };
    let queue = Queue(Arc::new(Mutex::new(state)));
    (EventSender(Queue(Arc::clone(&queue.0))), EventReceiver { queue, kept: None })
}

/// An event as it travels: encoded once, for any number of subscribers.
pub struct EncodedEvent<O: StreamingOperation> {
    payload: Bytes,
    /// How long the buffer is that the payload is in, in bytes.
    buffer_len: usize,
    operation: PhantomData<fn(O)>,
}

impl<O: StreamingOperation> EncodedEvent<O> {
    /// Encodes an event.
    ///
    /// # Errors
    ///
    /// A value that has no JSON form.
    pub fn new(event: &O::ResponseEvent) -> Result<Self, BuildError> {
        let mut payload = BytesMut::new();
        json::append(&mut payload, event)
            .map_err(|source| BuildError::Serialize { shape_id: O::ResponseEvent::ID, source })?;
        let (len, capacity) = (payload.len(), payload.capacity());
        // A buffer that has grown may be twice as long as what is in it, and it may wait in many queues.
        let (payload, buffer_len) = match capacity - len > MAX_WASTE.max(len / 8) {
            true => (Bytes::copy_from_slice(&payload), len),
            false => (payload.freeze(), capacity),
        };
        Ok(Self { payload, buffer_len, operation: PhantomData })
    }

    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }
}

impl<O: StreamingOperation> Clone for EncodedEvent<O> {
    fn clone(&self) -> Self {
        Self { payload: self.payload.clone(), ..*self }
    }
}

impl<O: StreamingOperation> fmt::Debug for EncodedEvent<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A payload may be secret.
        f.debug_struct("EncodedEvent").field("len", &self.payload.len()).finish_non_exhaustive()
    }
}

/// Why an event was not queued.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendEventError {
    /// The stream has ended: the event goes nowhere.
    Ended,
    /// The queue is full, and so the stream ends after what is in it: the event goes nowhere.
    Full,
    /// The event cannot be encoded.
    Build(BuildError),
}

impl fmt::Display for SendEventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ended => "the stream has ended",
            Self::Full => "the subscriber is too slow, and its stream ends",
            Self::Build(_) => "the event could not be encoded",
        })
    }
}

impl std::error::Error for SendEventError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Ended | Self::Full => None,
            Self::Build(source) => Some(source),
        }
    }
}

impl From<BuildError> for SendEventError {
    fn from(source: BuildError) -> Self {
        Self::Build(source)
    }
}

/// Sends events on one open stream. Clones send on the same stream; when the last of them is dropped, the
/// stream ends after what has been sent.
pub struct EventSender<O: StreamingOperation>(Queue<O>);

struct Queue<O: StreamingOperation>(Arc<Mutex<State<O>>>);

struct State<O: StreamingOperation> {
    queue: queue::Queue<EncodedEvent<O>>,
    limit: usize,
    /// Taken when it happens.
    on_full: Option<OnFull<O::Error>>,
    dropped: u64,
    /// How the stream ends after the queue, once that is certain: nothing more is queued then.
    end: Option<Result<(), <O as Operation>::Error>>,
    senders: usize,
    waker: Option<Waker>,
}

impl<O: StreamingOperation> EventSender<O> {
    /// Sends an event. It never waits: a subscriber that is too slow is treated as its queue was made to.
    ///
    /// # Errors
    ///
    /// See [`SendEventError`].
    pub fn send(&self, event: &O::ResponseEvent) -> Result<(), SendEventError> {
        self.send_encoded(EncodedEvent::new(event)?)
    }

    /// The same for an event that has been encoded already.
    ///
    /// # Errors
    ///
    /// [`SendEventError::Ended`] or [`SendEventError::Full`].
    pub fn send_encoded(&self, event: EncodedEvent<O>) -> Result<(), SendEventError> {
        self.0.change(|state| state.push(event))
    }

    /// Ends the stream after what has been sent, with an error.
    pub fn fail(&self, error: impl Into<O::Error>) {
        self.0.end(Err(error.into()));
    }

    /// Ends the stream after what has been sent.
    pub fn end(&self) {
        self.0.end(Ok(()));
    }

    /// Whether the stream still takes events.
    pub fn is_open(&self) -> bool {
        self.0.lock().end.is_none()
    }

    /// How many events were not queued, or were dropped from the queue, because it was full.
    pub fn dropped(&self) -> u64 {
        self.0.lock().dropped
    }
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
        // An error that is not taken is dropped after the lock is released: that is code of the application.
        let mut end = Some(end);
        self.change(|state| state.end = state.end.take().or_else(|| end.take()));
    }

    fn lock(&self) -> MutexGuard<'_, State<O>> {
        // Nothing in it is ever half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<O: StreamingOperation> queue::Element for EncodedEvent<O> {
    fn held(&self) -> usize {
        self.buffer_len
    }
}

impl<O: StreamingOperation> State<O> {
    fn push(&mut self, event: EncodedEvent<O>) -> Result<(), SendEventError> {
        if self.end.is_some() {
            return Err(SendEventError::Ended);
        }
        while !self.queue.is_empty() && self.is_full(&event) {
            self.dropped += 1;
            if let Some(OnFull::Fail(error)) =
                self.on_full.take_if(|it| matches!(it, OnFull::Fail(_)))
            {
                self.end = Some(Err(error));
                return Err(SendEventError::Full);
            }
            self.queue.pop();
        }
        self.queue.push(event);
        Ok(())
    }

    fn is_full(&self, next: &EncodedEvent<O>) -> bool {
        matches!(self.on_full, Some(OnFull::LatestOnly))
            || self.queue.allocated_with(next) > self.limit
    }
}

impl<O: StreamingOperation> Clone for EventSender<O> {
    fn clone(&self) -> Self {
        self.0.lock().senders += 1;
        Self(Queue(Arc::clone(&self.0.0)))
    }
}

impl<O: StreamingOperation> Drop for EventSender<O> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.senders -= 1;
        let is_last = state.senders == 0;
        drop(state);
        if is_last {
            self.end();
        }
    }
}

impl<O: StreamingOperation> fmt::Debug for EventSender<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSender").field("is_open", &self.is_open()).finish_non_exhaustive()
    }
}

/// The other end of the queue: what a subscription is answered with. Dropping it ends the stream.
pub struct EventReceiver<O: StreamingOperation> {
    queue: Queue<O>,
    kept: Option<Box<dyn Any + Send>>,
}

impl<O: StreamingOperation> EventReceiver<O> {
    /// Keeps something until the stream has ended, from either side: what is to be done then is done
    /// when it is dropped.
    #[must_use]
    pub fn keeping(mut self, kept: impl Any + Send) -> Self {
        self.kept = Some(Box::new(kept));
        self
    }

    pub(super) fn poll_next(
        &self,
        cx: &Context<'_>,
    ) -> Poll<Option<Result<EncodedEvent<O>, O::Error>>> {
        let mut state = self.queue.lock();
        if let Some(event) = state.queue.pop() {
            return Poll::Ready(Some(Ok(event)));
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
        self.queue.lock().queue = queue::Queue::default();
    }
}
