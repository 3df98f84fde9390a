//! Messages with the headers of the protocol.

use std::{
    fmt,
    ops::{Deref, Range},
};

use bytes::BytesMut;

use super::queue::Element;
use crate::error::ConnectionError;
use crate::frame::{EncodeError, Frame, FrameEncoder, Header, HeaderValueRef, Limits};

/// The names of the headers that the protocol defines.
pub(crate) mod header {
    pub(crate) const MESSAGE_TYPE: &str = ":message-type";
    pub(crate) const MESSAGE_FLAGS: &str = ":message-flags";
    pub(crate) const STREAM_ID: &str = ":stream-id";
    pub(crate) const OPERATION: &str = "operation";
    pub(crate) const VERSION: &str = ":version";
    pub(crate) const CONTENT_TYPE: &str = ":content-type";
    pub(crate) const SERVICE_MODEL_TYPE: &str = "service-model-type";
    /// An extra header of each ping: see [`ping_text`](super::ping_text).
    pub(crate) const PING: &str = "ping";
}

/// The payload of a client's ping, and the value of its header `ping`.
///
/// A ping needs both. The Java SDK, and with it the Java nucleus, copies headers and payload into its answer:
/// without a header of its own the native library aborts the process, and without a payload there is no answer.
pub(crate) fn ping_text(number: u64) -> String {
    format!("client {number}")
}

/// The `:message-type` header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum MessageType {
    /// A request, response or event.
    #[default]
    ApplicationMessage = 0,
    /// An error in place of a response or event.
    ApplicationError = 1,
    /// Asks the peer to answer.
    Ping = 2,
    /// The answer to a ping.
    PingResponse = 3,
    /// The client's first message.
    Connect = 4,
    /// The server's answer to it.
    ConnectAck = 5,
    /// The receiver broke a rule of the protocol.
    ProtocolError = 6,
    /// The sender failed.
    InternalError = 7,
}

impl MessageType {
    /// The type with this number.
    pub fn from_number(number: i32) -> Option<Self> {
        Some(match number {
            0 => Self::ApplicationMessage,
            1 => Self::ApplicationError,
            2 => Self::Ping,
            3 => Self::PingResponse,
            4 => Self::Connect,
            5 => Self::ConnectAck,
            6 => Self::ProtocolError,
            7 => Self::InternalError,
            _ => return None,
        })
    }
}

/// The `:message-flags` header: bits. Two of them have a meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MessageFlags(pub i32);

impl MessageFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// The server accepts the client; on a connect acknowledgement.
    pub const CONNECTION_ACCEPTED: Self = Self(1);
    /// The last message of its stream in either direction.
    pub const TERMINATE_STREAM: Self = Self(2);

    /// Whether the bits of `other` are set. The rest is ignored: some peers set all bits.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// The `:stream-id` header: 0 for the connection itself; a client numbers its streams from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(pub i32);

impl StreamId {
    /// The connection itself.
    pub const CONNECTION: Self = Self(0);
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The peer broke a rule of the protocol; the text says which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolViolation(pub &'static str);

/// A [`Frame`] whose protocol headers have been read.
#[derive(Clone, Debug)]
pub struct RpcMessage {
    frame: Frame,
    /// What kind of message it is.
    pub message_type: MessageType,
    /// Its flags.
    pub flags: MessageFlags,
    /// The stream that it belongs to.
    pub stream_id: StreamId,
    /// The position of the shape in the frame: it is compared for each reply and event.
    shape: Option<Range<usize>>,
}

impl Deref for RpcMessage {
    type Target = Frame;

    fn deref(&self) -> &Frame {
        &self.frame
    }
}

impl RpcMessage {
    /// Reads the protocol headers. Case is ignored in their names, and the last header of a name counts.
    ///
    /// # Errors
    ///
    /// One of the three headers that every message has is missing or not an `int32`, or the type is unknown.
    pub fn read(frame: Frame) -> Result<Self, ProtocolViolation> {
        let (mut message_type, mut flags, mut stream_id) = (None, None, None);
        let mut shape = None;
        let start = frame.as_bytes().as_ptr().addr();
        for header in frame.headers().raw() {
            let Some(value) = header.as_int32() else {
                if is_named(header.name, header::SERVICE_MODEL_TYPE) {
                    let range = |text: &[u8]| {
                        let offset = text.as_ptr().addr() - start;
                        offset..offset + text.len()
                    };
                    shape = header.as_text().map(range).or(shape);
                }
                continue;
            };
            if is_named(header.name, header::MESSAGE_TYPE) {
                message_type = Some(value);
            } else if is_named(header.name, header::MESSAGE_FLAGS) {
                flags = Some(value);
            } else if is_named(header.name, header::STREAM_ID) {
                stream_id = Some(value);
            }
        }
        let missing = ProtocolViolation(
            "a message without :message-type, :message-flags and :stream-id as int32",
        );
        let message_type = MessageType::from_number(message_type.ok_or(missing)?)
            .ok_or(ProtocolViolation("a message of an unknown type"))?;
        let flags = MessageFlags(flags.ok_or(missing)?);
        let stream_id = StreamId(stream_id.ok_or(missing)?);
        Ok(Self { frame, message_type, flags, stream_id, shape })
    }

    /// The `operation` header: the operation that a request calls.
    pub fn operation(&self) -> Option<&str> {
        self.text(header::OPERATION)
    }

    /// The `service-model-type` header: the shape of the payload.
    pub fn service_model_type(&self) -> Option<&str> {
        std::str::from_utf8(self.shape_bytes()?).ok()
    }

    /// Whether the payload has this shape; `None` if the message does not say so.
    pub(crate) fn has_shape(&self, shape: &str) -> Option<bool> {
        Some(self.shape_bytes()? == shape.as_bytes())
    }

    fn shape_bytes(&self) -> Option<&[u8]> {
        Some(&self.as_bytes()[self.shape.clone()?])
    }

    /// The `:content-type` header.
    pub fn content_type(&self) -> Option<&str> {
        self.text(header::CONTENT_TYPE)
    }

    /// The last header of this name that is a text.
    fn text(&self, name: &str) -> Option<&str> {
        let named = self.headers().raw().filter(|it| is_named(it.name, name));
        named.filter_map(|it| it.as_text()).last().and_then(|it| std::str::from_utf8(it).ok())
    }

    /// The headers that do not belong to the protocol.
    pub fn own_headers(&self) -> Vec<Header> {
        let own = self.headers().filter(|(name, _)| !name.starts_with(':'));
        own.map(|(name, value)| Header::new(name, value.to_owned())).collect()
    }

    /// A copy with memory of its own.
    pub(crate) fn copied(&self) -> Self {
        Self { frame: self.frame.copied(), ..self.clone() }
    }

    /// Whether the message ends its stream.
    pub fn is_terminating(&self) -> bool {
        self.flags.contains(MessageFlags::TERMINATE_STREAM)
    }

    /// How much memory it takes, in bytes.
    #[cfg(feature = "server")]
    pub(crate) fn allocated(&self) -> usize {
        size_of::<Self>() + self.held()
    }
}

impl Element for RpcMessage {
    fn held(&self) -> usize {
        self.memory_len
    }

    fn shares(&self, next: &Self) -> bool {
        self.frame.shares(&next.frame)
    }
}

/// The three headers of every message, encoded.
const NUMBERS: &[u8; 55] =
    b"\x0d:message-type\x04\0\0\0\0\x0e:message-flags\x04\0\0\0\0\x0a:stream-id\x04\0\0\0\0";

/// The header of every message with a payload, encoded.
const CONTENT_TYPE: &[u8; 33] = b"\x0d:content-type\x07\0\x10application/json";

/// Fills in the numbers: every message has these headers, and it would take longer to encode them one by one.
fn encoded(numbers: [i32; 3]) -> [u8; NUMBERS.len()] {
    const ENDS: [usize; 3] = [
        header::MESSAGE_TYPE.len() + 6,
        header::MESSAGE_TYPE.len() + header::MESSAGE_FLAGS.len() + 12,
        NUMBERS.len(),
    ];
    let mut bytes = *NUMBERS;
    for (number, end) in numbers.into_iter().zip(ENDS) {
        bytes[end - 4..end].copy_from_slice(&number.to_be_bytes());
    }
    bytes
}

fn is_named(name: &[u8], known: &str) -> bool {
    // All known peers write it like this; the comparison without case takes longer.
    name == known.as_bytes() || name.eq_ignore_ascii_case(known.as_bytes())
}

/// A message to be written. The default is an empty application message on stream 0.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outgoing {
    pub(crate) message_type: MessageType,
    pub(crate) flags: MessageFlags,
    pub(crate) stream_id: StreamId,
    /// The shape of the payload. A message with a shape has a content type too.
    pub(crate) service_model_type: Option<&'static str>,
    /// For a request.
    pub(crate) operation: Option<&'static str>,
}

impl Outgoing {
    /// A message on stream 0.
    pub(crate) fn of_connection(message_type: MessageType) -> Self {
        Self { message_type, ..Self::default() }
    }

    /// A message on a stream with a payload of this shape.
    pub(crate) fn of_stream(stream_id: StreamId, shape: &'static str) -> Self {
        Self { stream_id, service_model_type: Some(shape), ..Self::default() }
    }

    /// The empty message that ends a stream.
    pub(crate) fn terminate(stream_id: StreamId) -> Self {
        Self { flags: MessageFlags::TERMINATE_STREAM, stream_id, ..Self::default() }
    }

    /// Starts the frame: all headers, in the order of the official SDKs, with `own` in front. The payload comes
    /// next.
    pub(crate) fn start<'b>(
        &self,
        dst: &'b mut BytesMut,
        limits: Limits,
        own: &[Header],
    ) -> Result<FrameEncoder<'b>, EncodeError> {
        let mut frame = FrameEncoder::with_limits(dst, limits);
        for header in own {
            frame.header(&header.name, &header.value)?;
        }
        if let Some(shape) = self.service_model_type {
            frame.encoded_headers(1, CONTENT_TYPE);
            frame.header(header::SERVICE_MODEL_TYPE, &HeaderValueRef::String(shape))?;
        }
        let numbers = [self.message_type as i32, self.flags.0, self.stream_id.0];
        frame.encoded_headers(numbers.len(), &encoded(numbers));
        if let Some(operation) = self.operation {
            frame.header(header::OPERATION, &HeaderValueRef::String(operation))?;
        }
        Ok(frame)
    }
}

/// How much is kept of the text of an error that the peer reports, in bytes: every open stream ends with a copy of
/// it.
const MAX_REPORT_LEN: usize = 4096;

/// The error that a `PROTOCOL_ERROR` or `INTERNAL_ERROR` reports. Some peers send payloads that are not JSON.
pub(crate) fn peer_error(message: &RpcMessage) -> ConnectionError {
    let text = crate::error::ErrorMembers::read(message.payload()).message.map(|text| {
        let end = (0..=text.len().min(MAX_REPORT_LEN)).rev().find(|at| text.is_char_boundary(*at));
        text[..end.unwrap_or_default()].to_owned()
    });
    let internal = message.message_type == MessageType::InternalError;
    ConnectionError::PeerError { internal, message: text }
}
