//! Requests, their replies and their events.

use std::{
    cmp::Reverse,
    task::{Context, Poll},
    time::Instant,
};

use bytes::BytesMut;

use super::{
    Core, Failure, Key, Next, OpenError, Request, State,
    stream::{Reopen, Stream},
};
use crate::{
    error::{BuildError, ConnectionError},
    json,
    protocol::{MessageType, Outgoing, RpcMessage, StreamId, log, numbers, waiting::QueueLimit},
};

/// How many deadlines of calls that are over are kept in any case.
const SPARE_DEADLINES: usize = 64;

impl Core {
    /// Sends a request on a new stream; `payload` appends it to the buffer.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]. Nothing has been sent then, and no stream id is used.
    pub fn open(
        &mut self,
        request: &Request<'_>,
        payload: impl FnOnce(&mut BytesMut) -> Result<(), json::Error>,
    ) -> Result<Key, OpenError> {
        self.check_room()?;
        let mut reopen = None;
        let id = if request.subscribe.is_some() && self.role.config.reconnects {
            // It may have to be sent again.
            let mut bytes = BytesMut::new();
            payload(&mut bytes).map_err(|error| {
                OpenError::Build(BuildError::serialize(request.request_shape, error))
            })?;
            let again = reopen.insert(Reopen {
                operation: request.operation,
                request_shape: request.request_shape,
                payload: bytes.freeze(),
            });
            self.write_request(request.operation, request.request_shape, |dst| {
                dst.extend_from_slice(&again.payload);
                Ok(())
            })?
        } else {
            self.write_request(request.operation, request.request_shape, payload)?
        };
        let key = Key(self.role.next_key);
        self.role.next_key += 1;
        self.role.calls += usize::from(request.subscribe.is_none());
        self.role.streams.insert(key, Stream::new(id, request, self.output.queued(), reopen));
        self.role.keys.insert(id, key);
        if let Some(deadline) = request.deadline {
            self.role.deadlines.push(Reverse((deadline, key)));
        }
        Ok(key)
    }

    /// Queues a request under the next stream id, which is used up only if that succeeds.
    pub(super) fn write_request(
        &mut self,
        operation: &'static str,
        shape: &'static str,
        payload: impl FnOnce(&mut BytesMut) -> Result<(), json::Error>,
    ) -> Result<StreamId, OpenError> {
        let Some(id) = self.role.next_id.map(StreamId) else { return Err(OpenError::Full) };
        let head = Outgoing {
            stream_id: id,
            service_model_type: Some(shape),
            operation: Some(operation),
            ..Outgoing::of_connection(MessageType::ApplicationMessage)
        };
        self.output
            .write(&head, shape, self.settings.max_frame_len, payload)
            .map_err(OpenError::Build)?;
        self.role.next_id = id.0.checked_add(1);
        Ok(id)
    }

    /// Sends an event on an open stream; `payload` appends it to the buffer.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]. Nothing has been sent then.
    pub fn send_event(
        &mut self,
        key: Key,
        shape: &'static str,
        payload: impl FnOnce(&mut BytesMut) -> Result<(), json::Error>,
    ) -> Result<(), OpenError> {
        self.check_room()?;
        // A message on a stream that has ended would end the connection with a strict server.
        let Some((stream, id)) =
            self.role.streams.get_mut(&key).and_then(|it| it.id.map(|id| (it, id)))
        else {
            return Err(OpenError::StreamEnded);
        };
        // Nobody but the application knows what to say again after the request.
        stream.reopen = None;
        let head = Outgoing {
            stream_id: id,
            service_model_type: Some(shape),
            ..Outgoing::of_connection(MessageType::ApplicationMessage)
        };
        self.output
            .write(&head, shape, self.settings.max_frame_len, payload)
            .map_err(OpenError::Build)
    }

    fn check_room(&self) -> Result<(), OpenError> {
        if self.room(QueueLimit::Write).is_some() {
            return Ok(());
        }
        if self.waits_for_room() {
            return Err(OpenError::Full);
        }
        Err(OpenError::Closed(match &self.state {
            State::Closed(error) => error.clone(),
            _ if self.role.was_open => ConnectionError::Reconnecting,
            _ => ConnectionError::Protocol("not connected yet"),
        }))
    }

    /// Ends a connection whose stream ids are used up, once nothing on it waits for a response.
    pub(super) fn end_if_used_up(&mut self) {
        if self.role.next_id.is_none() && !self.role.streams.values().any(Stream::is_waiting) {
            self.lose(ConnectionError::StreamIdsUsedUp);
        }
    }

    /// What came of a request.
    pub fn poll_reply(&mut self, key: Key, cx: &Context<'_>) -> Poll<Result<RpcMessage, Failure>> {
        let Some(stream) = self.role.streams.get_mut(&key) else {
            return Poll::Ready(Err(Failure::NoResponse));
        };
        stream.poll_reply(cx)
    }

    /// The next event of a stream that stays open; `None` after the last.
    pub fn poll_event(&mut self, key: Key, cx: &Context<'_>) -> Poll<Option<Next>> {
        let Some(stream) = self.role.streams.get_mut(&key) else { return Poll::Ready(None) };
        stream.poll_event(cx)
    }

    /// Whether a stream can still carry events in either direction.
    pub fn is_open(&self, key: Key) -> bool {
        self.role.streams.get(&key).is_some_and(|it| it.id.is_some())
    }

    /// Ends a stream as far as the other side is concerned, and whoever waits for its events.
    pub fn end(&mut self, key: Key) {
        self.terminate(key);
        let Some(stream) = self.role.streams.get_mut(&key) else { return };
        self.output.wake(stream.close());
    }

    /// Forgets a stream whose owner is gone; it is ended if it is still open.
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
        if self.role.streams.is_empty() {
            self.role.deadlines.clear();
            self.role.deadlines.shrink_to(SPARE_DEADLINES);
            numbers::shrink(&mut self.role.streams);
            numbers::shrink(&mut self.role.keys);
        } else if self.role.deadlines.len() > 2 * self.role.streams.len() + SPARE_DEADLINES {
            let streams = &self.role.streams;
            self.role.deadlines.retain(|Reverse((deadline, key))| {
                streams.get(key).is_some_and(|it| it.deadline == Some(*deadline))
            });
        }
        self.end_if_used_up();
    }

    /// Tells the other side that a stream has ended, unless it has been told or has said so itself.
    pub(super) fn terminate(&mut self, key: Key) {
        let Some(stream) = self.role.streams.get_mut(&key) else { return };
        let lagging = stream.lagging.take();
        if let Some(id) = stream.id.take() {
            self.role.keys.remove(&id);
            if matches!(self.state, State::Open) {
                self.output.wake(log::terminate_sent(id));
                self.output.write_control(&Outgoing::terminate(id), &[], &[]);
            }
        } else if let Some(id) = lagging {
            self.role.keys.remove(&id);
        }
    }

    /// When [`expire_calls`](Self::expire_calls) has something to do, at the earliest.
    pub fn next_call_deadline(&self) -> Option<Instant> {
        self.role.deadlines.peek().map(|Reverse((deadline, _))| *deadline)
    }

    /// Ends the calls that are due.
    pub fn expire_calls(&mut self, now: Instant) {
        while let Some(Reverse((deadline, key))) = self.role.deadlines.peek().copied() {
            if deadline > now {
                break;
            }
            self.role.deadlines.pop();
            let Some(stream) = self.role.streams.get_mut(&key) else { continue };
            // It may have another one since: when it was opened again after an outage.
            if stream.deadline != Some(deadline) {
                continue;
            }
            if let Some(waker) = stream.expire() {
                self.output.wake(waker);
                self.terminate(key);
            }
        }
        self.end_if_used_up();
    }
}
