//! What arrives.

use std::time::Instant;

use bytes::BytesMut;

use super::{ConnectionEvent, Core, State, stream::Action};
use crate::{
    error::{ConnectionError, DecodeError},
    frame::{Frame, Header, HeaderValueRef},
    protocol::{
        Endpoint, MessageFlags, MessageType, Outgoing, RpcMessage, StreamId, Violation, header,
        log, patience::Patience, peer_error, ping_text,
    },
};

/// How much memory the events of the connection may take that wait, in bytes. One that takes more by itself waits
/// alone. Pings beyond it are answered and not reported, and an error beyond it ends the connection.
const EVENTS_LIMIT: usize = 1024 * 1024;

impl Core {
    /// Takes the whole messages off the front of what has arrived.
    pub(super) fn receive_all(
        &mut self,
        input: &mut BytesMut,
        buffer_len: usize,
        now: Instant,
    ) -> usize {
        let mut received = 0;
        if self.output.written() >= self.answers.1 {
            self.answers.0 = 0;
        }
        // A server that reads all the time may never have read everything.
        self.unread_answers = self.answers.0.min(self.output.waiting_bytes());
        while self.wants_input() {
            match self.decoder.decode_frame_in(input, buffer_len) {
                Ok(Some(frame)) => {
                    received += 1;
                    self.receive_frame(frame, now);
                }
                Ok(None) => break,
                Err(error) => {
                    // Framing is lost after a bad checksum or length: nothing can be said that would be
                    // understood for certain. Bad headers in a good frame can be reported.
                    let report =
                        matches!((&error, &self.state), (DecodeError::Headers(_), State::Open));
                    self.fail(error.into());
                    if report {
                        self.output.report(MessageType::InternalError, "a header cannot be read");
                    }
                }
            }
        }
        // Whoever opens the connection gives up on an acknowledgement that does not come.
        if let State::Open = self.state {
            let timeout = self.config.frame_timeout;
            self.patience =
                Patience::after(self.patience, received > 0, !input.is_empty(), now, timeout);
        }
        received
    }

    /// When [`expire_frame`](Self::expire_frame) has something to do.
    pub fn frame_deadline(&self) -> Option<Instant> {
        self.patience.as_ref().map(Patience::due)
    }

    /// Ends the connection if a message has begun and is not whole in time. For whoever has just found that
    /// there is no more to read: what is still to be read may be the rest of it. Time in which nobody comes
    /// here counts as a sixteenth of [`Config::frame_timeout`](super::Config) at most.
    pub fn expire_frame(&mut self, now: Instant) {
        if self.patience.as_mut().is_some_and(|it| it.is_over(now)) {
            self.fail(ConnectionError::FrameTimeout { after: self.config.frame_timeout });
        }
    }

    fn receive_frame(&mut self, frame: Frame, now: Instant) {
        self.last_words = None;
        let received = RpcMessage::read(frame).and_then(|message| match self.state {
            State::Connecting => self.receive_ack(&message, now),
            State::Open if message.stream_id == StreamId::CONNECTION => {
                self.receive_control(&message)
            }
            State::Open => self.receive_application(message),
            State::Down(_) | State::Closed(_) => Ok(()),
        });
        if let Err(Violation(rule)) = received {
            // Before the acknowledgement a client has nothing to say but its connect message.
            let report = matches!(self.state, State::Open);
            self.fail(ConnectionError::Protocol(rule));
            if report {
                self.output.report(MessageType::ProtocolError, rule);
            }
        }
    }

    fn receive_ack(&mut self, message: &RpcMessage, now: Instant) -> Result<(), Violation> {
        if message.stream_id != StreamId::CONNECTION {
            return Err(Violation("a connect acknowledgement on a stream"));
        }
        match message.message_type {
            MessageType::ConnectAck
                if message.flags.contains(MessageFlags::CONNECTION_ACCEPTED) =>
            {
                self.state = State::Open;
                self.is_accepted = Some(true);
                self.was_open = true;
                self.record(ConnectionEvent::Connected);
                self.resubscribe(now);
                self.output.wake_all();
            }
            MessageType::ConnectAck => {
                self.is_accepted = Some(false);
                self.fail(ConnectionError::ClosedByPeer);
            }
            MessageType::ProtocolError | MessageType::InternalError => {
                self.fail(peer_error(message))
            }
            _ => return Err(Violation("a message before the connect acknowledgement")),
        }
        Ok(())
    }

    fn receive_control(&mut self, message: &RpcMessage) -> Result<(), Violation> {
        match message.message_type {
            MessageType::Ping if self.is_answer(message) => self.receive_pong(),
            MessageType::Ping => return self.answer_ping(message),
            MessageType::PingResponse => self.receive_pong(),
            MessageType::ProtocolError | MessageType::InternalError => {
                let error = peer_error(message);
                // Whoever is told of errors decides whether this one ends the connection, unless they do
                // not listen.
                let is_heard = self.records_events && self.has_room_for_event(message);
                self.record(ConnectionEvent::Error(error.clone()));
                self.has_unjudged_error = is_heard;
                self.last_words = Some(error.clone());
                if !is_heard {
                    self.fail(error);
                }
            }
            // A server has no use for it; clients of the official SDKs pass over it.
            MessageType::Connect => {}
            MessageType::ConnectAck => return Err(Violation("a second connect acknowledgement")),
            MessageType::ApplicationMessage | MessageType::ApplicationError => {
                return Err(Violation("an application message on stream 0"));
            }
        }
        Ok(())
    }

    /// Whether a ping is the answer to the oldest ping of this side: a Java client sends answers under the type
    /// of a ping. No other ping has the text of ours.
    fn is_answer(&self, ping: &RpcMessage) -> bool {
        self.pings.front().is_some_and(|number| {
            let text = ping_text(*number);
            ping.payload() == text.as_bytes()
                && ping.message().header(header::PING) == Some(HeaderValueRef::String(&text))
        })
    }

    fn receive_pong(&mut self) {
        if self.pings.pop_front().is_some() {
            self.pongs += 1;
            self.output.wake_waiting();
        }
    }

    /// Answers as the Java nucleus does: the same payload, and the headers that are not the protocol's.
    fn answer_ping(&mut self, ping: &RpcMessage) -> Result<(), Violation> {
        // A server that asks and does not read must not fill the memory. Everything that arrived at once is
        // answered, as nothing could be written in between.
        if self.unread_answers > self.config.write_queue_limit as u64 {
            return Err(Violation("pings whose answers are not read"));
        }
        let before = self.output.queued();
        let headers: Vec<Header> = ping
            .headers()
            .filter(|it| !it.name.starts_with(':'))
            .map(|it| Header { name: it.name.to_owned(), value: it.value.to_owned() })
            .collect();
        let head = Outgoing::of_connection(MessageType::PingResponse);
        self.output.write_control(&head, &headers, ping.payload());
        self.answers = (self.answers.0 + self.output.queued() - before, self.output.queued());
        if self.records_events && self.has_room_for_event(ping) {
            let payload = bytes::Bytes::copy_from_slice(ping.payload());
            self.record(ConnectionEvent::Ping { headers, payload });
        }
        Ok(())
    }

    /// Whether a message may be recorded as an event of the connection.
    fn has_room_for_event(&self, message: &RpcMessage) -> bool {
        self.events.is_empty() || self.events.allocated() + message.frame_len() <= EVENTS_LIMIT
    }

    fn receive_application(&mut self, message: RpcMessage) -> Result<(), Violation> {
        if !matches!(
            message.message_type,
            MessageType::ApplicationMessage | MessageType::ApplicationError
        ) {
            return Err(Violation("a message of the connection on a stream"));
        }
        let id = message.stream_id;
        let is_used = id.0 > 0 && self.next_id.is_none_or(|next| id.0 < next);
        if !is_used {
            return Err(Violation("a message on a stream that was never opened"));
        }
        // A message that crossed the end of its stream is nobody's any more.
        let Some(key) = self.keys.get(&id).copied() else { return Ok(()) };
        let Some(stream) = self.streams.get_mut(&key) else { return Ok(()) };
        let (action, waker) = stream.receive(message);
        self.output.wake(waker);
        match action {
            Action::None => {}
            Action::Ended => {
                self.output.wake(log::terminate_received(id));
                stream.id = None;
                stream.lagging = None;
                self.keys.remove(&id);
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
