//! The events of the client, and the end of a stream.
//!
//! A stream can end, or its connection, while events of the client wait for their reader. They are kept until they
//! have been read, and the handler that reads them is told of the end only after them.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use super::{Core, Reader, Stream};
use crate::protocol::{RpcMessage, StreamId, numbers};

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

impl Core {
    /// Says whether the operation of a stream takes events from the client. Until it is said they wait.
    pub fn expect_events(&mut self, id: StreamId, takes_events: bool) {
        let reader = if takes_events { Reader::Open } else { Reader::None };
        if let Some(stream) = self.role.streams.get_mut(&id) {
            stream.reader = reader;
            if !takes_events && stream.has_events() {
                self.refuse_event(id);
            }
        } else if let Some(stream) = self.role.ended.get_mut(&id) {
            stream.reader = reader;
            self.forget_if_done(id);
        }
    }

    /// Says that a request has been dropped without a handler: nobody reads the events of the client.
    pub fn drop_request(&mut self, id: StreamId) {
        self.stop_reading(id, Reader::Unknown);
    }

    /// The next event from the client; `None` after the last one, once the stream has ended.
    pub fn poll_event(&mut self, id: StreamId, cx: &Context<'_>) -> Poll<Option<RpcMessage>> {
        let popped = if let Some(stream) = self.role.streams.get_mut(&id) {
            match stream.pop() {
                None => return stream.wait(cx),
                popped => popped,
            }
        } else {
            self.role.ended.get_mut(&id).and_then(Stream::pop)
        };
        match popped {
            Some((event, len)) => {
                self.role.received -= len;
                Poll::Ready(Some(event))
            }
            None => {
                self.close_events(id);
                Poll::Ready(None)
            }
        }
    }

    /// Says that nobody reads the client's events any more: those that wait and those to come are dropped.
    pub fn close_events(&mut self, id: StreamId) {
        self.stop_reading(id, Reader::Open);
    }

    fn stop_reading(&mut self, id: StreamId, reader: Reader) {
        let stream = self.role.streams.get_mut(&id).or_else(|| self.role.ended.get_mut(&id));
        let Some(stream) = stream.filter(|it| it.reader == reader) else { return };
        stream.reader = Reader::Closed;
        self.role.received -= stream.drop_events();
        self.forget_if_done(id);
    }

    /// Whether the stream has ended and the reader of its events has not come to the end yet.
    pub fn has_reader(&self, id: StreamId) -> bool {
        self.role.ended.get(&id).is_some_and(|it| it.reader == Reader::Open)
    }

    /// Says that a handler runs that reads the client's events. [`end_handler`](Self::end_handler) has to follow.
    pub fn start_handler(&mut self, id: StreamId) {
        if let Some(stream) = self.role.streams.get_mut(&id) {
            stream.has_handler = true;
        } else if let Some(stream) = self.role.ended.get_mut(&id) {
            self.role.finishing += usize::from(!stream.has_handler);
            stream.has_handler = true;
        }
    }

    /// Says that the handler is done, or has nothing to do after the end of the stream.
    pub fn end_handler(&mut self, id: StreamId) {
        if let Some(stream) = self.role.streams.get_mut(&id) {
            stream.has_handler = false;
        } else if let Some(stream) = self.role.ended.get_mut(&id) {
            if std::mem::take(&mut stream.has_handler) {
                self.role.finishing -= 1;
                self.output.wake_waiting();
                self.forget_if_done(id);
            }
        }
    }

    /// What the handler of a stream may still do. It is woken when that changes.
    pub fn poll_phase(&mut self, id: StreamId, cx: &Context<'_>) -> Phase {
        let (stream, phase) = if let Some(stream) = self.role.streams.get_mut(&id) {
            (stream, Phase::Open)
        } else if let Some(stream) = self.role.ended.get_mut(&id).filter(|it| it.has_handler) {
            (stream, Phase::Finishing(self.role.config.finish_timeout))
        } else {
            return Phase::Over;
        };
        let _ = stream.wait::<()>(cx);
        phase
    }

    /// Gives up the events that have not been read and the handlers that are still to finish.
    pub fn abandon(&mut self) {
        for (_, mut stream) in self.role.ended.drain() {
            self.role.received -= stream.held();
            self.output.wake(stream.take_wakers());
        }
        self.role.finishing = 0;
        self.output.wake_waiting();
    }

    /// Ends a stream, and wakes its handler. Whether it was open.
    pub(super) fn remove(&mut self, id: StreamId) -> bool {
        let Some(stream) = self.role.streams.remove(&id) else { return false };
        numbers::shrink(&mut self.role.streams);
        self.retire(id, stream);
        if self.role.is_draining {
            self.output.wake_waiting();
        }
        true
    }

    /// Keeps what has been received on a stream that has ended, if there is or may be a reader for it.
    pub(super) fn retire(&mut self, id: StreamId, mut stream: Stream) {
        self.output.wake(stream.take_wakers());
        self.role.received -= stream.drop_request();
        match stream.reader {
            Reader::Unknown | Reader::Open => {
                self.role.finishing += usize::from(stream.has_handler);
                self.role.ended.insert(id, stream);
            }
            Reader::None | Reader::Closed => self.role.received -= stream.drop_events(),
        }
    }

    /// Forgets the requests that the service has not taken yet.
    pub(super) fn drop_incoming(&mut self) {
        self.role.incoming.clear();
        let unknown = |it: &(&StreamId, &Stream)| it.1.reader == Reader::Unknown;
        let ids: Vec<_> = self.role.ended.iter().filter(unknown).map(|it| *it.0).collect();
        for id in ids {
            self.forget(id);
        }
    }

    fn forget_if_done(&mut self, id: StreamId) {
        let is_done = |it: &Stream| !it.has_handler && it.reader != Reader::Open;
        if self.role.ended.get(&id).is_some_and(is_done) {
            self.forget(id);
        }
    }

    fn forget(&mut self, id: StreamId) {
        if let Some(mut stream) = self.role.ended.remove(&id) {
            self.role.received -= stream.held();
            self.role.finishing -= usize::from(stream.has_handler);
            self.output.wake(stream.take_wakers());
            numbers::shrink(&mut self.role.ended);
        }
    }

    /// Answers an event that the operation does not take, or that there is no room for.
    pub(super) fn refuse_event(&mut self, id: StreamId) {
        if self.remove(id) {
            self.write_internal_error(id);
        }
    }
}
