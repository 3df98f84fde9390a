//! Messages with the headers of the protocol.

use std::{fmt, ops::Range};

use bytes::{Bytes, BytesMut};

use super::queue::Element;
use crate::error::ConnectionError;
use crate::frame::{
    EncodeError, Frame, FrameEncoder, Header, HeaderValueRef, Headers, Limits, MessageRef,
};

/// The names of the headers that mean something.
pub(crate) mod header {
    pub(crate) const MESSAGE_TYPE: &str = ":message-type";
    pub(crate) const MESSAGE_FLAGS: &str = ":message-flags";
    pub(crate) const STREAM_ID: &str = ":stream-id";
    pub(crate) const OPERATION: &str = "operation";
    pub(crate) const VERSION: &str = ":version";
    pub(crate) const CONTENT_TYPE: &str = ":content-type";
    pub(crate) const SERVICE_MODEL_TYPE: &str = "service-model-type";
    /// On a ping, so that it has a header besides those of the protocol: see [`ping_text`](super::ping_text).
    pub(crate) const PING: &str = "ping";
}

/// What a ping of a client carries as payload and in its header `ping`.
///
/// A ping needs both. The Java SDK, and with it the Java nucleus, copies headers and payload into its answer:
/// without a header of its own the native library aborts the process, and without a payload there is no answer.
pub(crate) fn ping_text(number: u64) -> String {
    format!("client {number}")
}

/// The `:message-type` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum MessageType {
    /// A request, response or event.
    ApplicationMessage = 0,
    /// An error in the place of a response or event.
    ApplicationError = 1,
    /// Asks the other side to answer.
    Ping = 2,
    /// The answer.
    PingResponse = 3,
    /// The client's first message.
    Connect = 4,
    /// The server's answer to it.
    ConnectAck = 5,
    /// The other side broke a rule.
    ProtocolError = 6,
    /// This side failed.
    InternalError = 7,
}

impl MessageType {
    const ALL: [Self; 8] = [
        Self::ApplicationMessage,
        Self::ApplicationError,
        Self::Ping,
        Self::PingResponse,
        Self::Connect,
        Self::ConnectAck,
        Self::ProtocolError,
        Self::InternalError,
    ];

    /// The type with this number.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }
}

/// The `:message-flags` header: bits. Two of them have a meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MessageFlags(pub i32);

impl MessageFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// The server lets the client in; on a connect acknowledgement.
    pub const CONNECTION_ACCEPTED: Self = Self(1);
    /// The last message of its stream in either direction.
    pub const TERMINATE_STREAM: Self = Self(2);

    /// Whether the bits of `other` are set. Others do not matter: some peers set all of them.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// The `:stream-id` header: 0 for the connection itself; a client numbers its streams from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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

/// A rule of the protocol that the other side broke; the text says which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolViolation(pub &'static str);

/// A message whose protocol headers have been read. It owns its bytes.
#[derive(Clone, Debug)]
pub struct RpcMessage {
    frame: Frame,
    /// What kind of message it is.
    pub message_type: MessageType,
    /// Its flags.
    pub flags: MessageFlags,
    /// The stream that it belongs to.
    pub stream_id: StreamId,
    operation: Option<Range<u32>>,
    service_model_type: Option<Range<u32>>,
    content_type: Option<Range<u32>>,
}

impl RpcMessage {
    /// Reads the protocol headers, by name without regard to case; of several the last counts.
    ///
    /// # Errors
    ///
    /// One of the three that every message has is missing or not an `int32`, or the type is unknown.
    pub fn read(frame: Frame) -> Result<Self, ProtocolViolation> {
        let start = frame.as_bytes().as_ptr().addr();
        let range = |text: &[u8]| {
            let offset = text.as_ptr().addr() - start;
            // A frame states its length in 32 bits.
            offset as u32..(offset + text.len()) as u32
        };
        let (mut message_type, mut flags, mut stream_id) = (None, None, None);
        let (mut operation, mut service_model_type, mut content_type) = (None, None, None);
        for header in frame.message().headers().raw() {
            if let Some(value) = header.as_int32() {
                if is_named(header.name, header::MESSAGE_TYPE) {
                    message_type = Some(value);
                } else if is_named(header.name, header::MESSAGE_FLAGS) {
                    flags = Some(value);
                } else if is_named(header.name, header::STREAM_ID) {
                    stream_id = Some(value);
                }
            } else if let Some(text) = header.as_text() {
                if is_named(header.name, header::SERVICE_MODEL_TYPE) {
                    service_model_type = Some(range(text));
                } else if is_named(header.name, header::CONTENT_TYPE) {
                    content_type = Some(range(text));
                } else if is_named(header.name, header::OPERATION) {
                    operation = Some(range(text));
                }
            }
        }
        let missing = ProtocolViolation(
            "a message without :message-type, :message-flags and :stream-id as int32",
        );
        let message_type = MessageType::from_number(message_type.ok_or(missing)?)
            .ok_or(ProtocolViolation("a message of an unknown type"))?;
        let flags = MessageFlags(flags.ok_or(missing)?);
        let stream_id = StreamId(stream_id.ok_or(missing)?);
        Ok(Self {
            frame,
            message_type,
            flags,
            stream_id,
            operation,
            service_model_type,
            content_type,
        })
    }

    /// The `operation` header: which operation a request is for.
    pub fn operation(&self) -> Option<&str> {
        self.text(&self.operation)
    }

    /// The `service-model-type` header: the shape of the payload.
    pub fn service_model_type(&self) -> Option<&str> {
        self.text(&self.service_model_type)
    }

    /// Whether the payload has this shape; `None` if the message does not say which it has.
    pub(crate) fn has_shape(&self, shape: &str) -> Option<bool> {
        let range = self.service_model_type.clone()?;
        Some(self.slice(range) == shape.as_bytes())
    }

    /// The `:content-type` header.
    pub fn content_type(&self) -> Option<&str> {
        self.text(&self.content_type)
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        self.frame.message().payload()
    }

    /// The payload, without a copy of it.
    pub fn to_payload(&self) -> Bytes {
        self.frame.payload()
    }

    /// All headers.
    pub fn headers(&self) -> Headers<'_> {
        self.message().headers()
    }

    /// A copy that lies in memory of its own.
    pub(crate) fn copied(&self) -> Self {
        Self { frame: self.frame.copied(), ..self.clone() }
    }

    /// The headers that are not the protocol's.
    pub fn own_headers(&self) -> Vec<Header> {
        let own = self.headers().filter(|it| !it.name.starts_with(':'));
        own.map(|it| Header::new(it.name, it.value.to_owned())).collect()
    }

    /// The message as the layer below sees it.
    pub fn message(&self) -> MessageRef<'_> {
        self.frame.message()
    }

    /// The length of the whole message in bytes.
    pub fn frame_len(&self) -> usize {
        self.frame.as_bytes().len()
    }

    /// Whether the message ends its stream.
    pub fn is_terminating(&self) -> bool {
        self.flags.contains(MessageFlags::TERMINATE_STREAM)
    }

    /// How much memory it takes by itself, in bytes.
    #[cfg(feature = "server")]
    pub(crate) fn allocated(&self) -> usize {
        size_of::<Self>() + self.held()
    }

    fn text(&self, range: &Option<Range<u32>>) -> Option<&str> {
        // It was read as UTF-8 from the same place.
        std::str::from_utf8(self.slice(range.clone()?)).ok()
    }

    fn slice(&self, range: Range<u32>) -> &[u8] {
        &self.frame.as_bytes()[range.start as usize..range.end as usize]
    }
}

impl Element for RpcMessage {
    fn held(&self) -> usize {
        self.frame.memory().len
    }

    fn shares(&self, next: &Self) -> bool {
        self.frame.memory().end == next.frame.memory().end
    }
}

/// The three headers of every message, as they travel.
const NUMBERS: &[u8; 55] =
    b"\x0d:message-type\x04\0\0\0\0\x0e:message-flags\x04\0\0\0\0\x0a:stream-id\x04\0\0\0\0";

/// The header of every message with a payload, as it travels.
const CONTENT_TYPE: &[u8; 33] = b"\x0d:content-type\x07\0\x10application/json";

/// They are in every message, and so they are not put together each time.
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
    // As all known peers write it, or with other letters.
    name == known.as_bytes() || name.eq_ignore_ascii_case(known.as_bytes())
}

/// A message to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing {
    pub(crate) message_type: MessageType,
    pub(crate) flags: MessageFlags,
    pub(crate) stream_id: StreamId,
    /// The shape of the payload; with it goes the content type.
    pub(crate) service_model_type: Option<&'static str>,
    /// For a request.
    pub(crate) operation: Option<&'static str>,
}

impl Outgoing {
    /// A message of the connection itself.
    pub(crate) fn of_connection(message_type: MessageType) -> Self {
        Self {
            message_type,
            flags: MessageFlags::NONE,
            stream_id: StreamId::CONNECTION,
            service_model_type: None,
            operation: None,
        }
    }

    /// A message on a stream with a payload of this shape.
    pub(crate) fn of_stream(stream_id: StreamId, shape: &'static str) -> Self {
        Self {
            stream_id,
            service_model_type: Some(shape),
            ..Self::of_connection(MessageType::ApplicationMessage)
        }
    }

    /// The empty message that ends a stream.
    pub(crate) fn terminate(stream_id: StreamId) -> Self {
        Self {
            flags: MessageFlags::TERMINATE_STREAM,
            stream_id,
            ..Self::of_connection(MessageType::ApplicationMessage)
        }
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
        for it in own {
            frame.header(&it.name, it.value.as_value_ref())?;
        }
        if let Some(shape) = self.service_model_type {
            frame.encoded_headers(1, CONTENT_TYPE);
            frame.header(header::SERVICE_MODEL_TYPE, HeaderValueRef::String(shape))?;
        }
        let numbers = [self.message_type as i32, self.flags.0, self.stream_id.0];
        frame.encoded_headers(numbers.len(), &encoded(numbers));
        if let Some(operation) = self.operation {
            frame.header(header::OPERATION, HeaderValueRef::String(operation))?;
        }
        Ok(frame)
    }
}

/// How much of the text of an error that the other side reports is kept, in bytes: everything that is open on the
/// connection ends with a copy of it.
const MAX_REPORT_LEN: usize = 4096;

/// The error that a `PROTOCOL_ERROR` or `INTERNAL_ERROR` reports. Some peers send payloads that are not JSON.
pub(crate) fn peer_error(message: &RpcMessage) -> ConnectionError {
    let text = crate::error::ErrorMembers::read(message.payload()).message.map(|it| {
        let end = (0..=it.len().min(MAX_REPORT_LEN)).rev().find(|at| it.is_char_boundary(*at));
        it[..end.unwrap_or_default()].to_owned()
    });
    let internal = message.message_type == MessageType::InternalError;
    ConnectionError::PeerError { internal, message: text }
}
