//! Checks of the protocol rules for the messages that one side writes.

use std::collections::BTreeMap;

use bytes::BytesMut;
use eventstream_rpc::{
    frame::Decoder,
    protocol::{MessageType, RpcMessage},
};

/// Decodes output, which must consist of complete messages.
pub(crate) fn messages(mut written: BytesMut) -> Vec<RpcMessage> {
    let messages = whole(&mut written);
    assert!(written.is_empty(), "the output ends with an incomplete message");
    messages
}

/// Removes the complete messages from the front of the output.
pub(crate) fn whole(written: &mut BytesMut) -> Vec<RpcMessage> {
    let mut decoder = Decoder::default();
    let mut messages = Vec::new();
    while let Some(frame) = decoder.decode(written).expect("the output decodes") {
        messages
            .push(RpcMessage::read(frame).expect("each message has the three required headers"));
    }
    messages
}

/// The state of a stream on the wire.
#[derive(Debug, Default)]
struct Stream {
    /// Whether this side has ended the stream.
    is_ended: bool,
    /// The number of bytes that this side had queued when it read the other side's end of the stream.
    peer_ended: Option<u64>,
    has_response: bool,
}

/// The state of a connection on the wire. Positions are the numbers of bytes queued since the start.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    streams: BTreeMap<i32, Stream>,
    pub(crate) last_id: i32,
    /// Whether the connect message or the connect-ack was written.
    has_handshake: bool,
    /// The position after which this side may send application messages.
    pub(crate) open_from: Option<u64>,
    is_over: bool,
}

impl Wire {
    /// Records that the other side's end of a stream was read when `queued` bytes had been queued.
    pub(crate) fn peer_ended(&mut self, id: i32, queued: u64) {
        self.streams.entry(id).or_default().peer_ended.get_or_insert(queued);
    }

    /// Checks a message of the client that begins at a position.
    pub(crate) fn client_wrote(&mut self, message: &RpcMessage, at: u64) {
        assert!(!self.is_over, "a message after an error report: {message:?}");
        let is_report =
            matches!(message.message_type, MessageType::ProtocolError | MessageType::InternalError);
        // If a server violates the protocol before the connect message is written, the error report replaces it.
        if !self.has_handshake && !is_report {
            assert_eq!(
                message.message_type,
                MessageType::Connect,
                "the connect message comes first"
            );
            self.has_handshake = true;
            return;
        }
        let from = self.open_from.expect("messages follow the connect-ack");
        assert!(at >= from, "a message before the connect-ack: {message:?}");
        let id = message.stream_id.0;
        match message.message_type {
            MessageType::ApplicationMessage if message.operation().is_some() => {
                assert_eq!(id, self.last_id + 1, "stream ids count up without gaps");
                assert!(!message.is_terminating());
                self.last_id = id;
            }
            MessageType::ApplicationMessage => {
                assert!(id > 0 && id <= self.last_id, "a message on an unopened stream");
                self.check_stream(id, at, message);
            }
            MessageType::Ping => {
                assert_eq!(id, 0);
                let custom = message.headers().filter(|(name, _)| !name.starts_with(':')).count();
                assert!(
                    custom == 1 && !message.payload().is_empty(),
                    "the Java server fails on such a ping"
                );
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
        assert!(!self.is_over, "a message after an error report: {message:?}");
        let id = message.stream_id.0;
        match message.message_type {
            MessageType::ProtocolError | MessageType::InternalError => {
                assert_eq!(id, 0);
                self.is_over = true;
                return;
            }
            MessageType::ConnectAck => {
                assert!(!self.has_handshake, "a second connect-ack");
                self.has_handshake = true;
                // A rejection is the last message.
                self.is_over = message.flags.0 & 1 == 0;
                return;
            }
            _ => assert!(self.has_handshake, "a message before the connect-ack: {message:?}"),
        }
        match message.message_type {
            MessageType::ApplicationMessage | MessageType::ApplicationError => {
                assert!(id > 0 && id <= self.last_id, "a message on an unopened stream");
                let has_response = &mut self.streams.entry(id).or_default().has_response;
                match message.service_model_type() {
                    Some(crate::invariants::frames::EVENT) => {
                        assert!(*has_response, "an event before the response")
                    }
                    Some(crate::invariants::frames::RESPONSE) => {
                        assert!(!*has_response, "a second response");
                        *has_response = true;
                    }
                    _ => assert!(
                        message.is_terminating(),
                        "errors and empty messages end the stream"
                    ),
                }
                self.check_stream(id, at, message);
            }
            MessageType::PingResponse => assert_eq!(id, 0),
            other => panic!("a server does not send {other:?}"),
        }
    }

    /// Checks that a message on a stream is written before both sides have ended the stream.
    fn check_stream(&mut self, id: i32, at: u64, message: &RpcMessage) {
        let stream = self.streams.entry(id).or_default();
        assert!(!stream.is_ended, "a message after this side ended stream {id}: {message:?}");
        assert!(
            stream.peer_ended.is_none_or(|it| at < it),
            "a message after the other side ended stream {id}: {message:?}"
        );
        stream.is_ended = message.is_terminating();
    }
}
