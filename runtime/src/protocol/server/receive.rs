//! What arrives.

use std::time::Instant;

use bytes::{Bytes, BytesMut};

use super::{Config, Core, ErrorMessage, Incoming, Reader, State, Stream};
use crate::{
    error::{ConnectionError, DecodeError, Unhandled},
    frame::{Frame, Header, HeaderValueRef},
    protocol::{
        Endpoint, MessageType, Outgoing, RpcMessage, StreamId, VERSION, Violation, header, log,
        patience::Patience, peer_error,
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
    pub(super) fn receive_all(
        &mut self,
        input: &mut BytesMut,
        buffer_len: usize,
        now: Instant,
    ) -> usize {
        let mut received = 0;
        while self.wants_input() {
            match self.decoder.decode_frame_in(input, buffer_len) {
                Ok(Some(frame)) => {
                    received += 1;
                    self.receive_frame(frame);
                }
                Ok(None) => break,
                Err(error) => {
                    // As the library under the official SDKs: bad framing is not answered, bad headers in
                    // a good frame are.
                    if matches!(error, DecodeError::Headers(_)) {
                        self.report(MessageType::InternalError, "a header cannot be read");
                    }
                    self.fail(error.into());
                }
            }
        }
        if let State::Open = self.state {
            // What is not looked at may be whole.
            let is_partial = !input.is_empty() && self.wants_input();
            let timeout = self.config.frame_timeout;
            self.patience = Patience::after(self.patience, received > 0, is_partial, now, timeout);
        }
        received
    }

    fn receive_frame(&mut self, frame: Frame) {
        let received = RpcMessage::read(frame).and_then(|message| match self.state {
            State::New => self.receive_connect(&message),
            _ if message.stream_id == StreamId::CONNECTION => self.receive_control(&message),
            _ => self.receive_application(message),
        });
        if let Err(Violation(rule)) = received {
            self.report(MessageType::ProtocolError, rule);
            self.fail(ConnectionError::Protocol(rule));
        }
    }

    /// Tells the client what is wrong, before the connection ends.
    fn report(&mut self, message_type: MessageType, rule: &str) {
        self.output.report(message_type, rule);
        self.is_told = true;
    }

    fn receive_connect(&mut self, message: &RpcMessage) -> Result<(), Violation> {
        if message.message_type != MessageType::Connect || message.stream_id != StreamId::CONNECTION
        {
            return Err(Violation("the first message is a connect message on stream 0"));
        }
        self.state = State::Deciding;
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

    fn receive_control(&mut self, message: &RpcMessage) -> Result<(), Violation> {
        match message.message_type {
            // As the Java nucleus: the same payload, and the headers that are not the protocol's.
            MessageType::Ping => {
                let headers: Vec<_> = message
                    .headers()
                    .filter(|it| !it.name.starts_with(':'))
                    .map(|it| Header { name: it.name.to_owned(), value: it.value.to_owned() })
                    .collect();
                let head = Outgoing::of_connection(MessageType::PingResponse);
                self.output.write_control(&head, &headers, message.payload());
            }
            MessageType::PingResponse => {}
            MessageType::Connect => return Err(Violation("a second connect message")),
            MessageType::ApplicationMessage | MessageType::ApplicationError => {
                return Err(Violation("an application message on stream 0"));
            }
            MessageType::ProtocolError | MessageType::InternalError => {
                self.fail(peer_error(message));
            }
            MessageType::ConnectAck => {
                self.report(MessageType::InternalError, "a client does not acknowledge");
                self.fail(ConnectionError::Protocol("a connect acknowledgement from the client"));
            }
        }
        Ok(())
    }

    fn receive_application(&mut self, message: RpcMessage) -> Result<(), Violation> {
        if !matches!(
            message.message_type,
            MessageType::ApplicationMessage | MessageType::ApplicationError
        ) {
            return Err(Violation("a message of the connection on a stream"));
        }
        let id = message.stream_id;
        if self.streams.contains_key(&id) {
            self.receive_on_stream(message);
            return Ok(());
        }
        if id.0 <= 0 {
            return Err(Violation("stream ids are positive"));
        }
        if id.0 <= self.last_id {
            // A message that crossed the end of its stream, or tells of an end that came from here.
            let is_late = message.is_terminating() || message.operation().is_none();
            return if is_late { Ok(()) } else { Err(Violation("a stream id is used once")) };
        }
        if Some(id.0) != self.last_id.checked_add(1) {
            return Err(Violation("stream ids count up from 1 without gaps"));
        }
        if message.operation().is_none_or(str::is_empty) {
            return Err(Violation("the first message of a stream names its operation"));
        }
        self.last_id = id.0;
        if message.is_terminating() {
            // The client has given up before it was heard.
            return Ok(());
        }
        let stream = Stream::new(&message);
        // One that is over the limit by itself is served alone. Requests that the client has given up count
        // until the service has come to them.
        let held = self.received.max(self.incoming.allocated());
        let is_too_much = held > 0 && held + stream.held() > self.config.received_limit;
        let count = (self.streams.len() + self.ended.len()).max(self.incoming.len());
        if self.is_draining || is_too_much || count >= self.config.max_streams {
            self.write_internal_error(id);
            return Ok(());
        }
        self.received += stream.held();
        self.streams.insert(id, stream);
        self.push(Incoming::Request(message));
        Ok(())
    }

    fn receive_on_stream(&mut self, message: RpcMessage) {
        let id = message.stream_id;
        let is_end = message.is_terminating();
        // Only an event has a payload: an empty message that ends the stream says no more than that.
        if !(is_end && message.payload().is_empty()) {
            let Config { event_queue_limit, received_limit, .. } = self.config;
            let Some(stream) = self.streams.get_mut(&id) else { return };
            let is_taken = match stream.reader {
                Reader::None => false,
                // The handler has dropped its stream of events.
                Reader::Closed => true,
                Reader::Unknown | Reader::Open => {
                    let others = self.received - stream.held();
                    let more = stream.push(message, event_queue_limit, others, received_limit);
                    self.received += more.unwrap_or_default();
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
        self.incoming.push(incoming);
        self.output.wake_waiting();
    }
}
