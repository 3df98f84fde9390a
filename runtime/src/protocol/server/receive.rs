//! What arrives.

use bytes::Bytes;

use super::{Config, Core, ErrorMessage, Incoming, Reader, Stream};
use crate::{
    error::{ConnectionError, Unhandled},
    frame::{Header, HeaderValueRef},
    protocol::{
        MessageType, ProtocolViolation, RpcMessage, StreamId, VERSION, header, log, peer_error,
    },
};

impl From<&Unhandled> for ErrorMessage {
    fn from(error: &Unhandled) -> Self {
        Self {
            service_model_type: error.shape_id().map(str::to_owned),
            content_type: error.content_type().unwrap_or(crate::protocol::JSON).to_owned(),
            payload: Bytes::copy_from_slice(error.payload()),
        }
    }
}

impl Core {
    pub(super) fn receive_connect(
        &mut self,
        message: &RpcMessage,
    ) -> Result<(), ProtocolViolation> {
        if message.message_type != MessageType::Connect || message.stream_id != StreamId::CONNECTION
        {
            return Err(ProtocolViolation("the first message is a connect message on stream 0"));
        }
        self.role.is_deciding = true;
        if message.message().header(header::VERSION) != Some(HeaderValueRef::String(VERSION)) {
            // As the Java nucleus: whoever speaks another version is refused like any stranger.
            self.refuse();
            return Ok(());
        }
        let reserved =
            [header::VERSION, header::MESSAGE_TYPE, header::MESSAGE_FLAGS, header::STREAM_ID];
        let headers = message
            .headers()
            .filter(|it| !reserved.iter().any(|name| it.name.eq_ignore_ascii_case(name)))
            .map(|it| Header { name: it.name.to_owned(), value: it.value.to_owned() })
            .collect();
        let payload = Bytes::copy_from_slice(message.payload());
        self.push(Incoming::Connect { headers, payload });
        Ok(())
    }

    pub(super) fn receive_control(
        &mut self,
        message: &RpcMessage,
    ) -> Result<(), ProtocolViolation> {
        match message.message_type {
            MessageType::Ping => drop(self.answer_ping(message)),
            MessageType::PingResponse => {}
            MessageType::Connect => return Err(ProtocolViolation("a second connect message")),
            // They are told apart before.
            MessageType::ApplicationMessage | MessageType::ApplicationError => {}
            MessageType::ProtocolError | MessageType::InternalError => {
                self.fail(peer_error(message));
            }
            MessageType::ConnectAck => {
                let error = ConnectionError::Protocol("a connect acknowledgement from the client");
                self.reject(MessageType::InternalError, "a client does not acknowledge", error);
            }
        }
        Ok(())
    }

    pub(super) fn receive_application(
        &mut self,
        message: RpcMessage,
    ) -> Result<(), ProtocolViolation> {
        let id = message.stream_id;
        if self.role.streams.contains_key(&id) {
            self.receive_on_stream(message);
            return Ok(());
        }
        if id.0 <= 0 {
            return Err(ProtocolViolation("stream ids are positive"));
        }
        if id.0 <= self.role.last_id {
            // A message that crossed the end of its stream, or tells of an end that came from here.
            let is_late = message.is_terminating() || message.operation().is_none();
            return if is_late {
                Ok(())
            } else {
                Err(ProtocolViolation("a stream id is used once"))
            };
        }
        if Some(id.0) != self.role.last_id.checked_add(1) {
            return Err(ProtocolViolation("stream ids count up from 1 without gaps"));
        }
        if message.operation().is_none_or(str::is_empty) {
            return Err(ProtocolViolation("the first message of a stream names its operation"));
        }
        self.role.last_id = id.0;
        if message.is_terminating() {
            // The client has given up before it was heard.
            return Ok(());
        }
        let stream = Stream::new(&message);
        // One that is over the limit by itself is served alone. Requests that the client has given up count
        // until the service has come to them.
        let held = self.role.received.max(self.role.incoming.allocated());
        let is_too_much = held > 0 && held + stream.held() > self.role.config.received_limit;
        let count = (self.role.streams.len() + self.role.ended.len()).max(self.role.incoming.len());
        if self.role.is_draining || is_too_much || count >= self.role.config.max_streams {
            self.write_internal_error(id);
            return Ok(());
        }
        self.role.received += stream.held();
        self.role.streams.insert(id, stream);
        self.push(Incoming::Request(message));
        Ok(())
    }

    fn receive_on_stream(&mut self, message: RpcMessage) {
        let id = message.stream_id;
        let is_end = message.is_terminating();
        // Only an event has a payload: an empty message that ends the stream says no more than that.
        if !(is_end && message.payload().is_empty()) {
            let Config { event_queue_limit, received_limit, .. } = self.role.config;
            let Some(stream) = self.role.streams.get_mut(&id) else { return };
            let is_taken = match stream.reader {
                Reader::None => false,
                // The handler has dropped its stream of events.
                Reader::Closed => true,
                Reader::Unknown | Reader::Open => {
                    let others = self.role.received - stream.held();
                    let more = stream.push(message, event_queue_limit, others, received_limit);
                    self.role.received += more.unwrap_or_default();
                    self.output.wake(stream.take_wakers());
                    more.is_some()
                }
            };
            // Who has ended the stream needs no answer.
            if !is_taken && !is_end {
                return self.refuse_event(id);
            }
        }
        if is_end {
            self.output.wake(log::terminate_received(id));
            self.remove(id);
        }
    }

    fn push(&mut self, incoming: Incoming) {
        self.role.incoming.push(incoming);
        self.output.wake_waiting();
    }
}
