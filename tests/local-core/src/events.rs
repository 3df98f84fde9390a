//! Events on their way to one subscriber.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use eventstream_rpc::operation::{Operation, Shape, StreamingOperation};
use futures_core::Stream;
use greengrass_core_ipc::types::error::ServiceError;

/// How many bytes may wait for one subscriber: 16 MiB.
const LIMIT: usize = 16 * 1024 * 1024;

/// What an event is taken for besides its payload, in bytes.
const OVERHEAD: usize = 256;

/// Sends events on one open stream. Clones send on the same stream.
pub struct EventSender<O: StreamingOperation>(Arc<Mutex<State<O>>>);

struct State<O: StreamingOperation> {
    queue: VecDeque<(O::ResponseEvent, usize)>,
    /// The sum of the lengths in the queue, in bytes.
    len: usize,
    /// What comes after the queue; `Some(None)` ends the stream without an error.
    end: Option<Option<<O as Operation>::Error>>,
    /// The stream is not served any more.
    is_gone: bool,
    waker: Option<Waker>,
}

/// The stream has ended: the event goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended;

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the stream has ended")
    }
}

impl std::error::Error for Ended {}

impl<O: StreamingOperation> EventSender<O>
where
    O::Error: From<ServiceError>,
{
    /// Sends an event. It never waits: a subscriber that is 16 MiB behind is cut off with a
    /// `ServiceError`, after everything before.
    ///
    /// # Errors
    ///
    /// [`Ended`], if the stream has.
    pub fn send(&self, event: O::ResponseEvent) -> Result<(), Ended> {
        // What cannot be written is found out when it is, and nobody is told its length.
        let len = event.to_json().map_or(0, |it| it.len());
        self.send_sized(event, len)
    }

    /// The same for an event whose payload is of this length, in bytes.
    pub(crate) fn send_sized(&self, event: O::ResponseEvent, len: usize) -> Result<(), Ended> {
        let mut state = self.lock();
        if state.is_gone || state.end.is_some() {
            return Err(Ended);
        }
        let len = len + OVERHEAD;
        if !state.queue.is_empty() && state.len + len > LIMIT {
            let error = ServiceError::builder().message("the subscriber is too slow").build();
            state.end = Some(Some(error.into()));
        } else {
            state.len += len;
            state.queue.push_back((event, len));
        }
        state.wake();
        Ok(())
    }

    /// Ends the stream after what has been sent, with an error.
    pub fn fail(&self, error: impl Into<O::Error>) {
        let mut state = self.lock();
        state.end.get_or_insert(Some(error.into()));
        state.wake();
    }

    /// Ends the stream after what has been sent.
    pub fn end(&self) {
        let mut state = self.lock();
        state.end.get_or_insert(None);
        state.wake();
    }
}

impl<O: StreamingOperation> EventSender<O> {
    /// Whether the client still subscribes.
    pub fn is_open(&self) -> bool {
        let state = self.lock();
        !state.is_gone && state.end.is_none()
    }

    fn lock(&self) -> MutexGuard<'_, State<O>> {
        // Nothing in it is ever half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<O: StreamingOperation> State<O> {
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
        f.debug_struct("EventSender").field("is_open", &self.is_open()).finish()
    }
}

/// The other end: what a subscription is answered with.
pub(crate) struct Events<O: StreamingOperation>(EventSender<O>);

/// An open stream from both ends.
pub(crate) fn channel<O: StreamingOperation>() -> (EventSender<O>, Events<O>) {
    let state = State { queue: VecDeque::new(), len: 0, end: None, is_gone: false, waker: None };
    let sender = EventSender(Arc::new(Mutex::new(state)));
    (sender.clone(), Events(sender))
}

impl<O: StreamingOperation> Stream for Events<O> {
    type Item = Result<O::ResponseEvent, O::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.0.lock();
        if let Some((event, len)) = state.queue.pop_front() {
            state.len -= len;
            return Poll::Ready(Some(Ok(event)));
        }
        match state.end.replace(None) {
            Some(end) => Poll::Ready(end.map(Err)),
            None => {
                state.end = None;
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<O: StreamingOperation> Drop for Events<O> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.is_gone = true;
        state.queue.clear();
    }
}
