//! Messages that arrive at a server.

use std::time::{Duration, Instant};

use super::{
    CLOSING_GRACE, Config, Core, Server,
    stream::{Reader, Stream},
};
use crate::{
    error::ConnectionError,
    frame::HeaderValueRef,
    protocol::{
        MessageType, ProtocolViolation, RpcMessage, StreamId, VERSION,
        endpoint::State,
        header, log, peer_error,
        role::{Received, Role},
        waiting::QueueLimit,
    },
};

impl Role for Server {
    const REPORTS_EARLY: bool = true;

    // Messages that a client sends before it is accepted are not decoded until then. While too many replies wait to be
    // read by the client, nothing is read from it.
    fn wants_input(core: &Core) -> bool {
        match core.state {
            State::Open => core.room(QueueLimit::Reply).is_some(),
            _ => !core.role.is_deciding,
        }
    }

    fn receive_handshake(core: &mut Core, message: RpcMessage, _: Instant) -> Received {
        if message.message_type != MessageType::Connect || message.stream_id != StreamId::CONNECTION
        {
            return Err(ProtocolViolation("the first message is a connect message on stream 0"));
        }
        core.role.is_deciding = true;
        if message.header(header::VERSION) == Some(HeaderValueRef::String(VERSION)) {
            core.push(message);
        } else {
            // As the Java nucleus: a client of another version is refused without a reason.
            core.refuse();
        }
        Ok(())
    }

    fn receive_control(core: &mut Core, message: &RpcMessage) -> Received {
        match message.message_type {
            MessageType::Ping => core.answer_ping(message),
            MessageType::Connect => return Err(ProtocolViolation("a second connect message")),
            // The answer is that of the Java nucleus.
            MessageType::ProtocolError | MessageType::InternalError => {
                let rule = "a client does not report errors";
                core.reject(MessageType::InternalError, rule, peer_error(message));
            }
            MessageType::ConnectAck => {
                let error = ConnectionError::Protocol("a connect acknowledgement from the client");
                core.reject(MessageType::InternalError, "a client does not acknowledge", error);
            }
            MessageType::PingResponse
            | MessageType::ApplicationMessage
            | MessageType::ApplicationError => {}
        }
        Ok(())
    }

    fn receive_application(core: &mut Core, message: RpcMessage) -> Received {
        let id = message.stream_id;
        if core.open_stream(id).is_some() {
            core.receive_on_stream(message);
            return Ok(());
        }
        if id.0 <= 0 {
            return Err(ProtocolViolation("stream ids are positive"));
        }
        if id.0 <= core.role.last_id {
            // The client sent it before it knew that the stream had ended.
            let is_late = message.is_terminating()
                || message.operation().is_none() && !core.role.config.strict_stream_ends;
            let reused = ProtocolViolation("a stream id is used once");
            return if is_late { Ok(()) } else { Err(reused) };
        }
        if Some(id.0) != core.role.last_id.checked_add(1) {
            return Err(ProtocolViolation("stream ids count up from 1 without gaps"));
        }
        if message.operation().is_none_or(str::is_empty) {
            return Err(ProtocolViolation("the first message of a stream names its operation"));
        }
        core.role.last_id = id.0;
        // Otherwise the client has ended the stream with the request.
        if !message.is_terminating() {
            core.receive_request(message);
        }
        Ok(())
    }

    fn fail(core: &mut Core, error: ConnectionError) {
        if core.is_closed() {
            return;
        }
        let was_open = matches!(core.state, State::Open);
        // Requests that arrived before the client closed the connection are still served.
        let is_ours = matches!(error, ConnectionError::Closed | ConnectionError::RuntimeStopped);
        core.state = State::Closed(error);
        core.remove_all(is_ours || !was_open);
        core.role.is_deciding = false;
        core.deadline = None;
        core.frame_timer = None;
        core.output.wake_all();
        core.output.wake_driver();
    }

    fn expire(core: &mut Core, _: Instant) {
        core.fail(ConnectionError::Protocol("no connect message in time"));
    }

    fn closing_grace(core: &Core) -> Option<Duration> {
        use ConnectionError::{ClosedByPeer, Io, RuntimeStopped};
        match core.state {
            State::Closed(ClosedByPeer | Io(_) | RuntimeStopped) => None,
            _ if core.is_told => Some(CLOSING_GRACE),
            _ => Some(Duration::ZERO),
        }
    }
}

impl Core {
    fn receive_request(&mut self, message: RpcMessage) {
        let (id, stream) = (message.stream_id, Stream::new(&message));
        // A request that is over the limit is served alone. Requests that the client has cancelled count until the
        // service has taken them.
        let role = &mut self.role;
        let held = role.received.max(role.incoming.allocated());
        let is_too_much = held > 0 && held + stream.held() > role.config.received_limit;
        let count = role.streams.len().max(role.incoming.len());
        if role.is_draining || is_too_much || count >= role.config.max_streams {
            return self.write_internal_error(id);
        }
        role.received += stream.held();
        role.streams.insert(id, stream);
        self.push(message);
    }

    fn receive_on_stream(&mut self, message: RpcMessage) {
        let id = message.stream_id;
        let is_end = message.is_terminating();
        // An empty message that ends the stream is not an event.
        if !(is_end && message.payload().is_empty()) {
            let Config { event_queue_limit, received_limit, strict_stream_ends, .. } =
                self.role.config;
            let Some(stream) = self.role.streams.get_mut(&id) else { return };
            let is_taken = match stream.reader {
                Reader::None => false,
                // The handler has dropped its stream of events.
                Reader::Closed => true,
                Reader::Unknown | Reader::Open => {
                    let others = self.role.received - stream.held();
                    let more = stream.push(message, event_queue_limit, others, received_limit);
                    self.role.received += more.unwrap_or_default();
                    self.output.wake(stream.wakers.drain(..));
                    more.is_some()
                }
            };
            // A client that has ended the stream needs no answer.
            if !is_taken && (!is_end || strict_stream_ends) {
                return self.refuse_event(id);
            }
        }
        if is_end {
            self.output.wake(log::trace(id, "terminate received"));
            self.remove(id);
        }
    }

    fn push(&mut self, message: RpcMessage) {
        self.role.incoming.push(message);
        self.output.wake_waiting();
    }
}
