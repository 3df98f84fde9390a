//! Requests, their replies and their events.

use std::{
    cmp::Reverse,
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

/// How many deadlines of calls that are over are kept in any case.
const SPARE_DEADLINES: usize = 64;

impl Core {
    /// Sends a request on a new stream; `payload` appends it to the buffer.
    ///
    /// # Errors
    ///
    /// See [`SendError`]. No stream id is used then.
    pub fn open(&mut self, request: &Request<'_>, payload: impl Payload) -> Result<Key, SendError> {
        self.check_room()?;
        let (operation, request_shape) = (request.operation, request.request_shape);
        let mut reopen = None;
        let id = if request.subscribe.is_some() && self.role.config.reconnects {
            // It may have to be sent again.
            let mut bytes = BytesMut::new();
            payload(&mut bytes)
                .map_err(|source| BuildError::Serialize { shape_id: request_shape, source })
                .map_err(SendError::Build)?;
            let payload = bytes.freeze();
            self.send_again(reopen.insert(Reopen { operation, request_shape, payload }))?
        } else {
            self.send_request(operation, request_shape, payload)?
        };
        let key = Key(self.role.next_key);
        self.role.next_key += 1;
        self.role.calls += usize::from(request.subscribe.is_none());
        self.role.streams.insert(key, Stream::new(id, request, self.output.queued, reopen));
        self.role.keys.insert(id, key);
        if let Some(deadline) = request.deadline {
            self.role.deadlines.push(Reverse((deadline, key)));
        }
        Ok(key)
    }

    pub(super) fn send_again(&mut self, request: &Reopen) -> Result<StreamId, SendError> {
        self.send_request(request.operation, request.request_shape, |dst: &mut BytesMut| {
            dst.extend_from_slice(&request.payload);
            Ok(())
        })
    }

    /// Queues a request under the next stream id, which is used up only if that succeeds.
    fn send_request(
        &mut self,
        operation: &'static str,
        shape: &'static str,
        payload: impl Payload,
    ) -> Result<StreamId, SendError> {
        let id = StreamId(self.role.next_id.ok_or(SendError::Full)?);
        let head = Outgoing { operation: Some(operation), ..Outgoing::of_stream(id, shape) };
        self.send_message(&head, payload)?;
        self.role.next_id = id.0.checked_add(1);
        Ok(id)
    }

    /// Sends an event on an open stream; `payload` appends it to the buffer.
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
        self.check_room()?;
        // A message on a stream that has ended would end the connection with a strict server.
        let stream = self.role.streams.get_mut(&key).ok_or(SendError::StreamEnded)?;
        let id = stream.id().ok_or(SendError::StreamEnded)?;
        // Only the application knows what to say again after the request.
        stream.reopen = None;
        self.send_message(&Outgoing::of_stream(id, shape), payload)
    }

    fn check_room(&self) -> Result<(), SendError> {
        if self.room(QueueLimit::Write).is_some() {
            return Ok(());
        }
        if self.waits_for_room() {
            return Err(SendError::Full);
        }
        Err(SendError::Closed(match &self.state {
            State::Closed(error) => error.clone(),
            _ if self.role.was_open => ConnectionError::Reconnecting,
            _ => ConnectionError::Protocol("not connected yet"),
        }))
    }

    /// Ends a connection whose stream ids are used up, once nothing on it waits for a response.
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

    /// Ends a stream as far as the other side is concerned, and the wait for its events.
    pub fn end(&mut self, key: Key) {
        self.terminate(key);
        let Some(stream) = self.role.streams.get_mut(&key) else { return };
        self.output.wake(stream.close());
    }

    /// Forgets a stream whose owner has been dropped; it is ended if it is still open.
    pub fn forget(&mut self, key: Key) {
        // A call that has been answered has nothing left to end.
        if self.role.streams.get(&key).is_some_and(|it| !it.is_over()) {
            self.end(key);
        }
        if self.role.streams.remove(&key).is_some_and(|it| !it.is_streaming) {
            self.role.calls -= 1;
        }
        // Most calls end before their deadlines. Those that mean nothing any more are not looked for one by
        // one, but must not pile up either.
        let (streams, deadlines) = (&mut self.role.streams, &mut self.role.deadlines);
        if streams.is_empty() {
            deadlines.clear();
            deadlines.shrink_to(SPARE_DEADLINES);
            numbers::shrink(streams);
            numbers::shrink(&mut self.role.keys);
        } else if deadlines.len() > 2 * streams.len() + SPARE_DEADLINES {
            deadlines.retain(|Reverse((deadline, key))| {
                streams.get(key).is_some_and(|it| it.deadline == Some(*deadline))
            });
        }
        self.end_if_used_up();
    }

    /// Tells the other side that a stream has ended, unless it has been told or has said so itself.
    pub(super) fn terminate(&mut self, key: Key) {
        let Some(stream) = self.role.streams.get_mut(&key) else { return };
        let (Wire::Open(id) | Wire::Lagging(id)) = stream.wire else { return };
        self.role.keys.remove(&id);
        let is_open = stream.id().is_some() && matches!(self.state, State::Open);
        stream.wire = Wire::Ended;
        if is_open {
            self.send_terminate(id);
        }
    }

    /// When a call is due, at the earliest.
    pub fn next_call_deadline(&self) -> Option<Instant> {
        self.role.deadlines.peek().map(|Reverse((deadline, _))| *deadline)
    }

    /// Ends the calls that are due.
    pub(super) fn expire_calls(&mut self, now: Instant) {
        while let Some(deadline) = self.next_call_deadline().filter(|it| *it <= now) {
            let Some(Reverse((_, key))) = self.role.deadlines.pop() else { break };
            // It may have another one since: when it was opened again after an outage.
            let stream = self.role.streams.get_mut(&key);
            let stream = stream.filter(|it| it.deadline == Some(deadline));
            if let Some(waker) = stream.and_then(Stream::expire) {
                self.output.wake(waker);
                self.terminate(key);
            }
        }
        self.end_if_used_up();
    }
}
