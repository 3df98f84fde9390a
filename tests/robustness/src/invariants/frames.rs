//! Frames made of arbitrary bytes.

use arbitrary::Unstructured;
use bytes::{Bytes, BytesMut};
use eventstream_rpc::{
    frame::{Decoder, Header, HeaderValue, Message},
    protocol::{MessageType, RpcMessage},
};

/// Bytes of which an input is made, taken from the front. What is missing at the end is zero.
#[derive(Debug)]
pub struct Input<'a>(Unstructured<'a>);

impl<'a> Input<'a> {
    /// An input of these bytes.
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

    /// As many bytes, or as many as are left.
    pub(crate) fn bytes(&mut self, len: usize) -> &'a [u8] {
        self.0.bytes(len.min(self.0.len())).unwrap_or_default()
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        self.bytes(usize::MAX)
    }
}

/// Makes a frame of any bytes: the lengths and checksums are set right, the rest stays as it is.
///
/// Without it hardly any input would get past the checksums.
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

/// The shapes that a message may say it has.
pub(crate) const RESPONSE: &str = "test#Response";
pub(crate) const EVENT: &str = "test#Event";

/// The number in front of the payload of a message that was made here.
pub(crate) fn number(payload: &[u8]) -> Option<u32> {
    let digits = payload.strip_prefix(b"#")?.split(|it| *it == b' ').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// A message that is made of its parts.
#[derive(Clone, Copy, Debug)]
struct Parts<'a> {
    message_type: i32,
    flags: i32,
    stream_id: i32,
    shape: Option<&'a str>,
    operation: Option<&'a str>,
}

impl Parts<'_> {
    /// The payload begins with a number, so that messages can be told apart; `None` leaves it empty.
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
        message.encode(&mut bytes).expect("less than 64 KiB is within the limits");
        bytes
    }
}

/// What a server may say of `streams` streams: mostly something that makes sense, so that a connection lives.
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
    // The end of a stream is mostly empty.
    let is_bare = ends != 0 && shape.is_none();
    parts.encode((!is_bare).then(|| (number, text(input))))
}

/// What a client may say that has opened `streams` streams.
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

/// Something else: a ping, another message of the connection, or anything at all.
fn other(input: &mut Input<'_>, how: u8, number: u32, message: Parts<'_>) -> BytesMut {
    let parts = match how & 15 {
        12 | 13 => Parts { message_type: 2, ..message },
        14 => Parts { message_type: 3, ..message },
        // Hardly a connection outlives one of these.
        _ if how & 240 == 240 => Parts {
            message_type: i32::from(input.byte() as i8) % 10,
            flags: i32::from(input.byte() as i8),
            stream_id: match input.byte() {
                255 => i32::MAX,
                254 => i32::MIN,
                it => i32::from(it as i8),
            },
            ..message
        },
        _ => Parts { message_type: 2, ..message },
    };
    parts.encode(Some((number, text(input))))
}

/// One of the streams that have been opened, or the first.
fn one_of(input: &mut Input<'_>, streams: i32) -> i32 {
    1 + i32::from(input.byte()) % streams.max(1)
}

fn text<'a>(input: &mut Input<'a>) -> &'a [u8] {
    let what = input.byte();
    let len = if what >= 250 { input.short().into() } else { usize::from(what & 15) };
    input.bytes(len)
}

/// A message of the connection itself.
pub(crate) fn control(message_type: MessageType, flags: i32) -> BytesMut {
    let mut bytes = BytesMut::new();
    let header = |name: &str, value| Header::new(name, HeaderValue::Int32(value));
    let headers = vec![
        Header::new(":version", "0.1.0".into()),
        header(":message-type", message_type as i32),
        header(":message-flags", flags),
        header(":stream-id", 0),
    ];
    Message { headers, ..Message::default() }.encode(&mut bytes).expect("it is short");
    bytes
}

/// Bytes that are on their way, handed over frame by frame so that it is known which of them was read.
#[derive(Debug, Default)]
pub(crate) struct Arriving {
    bytes: BytesMut,
}

impl Arriving {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Takes some bytes to go behind those that have arrived in `before`, but not beyond the end of a frame.
    pub(crate) fn take(&mut self, before: &[u8], most: usize) -> Bytes {
        let mut prelude = before.to_vec();
        prelude.extend_from_slice(&self.bytes[..self.bytes.len().min(4)]);
        let mut len = most.min(self.bytes.len());
        match prelude.first_chunk::<4>().map(|it| u32::from_be_bytes(*it) as usize) {
            Some(frame) if frame > before.len() => len = len.min(frame - before.len()),
            Some(_) => {}
            // Not even the length: it may be a very short frame.
            None => len = len.min(4 - before.len()),
        }
        self.bytes.split_to(len).freeze()
    }
}

/// How much memory a message takes that waits, in bytes, at least.
pub(crate) fn cost(message: &RpcMessage) -> usize {
    size_of::<RpcMessage>() + message.frame_len()
}

/// The message at the front of `input`, if it is whole and says what it has to.
pub(crate) fn peek(input: &[u8]) -> Option<RpcMessage> {
    let frame = Decoder::default().decode_frame(&mut BytesMut::from(input)).ok()??;
    RpcMessage::read(frame).ok()
}
