//! One stream that is being served.

use std::{
    collections::VecDeque,
    task::{Context, Poll, Waker},
};

use crate::protocol::RpcMessage;

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
    /// The length of its request, in bytes.
    request_len: usize,
    events: VecDeque<RpcMessage>,
    /// The lengths of the waiting events, in bytes.
    queued: usize,
    /// Whoever serves the stream: its handler, and what reads its events.
    wakers: Vec<Waker>,
}

impl Stream {
    pub(super) fn new(request: &RpcMessage) -> Self {
        Self { request_len: request.frame_len(), ..Self::default() }
    }

    /// How many bytes are held for the stream.
    pub(super) fn held(&self) -> usize {
        self.request_len + self.queued
    }

    /// Lets go of the request; how many bytes it was.
    pub(super) fn drop_request(&mut self) -> usize {
        std::mem::take(&mut self.request_len)
    }

    /// Lets go of the waiting events; how many bytes they were.
    pub(super) fn drop_events(&mut self) -> usize {
        self.events = VecDeque::new();
        std::mem::take(&mut self.queued)
    }

    pub(super) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Takes an event from the client; `false` if there is no room for it.
    pub(super) fn push(&mut self, event: RpcMessage, limit: usize) -> bool {
        if self.has_events() && self.queued + event.frame_len() > limit {
            return false;
        }
        self.queued += event.frame_len();
        self.events.push_back(event);
        true
    }

    pub(super) fn pop(&mut self) -> Option<RpcMessage> {
        let event = self.events.pop_front()?;
        self.queued -= event.frame_len();
        Some(event)
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
