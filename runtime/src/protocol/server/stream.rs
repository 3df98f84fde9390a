//! One stream that is being served: the events of the client, and the end.
//!
//! A stream can end, or its connection, while events of the client wait to be read. They are kept until they have
//! been read, and the handler that reads them is told of the end only after them.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use super::Core;
use crate::protocol::{RpcMessage, StreamId, Wakers, numbers, queue::Queue};

/// What a handler may still do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its stream is open.
    Open,
    /// Its stream has ended. It may read the rest of the client's events and finish, for this long in all.
    Finishing(Duration),
    /// Nothing: it is to be dropped.
    Over,
}

/// The reader of the events that a client sends on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// The service has not looked at the request yet: events wait.
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
    /// A handler is running that may continue after the end of the stream, to read the rest of the events.
    has_handler: bool,
    /// How much memory its request takes, in bytes.
    request_len: usize,
    events: Queue<RpcMessage>,
    /// Of its handler, and of what reads its events.
    wakers: Wakers,
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
            wakers: Wakers::default(),
        }
    }

    /// Whether the events of the client are or may be read.
    fn may_read(&self) -> bool {
        matches!(self.reader, Reader::Unknown | Reader::Open)
    }

    /// How much memory is held for the stream, in bytes.
    pub(super) fn held(&self) -> usize {
        self.request_len + self.events.allocated()
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
        self.wakers.add(cx.waker());
        Poll::Pending
    }

    pub(super) fn take_wakers(&mut self) -> Wakers {
        std::mem::take(&mut self.wakers)
    }
}

impl Core {
    pub(super) fn open_stream(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.role.streams.get_mut(&id).filter(|it| it.is_open)
    }

    /// Says whether the operation of a stream takes events from the client. Until it is said they wait.
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

    /// Says that the client's events are not read any more, or that the request has been dropped without a handler:
    /// events that wait and those to come are dropped.
    pub fn stop_reading(&mut self, id: StreamId) {
        let stream = self.role.streams.get_mut(&id).filter(|it| it.may_read());
        let Some(stream) = stream else { return };
        stream.reader = Reader::Closed;
        self.role.received -= std::mem::take(&mut stream.events).allocated();
        self.forget_if_done(id);
    }

    /// Whether the stream has ended and the reader of its events has not come to the end yet.
    pub fn has_reader(&self, id: StreamId) -> bool {
        self.role.streams.get(&id).is_some_and(|it| !it.is_open && it.reader == Reader::Open)
    }

    /// Says that a handler runs that reads the client's events, or that it is done or has nothing to do after the end
    /// of the stream.
    pub fn set_handler(&mut self, id: StreamId, has_handler: bool) {
        let Some(stream) = self.role.streams.get_mut(&id) else { return };
        if std::mem::replace(&mut stream.has_handler, has_handler) == has_handler || stream.is_open
        {
            return;
        }
        if has_handler {
            self.role.finishing += 1;
        } else {
            self.role.finishing -= 1;
            self.output.wake_waiting();
            self.forget_if_done(id);
        }
    }

    /// What the handler of a stream may still do. It is woken when that changes.
    pub fn poll_phase(&mut self, id: StreamId, cx: &Context<'_>) -> Phase {
        let stream = self.role.streams.get_mut(&id).filter(|it| it.is_open || it.has_handler);
        let Some(stream) = stream else { return Phase::Over };
        let _ = stream.wait::<()>(cx);
        if stream.is_open { Phase::Open } else { Phase::Finishing(self.role.config.finish_timeout) }
    }

    /// Gives up the events that have not been read and the handlers that are still to finish.
    pub fn abandon(&mut self) {
        self.forget_all(|_| true);
        self.output.wake_waiting();
    }

    /// Ends a stream, and wakes its handler. What has been received is kept if there is or may be a reader for it.
    /// Whether the stream was open.
    pub(super) fn remove(&mut self, id: StreamId) -> bool {
        let Some(stream) = self.open_stream(id) else { return false };
        stream.is_open = false;
        let is_kept = stream.may_read();
        let (wakers, len) = (stream.take_wakers(), std::mem::take(&mut stream.request_len));
        let is_finishing = stream.has_handler;
        self.output.wake(wakers);
        self.role.received -= len;
        self.role.open -= 1;
        self.role.finishing += usize::from(is_finishing);
        if !is_kept {
            self.forget(id);
        }
        if self.role.is_draining {
            self.output.wake_waiting();
        }
        true
    }

    /// Ends all streams. Requests that the service has not taken yet are forgotten, if they are not to be served.
    pub(super) fn remove_all(&mut self, drops_requests: bool) {
        let open: Vec<_> =
            self.role.streams.iter().filter(|it| it.1.is_open).map(|it| *it.0).collect();
        for id in open {
            self.remove(id);
        }
        if drops_requests {
            self.role.incoming = Queue::default();
            self.forget_all(|it| it.reader == Reader::Unknown);
        }
    }

    fn forget_if_done(&mut self, id: StreamId) {
        let is_done = |it: &Stream| !it.is_open && !it.has_handler && it.reader != Reader::Open;
        if self.role.streams.get(&id).is_some_and(is_done) {
            self.forget(id);
        }
    }

    /// Forgets streams that have ended.
    fn forget_all(&mut self, is_forgotten: impl Fn(&Stream) -> bool) {
        let ended = self.role.streams.iter().filter(|it| !it.1.is_open && is_forgotten(it.1));
        for id in ended.map(|it| *it.0).collect::<Vec<_>>() {
            self.forget(id);
        }
    }

    fn forget(&mut self, id: StreamId) {
        if let Some(mut stream) = self.role.streams.remove(&id) {
            self.role.received -= stream.held();
            self.role.finishing -= usize::from(stream.has_handler);
            self.output.wake(stream.take_wakers());
            numbers::shrink(&mut self.role.streams);
        }
    }

    /// Answers an event that the operation does not take, or that there is no room for.
    pub(super) fn refuse_event(&mut self, id: StreamId) {
        if self.remove(id) {
            self.write_internal_error(id);
        }
    }
}
