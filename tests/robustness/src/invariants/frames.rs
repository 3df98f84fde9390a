//! Frames derived from arbitrary bytes.

use arbitrary::Unstructured;
use bytes::{Bytes, BytesMut};
use eventstream_rpc::{
    frame::{Decoder, Header, HeaderValue},
    protocol::{MessageType, RpcMessage},
};
use test_util::message::Message;

/// The bytes of an input, which are consumed from the front. Missing bytes at the end are zero.
#[derive(Debug)]
pub struct Input<'a>(Unstructured<'a>);

impl<'a> Input<'a> {
    /// Creates an input of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(Unstructured::new(bytes))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.0.arbitrary().unwrap_or_default()
    }

    pub(crate) fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// An index below `len`, which is not 0.
    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::from(self.byte()) % len
    }

    /// The next `len` bytes, or all remaining bytes if there are fewer.
    pub(crate) fn bytes(&mut self, len: usize) -> &'a [u8] {
        self.0.bytes(len.min(self.0.len())).unwrap_or_default()
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        self.bytes(usize::MAX)
    }
}

/// Turns arbitrary bytes into a frame by correcting lengths and checksums.
///
/// Without this, almost all inputs would fail at the checksums.
pub fn seal(bytes: &[u8]) -> Vec<u8> {
    let mut frame = bytes.to_vec();
    frame.resize(frame.len().max(16), 0);
    let (len, body) = (frame.len(), frame.len() - 16);
    let claimed = u32::from_be_bytes([frame[4], frame[5], frame[6], frame[7]]) as usize;
    let headers_len = if claimed <= body { claimed } else { claimed % (body + 1) };
    frame[..4].copy_from_slice(&(len as u32).to_be_bytes());
    frame[4..8].copy_from_slice(&(headers_len as u32).to_be_bytes());
    let checksum = crc32fast::hash(&frame[..8]);
    frame[8..12].copy_from_slice(&checksum.to_be_bytes());
    let checksum = crc32fast::hash(&frame[..len - 4]);
    frame[len - 4..].copy_from_slice(&checksum.to_be_bytes());
    frame
}

/// The shapes of messages.
pub(crate) const RESPONSE: &str = "test#Response";
pub(crate) const EVENT: &str = "test#Event";

/// The number at the front of a payload, which identifies a message.
pub(crate) fn number(payload: &[u8]) -> Option<u32> {
    let digits = payload.strip_prefix(b"#")?.split(|it| *it == b' ').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The parts of a message.
#[derive(Clone, Copy, Debug)]
struct Parts<'a> {
    message_type: i32,
    flags: i32,
    stream_id: i32,
    shape: Option<&'a str>,
    operation: Option<&'a str>,
}

impl Parts<'_> {
    /// Encodes the message. The payload begins with a number that identifies the message; `None` leaves it empty.
    fn encode(&self, payload: Option<(u32, &[u8])>) -> BytesMut {
        let mut bytes = BytesMut::new();
        let int = |name: &str, value| Header::new(name, HeaderValue::Int32(value));
        let mut headers = vec![
            int(":message-type", self.message_type),
            int(":message-flags", self.flags),
            int(":stream-id", self.stream_id),
        ];
        headers.extend(self.shape.map(|it| Header::new("service-model-type", it.into())));
        headers.extend(self.operation.map(|it| Header::new("operation", it.into())));
        let payload = payload
            .map(|(number, text)| [format!("#{number} ").as_bytes(), text].concat())
            .unwrap_or_default();
        let message = Message { headers, payload: payload.into() };
        message.encode(&mut bytes).expect("the message is within the limits");
        bytes
    }
}

/// A message of a server with `streams` streams. Most messages are valid, so that connections stay open.
pub(crate) fn of_server(input: &mut Input<'_>, number: u32, streams: i32) -> BytesMut {
    let how = input.byte();
    let shape = match how >> 6 {
        0 => Some(RESPONSE),
        1 | 2 => Some(EVENT),
        _ => None,
    };
    let ends = if how & 48 == 48 { 2 } else { 0 };
    let message = Parts { message_type: 0, flags: ends, stream_id: 0, shape, operation: None };
    let parts = match how & 15 {
        0..=10 => Parts { stream_id: one_of(input, streams), ..message },
        11 => Parts { message_type: 1, stream_id: one_of(input, streams), ..message },
        _ => return other(input, how, number, message),
    };
    // Most messages that end a stream are empty.
    let is_bare = ends != 0 && shape.is_none();
    parts.encode((!is_bare).then(|| (number, text(input))))
}

/// A message of a client that has opened `streams` streams.
pub(crate) fn of_client(input: &mut Input<'_>, number: u32, streams: i32) -> BytesMut {
    let how = input.byte();
    let message = Parts { message_type: 0, flags: 0, stream_id: 0, shape: None, operation: None };
    let operation = Some("test#Operation");
    let parts = match how & 15 {
        0..=4 => Parts { stream_id: streams.saturating_add(1), operation, ..message },
        5..=9 => Parts { stream_id: one_of(input, streams), ..message },
        10 => {
            let end = Parts { flags: 2, stream_id: one_of(input, streams), ..message };
            return end.encode((how & 16 != 0).then_some((number, &[])));
        }
        11 => Parts { flags: 2, stream_id: one_of(input, streams), operation, ..message },
        _ => return other(input, how, number, Parts { operation, ..message }),
    };
    parts.encode(Some((number, text(input))))
}

/// Another message: mostly a ping or a ping response, rarely an arbitrary message.
fn other(input: &mut Input<'_>, how: u8, number: u32, message: Parts<'_>) -> BytesMut {
    let parts = match how & 15 {
        12 | 13 => Parts { message_type: 2, ..message },
        14 => Parts { message_type: 3, ..message },
        // Arbitrary messages end most connections.
        _ if how & 240 == 240 => Parts {
            message_type: i32::from(input.byte() as i8) % 10,
            flags: i32::from(input.byte() as i8),
            stream_id: match input.byte() {
                255 => i32::MAX,
                254 => i32::MIN,
                byte => i32::from(byte as i8),
            },
            ..message
        },
        _ => Parts { message_type: 2, ..message },
    };
    parts.encode(Some((number, text(input))))
}

/// The id of an opened stream, or 1 if no stream was opened.
fn one_of(input: &mut Input<'_>, streams: i32) -> i32 {
    1 + i32::from(input.byte()) % streams.max(1)
}

fn text<'a>(input: &mut Input<'a>) -> &'a [u8] {
    let byte = input.byte();
    let len = if byte >= 250 { input.short().into() } else { usize::from(byte & 15) };
    input.bytes(len)
}

/// A message on stream 0, which is the connection itself.
pub(crate) fn control(message_type: MessageType, flags: i32) -> BytesMut {
    let mut bytes = BytesMut::new();
    let header = |name: &str, value| Header::new(name, HeaderValue::Int32(value));
    let headers = vec![
        Header::new(":version", "0.1.0".into()),
        header(":message-type", message_type as i32),
        header(":message-flags", flags),
        header(":stream-id", 0),
    ];
    Message { headers, ..Message::default() }
        .encode(&mut bytes)
        .expect("the message is within the limits");
    bytes
}

/// Sent bytes that have not arrived. They are delivered frame by frame, so that each read can be checked.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    bytes: BytesMut,
}

impl InFlight {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Takes at most `limit` bytes that follow those in `before`, not beyond the end of a frame.
    pub(crate) fn take(&mut self, before: &[u8], limit: usize) -> Bytes {
        let mut prelude = before.to_vec();
        prelude.extend_from_slice(&self.bytes[..self.bytes.len().min(4)]);
        let mut len = limit.min(self.bytes.len());
        match prelude.first_chunk::<4>().map(|it| u32::from_be_bytes(*it) as usize) {
            Some(frame) if frame > before.len() => len = len.min(frame - before.len()),
            Some(_) => {}
            // The length is incomplete.
            None => len = len.min(4 - before.len()),
        }
        self.bytes.split_to(len).freeze()
    }
}

/// The minimum memory that a queued message takes, in bytes.
pub(crate) fn cost(message: &RpcMessage) -> usize {
    size_of::<RpcMessage>() + message.as_bytes().len()
}

/// The message at the front of `input`, if it is complete and valid.
pub(crate) fn peek(input: &[u8]) -> Option<RpcMessage> {
    let frame = Decoder::default().decode(&mut BytesMut::from(input)).ok()??;
    RpcMessage::read(frame).ok()
}
