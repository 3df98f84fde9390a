//! What arrives.

use std::time::Instant;

use super::{ConnectionEvent, Core, State, stream::Action};
use crate::{
    error::ConnectionError,
    frame::HeaderValueRef,
    protocol::{
        MessageFlags, MessageType, Outgoing, ProtocolViolation, RpcMessage, StreamId, header, log,
        peer_error, ping_text,
    },
};

/// How much memory the events of the connection may take that wait, in bytes. One that takes more by itself waits
/// alone. Pings beyond it are answered and not reported, and an error beyond it ends the connection.
const EVENTS_LIMIT: usize = 1024 * 1024;

impl Core {
    pub(super) fn count_unread_answers(&mut self) {
        if self.output.written() >= self.role.answers.1 {
            self.role.answers.0 = 0;
        }
        // A server that reads all the time may never have read everything.
        self.role.unread_answers = self.role.answers.0.min(self.output.waiting_bytes());
    }

    pub(super) fn receive_ack(
        &mut self,
        message: &RpcMessage,
        now: Instant,
    ) -> Result<(), ProtocolViolation> {
        if message.stream_id != StreamId::CONNECTION {
            return Err(ProtocolViolation("a connect acknowledgement on a stream"));
        }
        match message.message_type {
            MessageType::ConnectAck
                if message.flags.contains(MessageFlags::CONNECTION_ACCEPTED) =>
            {
                self.state = State::Open;
                self.role.is_accepted = Some(true);
                self.role.was_open = true;
                self.record(ConnectionEvent::Connected);
                self.resubscribe(now);
                self.output.wake_all();
            }
            MessageType::ConnectAck => {
                self.role.is_accepted = Some(false);
                self.fail(ConnectionError::ClosedByPeer);
            }
            MessageType::ProtocolError | MessageType::InternalError => {
                self.fail(peer_error(message))
            }
            _ => return Err(ProtocolViolation("a message before the connect acknowledgement")),
        }
        Ok(())
    }

    pub(super) fn receive_control(
        &mut self,
        message: &RpcMessage,
    ) -> Result<(), ProtocolViolation> {
        match message.message_type {
            MessageType::Ping if self.is_answer(message) => self.receive_pong(),
            MessageType::Ping => return self.receive_ping(message),
            MessageType::PingResponse => self.receive_pong(),
            MessageType::ProtocolError | MessageType::InternalError => {
                let error = peer_error(message);
                // Whoever is told of errors decides whether this one ends the connection, unless they do
                // not listen.
                let is_heard = self.role.records_events && self.has_room_for_event(message);
                self.record(ConnectionEvent::Error(error.clone()));
                self.role.has_unjudged_error = is_heard;
                self.role.last_words = Some(error.clone());
                if !is_heard {
                    self.fail(error);
                }
            }
            // A server has no use for it; clients of the official SDKs pass over it.
            MessageType::Connect => {}
            MessageType::ConnectAck => {
                return Err(ProtocolViolation("a second connect acknowledgement"));
            }
            // They are told apart before.
            MessageType::ApplicationMessage | MessageType::ApplicationError => {}
        }
        Ok(())
    }

    /// Whether a ping is the answer to the oldest ping of this side: a Java client sends answers under the type
    /// of a ping. No other ping has the text of ours.
    fn is_answer(&self, ping: &RpcMessage) -> bool {
        self.role.pings.front().is_some_and(|number| {
            let text = ping_text(*number);
            ping.payload() == text.as_bytes()
                && ping.message().header(header::PING) == Some(HeaderValueRef::String(&text))
        })
    }

    fn receive_pong(&mut self) {
        if self.role.pings.pop_front().is_some() {
            self.role.pongs += 1;
            self.output.wake_waiting();
        }
    }

    fn receive_ping(&mut self, ping: &RpcMessage) -> Result<(), ProtocolViolation> {
        // A server that asks and does not read must not fill the memory. Everything that arrived at once is
        // answered, as nothing could be written in between.
        if self.role.unread_answers > self.settings.write_queue_limit as u64 {
            return Err(ProtocolViolation("pings whose answers are not read"));
        }
        let before = self.output.queued();
        let headers = self.answer_ping(ping);
        self.role.answers =
            (self.role.answers.0 + self.output.queued() - before, self.output.queued());
        if self.role.records_events && self.has_room_for_event(ping) {
            let payload = bytes::Bytes::copy_from_slice(ping.payload());
            self.record(ConnectionEvent::Ping { headers, payload });
        }
        Ok(())
    }

    /// Whether a message may be recorded as an event of the connection.
    fn has_room_for_event(&self, message: &RpcMessage) -> bool {
        self.role.events.is_empty()
            || self.role.events.allocated() + message.frame_len() <= EVENTS_LIMIT
    }

    pub(super) fn receive_application(
        &mut self,
        message: RpcMessage,
    ) -> Result<(), ProtocolViolation> {
        let id = message.stream_id;
        let is_used = id.0 > 0 && self.role.next_id.is_none_or(|next| id.0 < next);
        if !is_used {
            return Err(ProtocolViolation("a message on a stream that was never opened"));
        }
        // A message that crossed the end of its stream is nobody's any more.
        let Some(key) = self.role.keys.get(&id).copied() else { return Ok(()) };
        let Some(stream) = self.role.streams.get_mut(&key) else { return Ok(()) };
        let (action, waker) = stream.receive(message);
        self.output.wake(waker);
        match action {
            Action::None => {}
            Action::Ended => {
                self.output.wake(log::terminate_received(id));
                stream.id = None;
                stream.lagging = None;
                self.role.keys.remove(&id);
            }
            Action::Terminate => self.terminate(key),
            Action::Lag => {
                stream.lagging = stream.id.take();
                self.output.wake(log::terminate_sent(id));
                self.output.write_control(&Outgoing::terminate(id), &[], &[]);
            }
        }
        self.end_if_used_up();
        Ok(())
    }
}
