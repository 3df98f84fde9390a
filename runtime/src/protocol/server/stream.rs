//! One stream that is being served.

use std::{
    collections::VecDeque,
    task::{Context, Poll, Waker},
};

use crate::protocol::RpcMessage;

#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The response has been queued: events may follow.
    pub(super) has_responded: bool,
    /// Whether the operation takes events from the client, once that is known.
    pub(super) takes_events: Option<bool>,
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

    pub(super) fn poll_event(&mut self, cx: &Context<'_>) -> Poll<Option<RpcMessage>> {
        match self.events.pop_front() {
            Some(event) => {
                self.queued -= event.frame_len();
                Poll::Ready(Some(event))
            }
            None => self.wait(cx),
        }
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
