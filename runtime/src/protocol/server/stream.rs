//! One stream of a server: the events of the client, and the handler.
//!
//! A stream or its connection can end while events of the client wait to be read. They are kept until they have been
//! read; the handler that reads them sees the end after the last one.

use std::{
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::Core;
use crate::protocol::{RpcMessage, StreamId, numbers, queue::Queue};

/// Whether a handler may continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its stream is open.
    Open,
    /// Its stream has ended. It may read the remaining events of the client and finish, within this time.
    Finishing(Duration),
    /// It has to be dropped.
    Over,
}

/// The reader of the events that a client sends on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// The service has not looked at the request yet. Events are queued.
    Unknown,
    /// The operation takes no events.
    None,
    Open,
    /// The handler has dropped its stream of events.
    Closed,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) is_open: bool,
    /// The response has been queued: events may follow.
    pub(super) has_responded: bool,
    pub(super) reader: Reader,
    /// A handler is running that may continue after the end of the stream, to read the remaining events.
    pub(super) has_handler: bool,
    /// How much memory its request takes, in bytes.
    request_len: usize,
    events: Queue<RpcMessage>,
    /// The wakers of its handler and of the reader of its events.
    pub(super) wakers: Vec<Waker>,
}

impl Stream {
    pub(super) fn new(request: &RpcMessage) -> Self {
        Self {
            is_open: true,
            has_responded: false,
            reader: Reader::Unknown,
            has_handler: false,
            request_len: request.allocated(),
            events: Queue::default(),
            wakers: Vec::new(),
        }
    }

    /// Whether the events of the client are read, or may be later.
    fn may_read(&self) -> bool {
        matches!(self.reader, Reader::Unknown | Reader::Open)
    }

    /// How much memory is held for the stream, in bytes.
    pub(super) fn held(&self) -> usize {
        self.request_len + self.events.allocated()
    }

    /// Queues an event from the client. The queue may take `limit` bytes of memory; with the request and with `others`,
    /// the memory of other streams, it may take `total` bytes. An event that is larger is queued alone. Returns how much
    /// more memory is held, in bytes, or `None` if there is no room.
    pub(super) fn push(
        &mut self,
        event: RpcMessage,
        limit: usize,
        others: usize,
        total: usize,
    ) -> Option<usize> {
        let (before, after) = (self.events.allocated(), self.events.allocated_with(&event));
        let fits = if self.events.is_empty() {
            others == 0 || others + after <= total
        } else {
            after <= limit && others + self.request_len + after <= total
        };
        fits.then(|| {
            self.events.push(event);
            after - before
        })
    }

    pub(super) fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        if !self.wakers.iter().any(|it| it.will_wake(cx.waker())) {
            self.wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Core {
    pub(super) fn open_stream(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.role.streams.get_mut(&id).filter(|it| it.is_open)
    }

    /// Sets whether the operation of a stream takes events from the client. Until then they are queued.
    pub fn expect_events(&mut self, id: StreamId, takes_events: bool) {
        let Some(stream) = self.role.streams.get_mut(&id) else { return };
        stream.reader = if takes_events { Reader::Open } else { Reader::None };
        if stream.is_open && !takes_events && !stream.events.is_empty() {
            self.refuse_event(id);
        }
        self.forget_if_done(id);
    }

    /// The next event from the client; `None` after the last one, once the stream has ended.
    pub fn poll_event(&mut self, id: StreamId, cx: &Context<'_>) -> Poll<Option<RpcMessage>> {
        let Some(stream) = self.role.streams.get_mut(&id) else { return Poll::Ready(None) };
        let before = stream.events.allocated();
        match stream.events.pop() {
            Some(event) => {
                self.role.received -= before - stream.events.allocated();
                Poll::Ready(Some(event))
            }
            None if stream.is_open => stream.wait(cx),
            None => {
                self.stop_reading(id);
                Poll::Ready(None)
            }
        }
    }

    /// Drops the events of the client, those that are queued and those that still arrive: nothing reads them any more, or
    /// the request has been dropped without a handler.
    pub fn stop_reading(&mut self, id: StreamId) {
        let stream = self.role.streams.get_mut(&id).filter(|it| it.may_read());
        let Some(stream) = stream else { return };
        stream.reader = Reader::Closed;
        self.role.received -= std::mem::take(&mut stream.events).allocated();
        self.forget_if_done(id);
    }

    /// Whether the stream has ended and the reader of its events has not read the end yet.
    pub fn has_reader(&self, id: StreamId) -> bool {
        self.role.streams.get(&id).is_some_and(|it| !it.is_open && it.reader == Reader::Open)
    }

    /// Sets whether a handler is running that reads the events of the client and may continue after the end of the stream.
    pub fn set_handler(&mut self, id: StreamId, has_handler: bool) {
        let Some(stream) = self.role.streams.get_mut(&id) else { return };
        let had_handler = std::mem::replace(&mut stream.has_handler, has_handler);
        if had_handler && !has_handler && !stream.is_open {
            self.output.wake_waiting();
            self.forget_if_done(id);
        }
    }

    /// Whether the handler of a stream may continue. Its task is woken when that changes.
    pub fn poll_phase(&mut self, id: StreamId, cx: &Context<'_>) -> Phase {
        let stream = self.role.streams.get_mut(&id).filter(|it| it.is_open || it.has_handler);
        let Some(stream) = stream else { return Phase::Over };
        let _ = stream.wait::<()>(cx);
        if stream.is_open { Phase::Open } else { Phase::Finishing(self.role.config.finish_timeout) }
    }

    /// Forgets the streams that have ended, with their unread events and running handlers.
    pub fn abandon(&mut self) {
        self.forget_all(|it| !it.is_open);
        self.output.wake_waiting();
    }

    /// Ends a stream, and wakes its handler. Events are kept if they are read, or may be later. Returns whether the stream
    /// was open.
    pub(super) fn remove(&mut self, id: StreamId) -> bool {
        let Some(stream) = self.open_stream(id) else { return false };
        stream.is_open = false;
        let is_kept = stream.may_read();
        let len = std::mem::take(&mut stream.request_len);
        let wakers = std::mem::take(&mut stream.wakers);
        self.output.wake(wakers);
        self.role.received -= len;
        if !is_kept {
            self.forget(id);
        }
        if self.role.is_draining {
            self.output.wake_waiting();
        }
        true
    }

    /// Ends all streams. `drops_requests`: requests that the service has not taken yet are forgotten.
    pub(super) fn remove_all(&mut self, drops_requests: bool) {
        for id in self.ids(|it| it.is_open) {
            self.remove(id);
        }
        if drops_requests {
            self.role.incoming = Queue::default();
            self.forget_all(|it| it.reader == Reader::Unknown);
        }
    }

    /// The streams that meet a condition.
    pub(super) fn ids(&self, is_met: impl Fn(&Stream) -> bool) -> Vec<StreamId> {
        let met = self.role.streams.iter().filter(|it| is_met(it.1));
        let mut ids: Vec<_> = met.map(|it| *it.0).collect();
        ids.sort_unstable();
        ids
    }

    fn forget_if_done(&mut self, id: StreamId) {
        let is_done = |it: &Stream| !it.is_open && !it.has_handler && it.reader != Reader::Open;
        if self.role.streams.get(&id).is_some_and(is_done) {
            self.forget(id);
        }
    }

    fn forget_all(&mut self, is_forgotten: impl Fn(&Stream) -> bool) {
        for id in self.ids(is_forgotten) {
            self.forget(id);
        }
    }

    fn forget(&mut self, id: StreamId) {
        if let Some(stream) = self.role.streams.remove(&id) {
            self.role.received -= stream.held();
            self.output.wake(stream.wakers);
            numbers::shrink(&mut self.role.streams);
        }
    }

    /// Ends a stream with an error: the operation takes no events, or there is no room for another one.
    pub(super) fn refuse_event(&mut self, id: StreamId) {
        if self.remove(id) {
            self.write_internal_error(id);
        }
    }
}
