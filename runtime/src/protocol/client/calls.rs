//! Requests, their replies and their events.

use std::{
    task::{Context, Poll},
    time::Instant,
};

use bytes::BytesMut;

use super::{
    Core, Failure, Key, Next, Request,
    stream::{Reopen, Stream, Wire},
};
use crate::{
    error::{BuildError, ConnectionError},
    protocol::{
        Outgoing, Payload, RpcMessage, SendError, StreamId, endpoint::State, numbers,
        waiting::QueueLimit,
    },
};

impl Core {
    /// Sends a request on a new stream; `payload` appends the payload to the buffer.
    ///
    /// # Errors
    ///
    /// See [`SendError`]. No stream id is used then.
    pub fn open(&mut self, request: &Request<'_>, payload: impl Payload) -> Result<Key, SendError> {
        self.check_room(QueueLimit::Write)?;
        let shape = request.request_shape;
        let head = Outgoing {
            operation: Some(request.operation),
            ..Outgoing::of_stream(StreamId::CONNECTION, shape)
        };
        let mut reopen = None;
        let id = if request.subscribe.is_some() && self.role.config.reconnects {
            // The payload is kept, because the request may have to be sent again.
            let mut bytes = BytesMut::new();
            payload(&mut bytes)
                .map_err(|source| BuildError::Serialize { shape_id: shape, source })
                .map_err(SendError::Build)?;
            self.send_again(reopen.insert(Reopen { head, payload: bytes.freeze() }))?
        } else {
            self.send_request(head, payload)?
        };
        let key = Key(self.role.next_key);
        self.role.next_key += 1;
        self.role.calls += usize::from(request.subscribe.is_none());
        self.role.streams.insert(key, Stream::new(id, request, self.output.queued, reopen));
        self.role.keys.insert(id, key);
        self.add_deadline(request.deadline);
        Ok(key)
    }

    pub(super) fn add_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = [self.deadline, deadline].into_iter().flatten().min();
    }

    pub(super) fn send_again(&mut self, request: &Reopen) -> Result<StreamId, SendError> {
        self.send_request(request.head, |dst: &mut BytesMut| {
            dst.extend_from_slice(&request.payload);
            Ok(())
        })
    }

    /// Queues a request with the next stream id, which is used only if that succeeds.
    fn send_request(
        &mut self,
        head: Outgoing,
        payload: impl Payload,
    ) -> Result<StreamId, SendError> {
        let id = StreamId(self.role.next_id.ok_or(SendError::Full)?);
        self.send_message(&Outgoing { stream_id: id, ..head }, payload)?;
        self.role.next_id = id.0.checked_add(1);
        Ok(id)
    }

    /// Sends an event on an open stream; `payload` appends the payload to the buffer.
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    pub fn send_event(
        &mut self,
        key: Key,
        shape: &'static str,
        payload: impl Payload,
    ) -> Result<(), SendError> {
        self.check_room(QueueLimit::Write)?;
        // A strict server ends the connection because of a message on a stream that has ended.
        let stream = self.role.streams.get_mut(&key).ok_or(SendError::StreamEnded)?;
        let id = stream.id().ok_or(SendError::StreamEnded)?;
        // Only the application knows which events to repeat after the request.
        stream.reopen = None;
        self.send_message(&Outgoing::of_stream(id, shape), payload)
    }

    /// Ends a connection whose stream ids are used up, once no stream waits for a response.
    pub(super) fn end_if_used_up(&mut self) {
        if self.role.next_id.is_none() && !self.role.streams.values().any(Stream::is_waiting) {
            self.fail(ConnectionError::StreamIdsUsedUp);
        }
    }

    /// The reply to a request.
    pub fn poll_reply(&mut self, key: Key, cx: &Context<'_>) -> Poll<Result<RpcMessage, Failure>> {
        match self.role.streams.get_mut(&key) {
            Some(stream) => stream.poll_reply(cx),
            None => Poll::Ready(Err(Failure::NoResponse)),
        }
    }

    /// The next event of a stream that stays open; `None` after the last.
    pub fn poll_event(&mut self, key: Key, cx: &Context<'_>) -> Poll<Option<Next>> {
        match self.role.streams.get_mut(&key) {
            Some(stream) => stream.poll_event(cx),
            None => Poll::Ready(None),
        }
    }

    /// Whether a stream can still carry events in either direction.
    pub fn is_open(&self, key: Key) -> bool {
        self.role.streams.get(&key).is_some_and(|it| it.id().is_some())
    }

    /// Ends a stream in both directions and drops its events.
    pub fn end(&mut self, key: Key) {
        self.terminate(key);
        let Some(stream) = self.role.streams.get_mut(&key) else { return };
        stream.close();
        self.output.wake(stream.waker.take());
    }

    /// Forgets a stream whose owner has been dropped; it is ended if it is still open.
    pub fn forget(&mut self, key: Key) {
        let Some(mut stream) = self.role.streams.remove(&key) else { return };
        self.output.wake(stream.waker.take());
        self.end_wire(stream.wire);
        self.role.calls -= usize::from(!stream.is_streaming);
        if self.role.streams.is_empty() {
            self.deadline = None;
            numbers::shrink(&mut self.role.streams);
            numbers::shrink(&mut self.role.keys);
        }
        self.end_if_used_up();
    }

    /// Tells the peer that a stream has ended, unless either side has said so already.
    pub(super) fn terminate(&mut self, key: Key) {
        let Some(stream) = self.role.streams.get_mut(&key) else { return };
        let wire = std::mem::replace(&mut stream.wire, Wire::Ended);
        self.end_wire(wire);
    }

    fn end_wire(&mut self, wire: Wire) {
        let (Wire::Open(id) | Wire::Lagging(id)) = wire else { return };
        self.role.keys.remove(&id);
        if matches!((wire, &self.state), (Wire::Open(_), State::Open)) {
            self.send_terminate(id);
        }
    }

    /// The earliest time at which a call may be due.
    pub fn next_call_deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Ends the calls that are due, and finds the next deadline: only the earliest of all open calls is known, and
    /// nearly all calls end before theirs.
    pub(super) fn expire_calls(&mut self, now: Instant) {
        let mut due = Vec::new();
        self.deadline = None;
        for (key, stream) in &mut self.role.streams {
            match stream.deadline() {
                Some(deadline) if deadline <= now => {
                    stream.fail(Failure::Timeout);
                    self.output.wake(stream.waker.take());
                    due.push(*key);
                }
                deadline => self.deadline = [self.deadline, deadline].into_iter().flatten().min(),
            }
        }
        due.sort_unstable();
        for key in due {
            self.terminate(key);
        }
        self.end_if_used_up();
    }
}
