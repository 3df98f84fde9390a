//! One stream that is being served.

use std::task::{Context, Poll, Waker};

use crate::protocol::{RpcMessage, queue::Queue};

/// Who reads the events that a client sends on a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Reader {
    /// The service has not looked at the request yet: events wait.
    #[default]
    Unknown,
    /// The operation takes no events.
    None,
    Open,
    /// The handler has dropped its stream of events.
    Closed,
}

#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The response has been queued: events may follow.
    pub(super) has_responded: bool,
    pub(super) reader: Reader,
    /// A handler is running that may go on after the end of the stream, to read the rest of the events.
    pub(super) has_handler: bool,
    /// How much memory its request takes, in bytes.
    request_len: usize,
    events: Queue<RpcMessage>,
    /// Whoever serves the stream: its handler, and what reads its events.
    wakers: Vec<Waker>,
}

impl Stream {
    pub(super) fn new(request: &RpcMessage) -> Self {
        Self { request_len: request.allocated(), ..Self::default() }
    }

    /// How much memory is held for the stream, in bytes.
    pub(super) fn held(&self) -> usize {
        self.request_len + self.events.allocated()
    }

    /// Lets go of the request; how much memory it took, in bytes.
    pub(super) fn drop_request(&mut self) -> usize {
        std::mem::take(&mut self.request_len)
    }

    /// Lets go of the waiting events; how much memory they took, in bytes.
    pub(super) fn drop_events(&mut self) -> usize {
        std::mem::take(&mut self.events).allocated()
    }

    pub(super) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Takes an event from the client. `limit` is how much memory the waiting events may take, and `total` how much
    /// may be held in all, `others` included, which is held for other streams; one event that takes more is taken
    /// if it is alone. How much more memory is held then, in bytes, or `None` if there is no room.
    pub(super) fn push(
        &mut self,
        event: RpcMessage,
        limit: usize,
        others: usize,
        total: usize,
    ) -> Option<usize> {
        let (before, after) = (self.events.allocated(), self.events.allocated_with(&event));
        let fits = if self.has_events() {
            after <= limit && others + self.request_len + after <= total
        } else {
            others == 0 || others + after <= total
        };
        fits.then(|| {
            self.events.push(event);
            after - before
        })
    }

    /// The next event, and how much less memory is held without it, in bytes.
    pub(super) fn pop(&mut self) -> Option<(RpcMessage, usize)> {
        let before = self.events.allocated();
        let event = self.events.pop()?;
        Some((event, before - self.events.allocated()))
    }

    pub(super) fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        if !self.wakers.iter().any(|it| it.will_wake(cx.waker())) {
            self.wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }

    pub(super) fn take_wakers(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.wakers)
    }
}
