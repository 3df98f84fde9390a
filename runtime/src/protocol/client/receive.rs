//! Messages that arrive at a client.

use std::time::Instant;

use super::{Client, ConnectionEvent, Core, stream::Wire};
use crate::{
    error::ConnectionError,
    frame::HeaderValueRef,
    protocol::{
        MessageFlags, MessageType, ProtocolViolation, RpcMessage, StreamId,
        endpoint::State,
        header, log, peer_error, ping_text,
        role::{Received, Role},
    },
};

/// How much memory the queued connection events may take, in bytes. An event that takes more is queued alone. Pings over
/// the limit are answered and not reported, and an error over the limit ends the connection.
const EVENTS_LIMIT: usize = 1024 * 1024;

// A client always reads, even if the queue of a subscription is full: the next message may be for another stream.
impl Role for Client {
    const REPORTS_EARLY: bool = false;

    fn start_receiving(core: &mut Core) {
        let answers = &mut core.role.answers;
        if core.output.written >= answers.end {
            answers.queued = 0;
        }
        // If the server reads slowly, `queued` may never become 0: no more can be unread than waits in the output.
        answers.unread = answers.queued.min(core.output.waiting_bytes());
    }

    fn receive_handshake(core: &mut Core, message: RpcMessage, now: Instant) -> Received {
        if message.stream_id != StreamId::CONNECTION {
            return Err(ProtocolViolation("a connect acknowledgement on a stream"));
        }
        let is_accepted = message.flags.contains(MessageFlags::CONNECTION_ACCEPTED);
        match message.message_type {
            MessageType::ConnectAck => core.role.is_accepted = Some(is_accepted),
            MessageType::ProtocolError | MessageType::InternalError => {
                core.fail(peer_error(&message));
                return Ok(());
            }
            _ => return Err(ProtocolViolation("a message before the connect acknowledgement")),
        }
        if is_accepted {
            core.state = State::Open;
            core.role.was_open = true;
            core.record(ConnectionEvent::Connected);
            core.resubscribe(now);
            core.output.wake_all();
        } else {
            core.fail(ConnectionError::ClosedByPeer);
        }
        Ok(())
    }

    fn receive_control(core: &mut Core, message: &RpcMessage) -> Received {
        core.role.last_error = None;
        match message.message_type {
            MessageType::Ping if core.is_answer(message) => core.receive_pong(),
            MessageType::Ping => return core.receive_ping(message),
            MessageType::PingResponse => core.receive_pong(),
            MessageType::ProtocolError | MessageType::InternalError => {
                let error = peer_error(message);
                // If the application takes connection events, it decides whether the error ends the connection.
                let is_heard = core.role.records_events && core.has_room_for_event(message);
                core.record(ConnectionEvent::Error(error.clone()));
                core.role.has_unjudged_error = is_heard;
                core.role.last_error = Some(error.clone());
                if !is_heard {
                    core.fail(error);
                }
            }
            MessageType::ConnectAck => {
                return Err(ProtocolViolation("a second connect acknowledgement"));
            }
            // A server does not send a connect message; clients of the official SDKs ignore it.
            MessageType::Connect
            | MessageType::ApplicationMessage
            | MessageType::ApplicationError => {}
        }
        Ok(())
    }

    fn receive_application(core: &mut Core, message: RpcMessage) -> Received {
        core.role.last_error = None;
        let id = message.stream_id;
        let is_used = id.0 > 0 && core.role.next_id.is_none_or(|next| id.0 < next);
        if !is_used {
            return Err(ProtocolViolation("a message on a stream that was never opened"));
        }
        // Messages that arrive after the stream ended are dropped.
        let Some(key) = core.role.keys.get(&id).copied() else { return Ok(()) };
        let Some(stream) = core.role.streams.get_mut(&key) else { return Ok(()) };
        let is_terminating = message.is_terminating();
        let (is_over, waker) = stream.receive(message);
        core.output.wake(waker);
        if is_terminating {
            core.output.wake(log::trace(id, "terminate received"));
            stream.wire = Wire::Ended;
            core.role.keys.remove(&id);
        } else if is_over && matches!(stream.wire, Wire::Lagging(_)) {
            // Events that still arrive are counted.
            core.send_terminate(id);
        } else if is_over {
            core.terminate(key);
        }
        core.end_if_used_up();
        Ok(())
    }

    fn fail(core: &mut Core, error: ConnectionError) {
        core.lose(error);
    }

    fn expire(core: &mut Core, now: Instant) {
        core.expire_calls(now);
    }

    fn can_send(&self) -> bool {
        self.next_id.is_some()
    }

    fn waits_for_open(&self) -> bool {
        self.was_open && self.config.calls_wait
    }

    // A single call is written directly; several are better written together. With a deadline that is earlier
    // than its timer, the driver has to be woken.
    fn writes_directly(core: &Core) -> bool {
        core.role.calls <= 1 && matches!(core.state, State::Open) && core.is_timed()
    }
}

impl Core {
    /// Whether a ping is the answer to the oldest ping of this side: the Java SDK answers with the type of a ping. No
    /// other ping has this text.
    fn is_answer(&self, ping: &RpcMessage) -> bool {
        let text = ping_text(self.role.pongs + 1);
        self.role.pongs < self.role.pings
            && ping.payload() == text.as_bytes()
            && ping.header(header::PING) == Some(HeaderValueRef::String(&text))
    }

    fn receive_pong(&mut self) {
        if self.role.pongs < self.role.pings {
            self.role.pongs += 1;
            self.output.wake_waiting();
        }
    }

    fn receive_ping(&mut self, ping: &RpcMessage) -> Received {
        // A server that sends pings and does not read the answers must not fill the memory. Pings that arrive together
        // are all answered, because nothing can be written in between.
        if self.role.answers.unread > self.settings.write_queue_limit as u64 {
            return Err(ProtocolViolation("pings whose answers are not read"));
        }
        let before = self.output.queued;
        self.answer_ping(ping);
        self.role.answers.end = self.output.queued;
        self.role.answers.queued += self.role.answers.end - before;
        if self.role.records_events && self.has_room_for_event(ping) {
            self.record(ConnectionEvent::Ping(ping.copied()));
        }
        Ok(())
    }

    /// Whether there is room for a message as a connection event.
    fn has_room_for_event(&self, message: &RpcMessage) -> bool {
        let events = &self.role.events;
        events.is_empty() || events.allocated() + message.as_bytes().len() <= EVENTS_LIMIT
    }
}
