//! What one side has written, message by message, against the rules that it must keep.

use std::collections::BTreeMap;

use bytes::BytesMut;
use eventstream_rpc::{
    frame::Decoder,
    protocol::{MessageType, RpcMessage},
};

/// Reads what was written: whole messages, and nothing else.
pub(crate) fn messages(mut written: BytesMut) -> Vec<RpcMessage> {
    let messages = whole(&mut written);
    assert!(written.is_empty(), "only whole messages are written");
    messages
}

/// Takes the whole messages off the front of what was written.
pub(crate) fn whole(written: &mut BytesMut) -> Vec<RpcMessage> {
    let mut decoder = Decoder::default();
    let mut messages = Vec::new();
    while let Some(frame) = decoder.decode_frame(written).expect("what is written decodes") {
        messages.push(RpcMessage::read(frame).expect("every message has its three headers"));
    }
    messages
}

/// What is known of one stream on the wire.
#[derive(Debug, Default)]
struct Stream {
    /// This side has ended it.
    is_ended: bool,
    /// How many bytes this side had queued when it read that the other side had ended the stream.
    peer_ended: Option<u64>,
    has_response: bool,
}

/// One connection, as the other side sees it. Positions are bytes queued since the start.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    streams: BTreeMap<i32, Stream>,
    pub(crate) last_id: i32,
    is_introduced: bool,
    /// From where on this side may say what it wants.
    pub(crate) open_from: Option<u64>,
    is_over: bool,
}

impl Wire {
    /// The other side's end of a stream has been read when `queued` bytes had been queued.
    pub(crate) fn peer_ended(&mut self, id: i32, queued: u64) {
        self.streams.entry(id).or_default().peer_ended.get_or_insert(queued);
    }

    /// Checks a message of the client that begins at a position.
    pub(crate) fn client_wrote(&mut self, message: &RpcMessage, at: u64) {
        assert!(!self.is_over, "nothing follows the report of an error: {message:?}");
        let is_report =
            matches!(message.message_type, MessageType::ProtocolError | MessageType::InternalError);
        // A server that accepts unasked, and then breaks a rule, is told so in the place of the introduction.
        if !self.is_introduced && !is_report {
            assert_eq!(message.message_type, MessageType::Connect, "it introduces itself first");
            self.is_introduced = true;
            return;
        }
        let from = self.open_from.expect("nothing is sent before the acknowledgement");
        assert!(at >= from, "nothing is queued before the acknowledgement: {message:?}");
        let id = message.stream_id.0;
        match message.message_type {
            MessageType::ApplicationMessage if message.operation().is_some() => {
                assert_eq!(id, self.last_id + 1, "ids count up without gaps");
                assert!(!message.is_terminating());
                self.last_id = id;
            }
            MessageType::ApplicationMessage => {
                assert!(id > 0 && id <= self.last_id, "a message on a stream that was opened");
                self.goes_on(id, at, message);
            }
            MessageType::Ping => {
                assert_eq!(id, 0);
                let own = message.headers().filter(|it| !it.name.starts_with(':')).count();
                assert!(own == 1 && !message.payload().is_empty(), "a Java server dies of another");
            }
            MessageType::PingResponse => assert_eq!(id, 0),
            MessageType::ProtocolError | MessageType::InternalError => {
                assert_eq!(id, 0);
                self.is_over = true;
            }
            other => panic!("a client does not send {other:?}"),
        }
    }

    /// Checks a message of the server that begins at a position.
    pub(crate) fn server_wrote(&mut self, message: &RpcMessage, at: u64) {
        assert!(!self.is_over, "nothing follows the report of an error: {message:?}");
        let id = message.stream_id.0;
        match message.message_type {
            MessageType::ProtocolError | MessageType::InternalError => {
                assert_eq!(id, 0);
                self.is_over = true;
                return;
            }
            MessageType::ConnectAck => {
                assert!(!self.is_introduced, "it acknowledges once");
                self.is_introduced = true;
                // Whoever is refused hears nothing else.
                self.is_over = message.flags.0 & 1 == 0;
                return;
            }
            _ => assert!(self.is_introduced, "it acknowledges first: {message:?}"),
        }
        match message.message_type {
            MessageType::ApplicationMessage | MessageType::ApplicationError => {
                assert!(id > 0 && id <= self.last_id, "a message on a stream that was opened");
                let has_response = &mut self.streams.entry(id).or_default().has_response;
                match message.service_model_type() {
                    Some(crate::invariants::frames::EVENT) => {
                        assert!(*has_response, "the response is first")
                    }
                    Some(crate::invariants::frames::RESPONSE) => {
                        assert!(!*has_response, "there is one response");
                        *has_response = true;
                    }
                    _ => assert!(message.is_terminating(), "errors and ends are last"),
                }
                self.goes_on(id, at, message);
            }
            MessageType::PingResponse => assert_eq!(id, 0),
            other => panic!("a server does not send {other:?}"),
        }
    }

    /// A message on a stream is neither after its end from this side, nor after that of the other.
    fn goes_on(&mut self, id: i32, at: u64, message: &RpcMessage) {
        let stream = self.streams.entry(id).or_default();
        assert!(!stream.is_ended, "stream {id} had been ended: {message:?}");
        assert!(
            stream.peer_ended.is_none_or(|it| at < it),
            "the other side had ended stream {id}: {message:?}"
        );
        stream.is_ended = message.is_terminating();
    }
}
