//! Events on their way to one subscriber, in a queue that is bounded.

use std::{
    any::Any,
    collections::VecDeque,
    fmt,
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::{Bytes, BytesMut};

use crate::{
    error::BuildError,
    operation::{Operation, Shape, StreamingOperation},
    serde,
};

/// What a queued event is taken for besides its payload, in bytes.
const OVERHEAD: usize = 256;

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
/// `limit` is how many bytes of payload may wait, with 256 bytes for each event. An event that is larger
/// by itself is queued if nothing else waits. The receiver goes into
/// [`StreamingResponse::queued`](super::StreamingResponse::queued).
pub fn event_queue<O: StreamingOperation>(
    limit: usize,
    on_full: OnFull<O::Error>,
) -> (EventSender<O>, EventReceiver<O>) {
    let state = State {
        queue: VecDeque::new(),
        len: 0,
        limit,
        on_full: Some(on_full),
        dropped: 0,
        end: None,
        is_ended: false,
        waker: None,
    };
    let sender = EventSender(Arc::new(Mutex::new(state)));
    (sender.clone(), EventReceiver { sender, kept: None })
}

/// An event as it travels: encoded once, for any number of subscribers.
pub struct EncodedEvent<O: StreamingOperation> {
    payload: Bytes,
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
        serde::append(&mut payload, event)
            .map_err(|error| BuildError::serialize(O::ResponseEvent::ID, error))?;
        Ok(Self { payload: payload.freeze(), operation: PhantomData })
    }

    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }
}

impl<O: StreamingOperation> Clone for EncodedEvent<O> {
    fn clone(&self) -> Self {
        Self { payload: self.payload.clone(), operation: PhantomData }
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
    /// The event cannot be encoded.
    Build(BuildError),
}

impl fmt::Display for SendEventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ended => "the stream has ended",
            Self::Build(_) => "the event could not be encoded",
        })
    }
}

impl std::error::Error for SendEventError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Ended => None,
            Self::Build(source) => Some(source),
        }
    }
}

impl From<BuildError> for SendEventError {
    fn from(source: BuildError) -> Self {
        Self::Build(source)
    }
}

/// Sends events on one open stream. Clones send on the same stream.
pub struct EventSender<O: StreamingOperation>(Arc<Mutex<State<O>>>);

struct State<O: StreamingOperation> {
    queue: VecDeque<EncodedEvent<O>>,
    /// The lengths in the queue, in bytes.
    len: usize,
    limit: usize,
    /// Taken when it happens.
    on_full: Option<OnFull<O::Error>>,
    dropped: u64,
    /// What the stream ends with after the queue, once that is certain.
    end: Option<<O as Operation>::Error>,
    /// Nothing more is queued.
    is_ended: bool,
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
    /// [`SendEventError::Ended`].
    pub fn send_encoded(&self, event: EncodedEvent<O>) -> Result<(), SendEventError> {
        let mut state = self.lock();
        if state.is_ended {
            return Err(SendEventError::Ended);
        }
        let len = cost(&event);
        while !state.queue.is_empty() && state.is_full(len) {
            if let Some(OnFull::Fail(_)) = state.on_full {
                state.dropped += 1;
                state.is_ended = true;
                if let Some(OnFull::Fail(error)) = state.on_full.take() {
                    state.end = Some(error);
                }
                return Ok(());
            }
            state.pop();
            state.dropped += 1;
        }
        state.len += len;
        state.queue.push_back(event);
        state.wake();
        Ok(())
    }

    /// Ends the stream after what has been sent, with an error.
    pub fn fail(&self, error: impl Into<O::Error>) {
        let mut state = self.lock();
        if !state.is_ended {
            state.end = Some(error.into());
            state.is_ended = true;
            state.wake();
        }
    }

    /// Ends the stream after what has been sent.
    pub fn end(&self) {
        let mut state = self.lock();
        state.is_ended = true;
        state.wake();
    }

    /// Whether the stream still takes events.
    pub fn is_open(&self) -> bool {
        !self.lock().is_ended
    }

    /// How many events were not queued, or were dropped from the queue, because it was full.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    fn lock(&self) -> MutexGuard<'_, State<O>> {
        // Nothing in it is ever half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cost<O: StreamingOperation>(event: &EncodedEvent<O>) -> usize {
    event.payload.len() + OVERHEAD
}

impl<O: StreamingOperation> State<O> {
    fn is_full(&self, more: usize) -> bool {
        matches!(self.on_full, Some(OnFull::LatestOnly)) || self.len + more > self.limit
    }

    fn pop(&mut self) -> Option<EncodedEvent<O>> {
        let event = self.queue.pop_front()?;
        self.len -= cost(&event);
        Some(event)
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
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

/// The other end of the queue: what a subscription is answered with. Dropping it ends the stream.
pub struct EventReceiver<O: StreamingOperation> {
    sender: EventSender<O>,
    kept: Option<Box<dyn Any + Send>>,
}

impl<O: StreamingOperation> EventReceiver<O> {
    /// Keeps something until the stream has ended, from whichever side: what is to be done then is done
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
        let mut state = self.sender.lock();
        if let Some(event) = state.pop() {
            return Poll::Ready(Some(Ok(event)));
        }
        if state.is_ended {
            return Poll::Ready(state.end.take().map(Err));
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl<O: StreamingOperation> fmt::Debug for EventReceiver<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventReceiver").finish_non_exhaustive()
    }
}

impl<O: StreamingOperation> Drop for EventReceiver<O> {
    fn drop(&mut self) {
        let mut state = self.sender.lock();
        state.is_ended = true;
        state.queue.clear();
    }
}
