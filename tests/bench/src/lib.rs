//! A minimal implementation of the protocol without code of this project, used as the baseline of the benchmarks.
//!
//! It trusts the other side and panics where a real implementation would report an error.

use base64_simd::{Out, STANDARD};
use bench_client::{TOPIC, socket};
use serde::Deserialize;
use std::{borrow::Cow, io::Write, ops::Range};

/// A decoded message: the values of the protocol's headers and the payload.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The `:message-type` header.
    pub message_type: i32,
    /// The `:message-flags` header.
    pub flags: i32,
    /// The `:stream-id` header.
    pub stream_id: i32,
    /// The `operation` header.
    pub operation: &'a [u8],
    /// The `service-model-type` header.
    pub shape: &'a [u8],
    /// The payload.
    pub payload: &'a [u8],
}

fn put_int(out: &mut Vec<u8>, name: &str, value: i32) {
    out.push(name.len() as u8);
    out.extend_from_slice(name.as_bytes());
    out.push(4);
    out.extend_from_slice(&value.to_be_bytes());
}

fn put_text(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(name.len() as u8);
    out.extend_from_slice(name.as_bytes());
    out.push(7);
    out.extend_from_slice(&(value.len() as u16).to_be_bytes());
    out.extend_from_slice(value.as_bytes());
}

/// Appends a frame with the three headers of every message, string headers and a payload.
pub fn frame(
    out: &mut Vec<u8>,
    [message_type, flags, stream_id]: [i32; 3],
    texts: &[(&str, &str)],
    payload: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.extend_from_slice(&[0; 12]);
    put_int(out, ":message-type", message_type);
    put_int(out, ":message-flags", flags);
    put_int(out, ":stream-id", stream_id);
    for (name, value) in texts {
        put_text(out, name, value);
    }
    let headers_len = (out.len() - start - 12) as u32;
    payload(out);
    let len = (out.len() - start + 4) as u32;
    out[start..start + 4].copy_from_slice(&len.to_be_bytes());
    out[start + 4..start + 8].copy_from_slice(&headers_len.to_be_bytes());
    let checksum = crc32fast::hash(&out[start..start + 8]);
    out[start + 8..start + 12].copy_from_slice(&checksum.to_be_bytes());
    let checksum = crc32fast::hash(&out[start..]);
    out.extend_from_slice(&checksum.to_be_bytes());
}

/// Decodes a complete frame.
///
/// # Panics
///
/// If the frame is invalid.
pub fn decode(frame: &[u8]) -> Message<'_> {
    let int = |bytes: &[u8]| i32::from_be_bytes(bytes.try_into().expect("four bytes"));
    let headers_len = int(&frame[4..8]) as usize;
    let end = frame.len() - 4;
    assert_eq!(crc32fast::hash(&frame[..8]), int(&frame[8..12]) as u32);
    assert_eq!(crc32fast::hash(&frame[..end]), int(&frame[end..]) as u32);
    let (mut rest, payload) = (&frame[12..12 + headers_len], &frame[12 + headers_len..end]);
    let mut message =
        Message { message_type: 0, flags: 0, stream_id: 0, operation: b"", shape: b"", payload };
    while let [name_len, after @ ..] = rest {
        let (name, after) = after.split_at(usize::from(*name_len));
        let (value_type, after) = (after[0], &after[1..]);
        let (len, after) = match value_type {
            4 => (4, after),
            7 => (usize::from(u16::from_be_bytes([after[0], after[1]])), &after[2..]),
            other => panic!("a header of type {other}"),
        };
        let (value, after) = after.split_at(len);
        match name {
            b":message-type" => message.message_type = int(value),
            b":message-flags" => message.flags = int(value),
            b":stream-id" => message.stream_id = int(value),
            b"operation" => message.operation = value,
            b"service-model-type" => message.shape = value,
            _ => {}
        }
        rest = after;
    }
    message
}

/// Appends the connect message.
///
/// # Panics
///
/// If the environment variable with the token is missing.
pub fn connect(out: &mut Vec<u8>) {
    let token = std::env::var("SVCUID").expect("SVCUID is set");
    frame(out, [4, 0, 0], &[(":version", "0.1.0")], |out| {
        out.extend_from_slice(format!(r#"{{"authToken":"{token}"}}"#).as_bytes());
    });
}

fn request(out: &mut Vec<u8>, stream_id: i32, name: &str, payload: impl FnOnce(&mut Vec<u8>)) {
    let operation = format!("aws.greengrass#{name}");
    let shape = format!("aws.greengrass#{name}Request");
    let texts = [
        (":content-type", "application/json"),
        ("service-model-type", &shape),
        ("operation", &operation),
    ];
    frame(out, [0, 0, stream_id], &texts, payload);
}

/// Appends a request to publish bytes.
pub fn publish(out: &mut Vec<u8>, stream_id: i32, topic: &str, message: &[u8]) {
    let texts = [
        (":content-type", "application/json"),
        ("service-model-type", "aws.greengrass#PublishToTopicRequest"),
        ("operation", "aws.greengrass#PublishToTopic"),
    ];
    frame(out, [0, 0, stream_id], &texts, |out| {
        out.extend_from_slice(br#"{"topic":"#);
        serde_json::to_writer(&mut *out, topic).expect("text is JSON");
        out.extend_from_slice(br#","publishMessage":{"binaryMessage":{"message":""#);
        put_base64(out, message);
        out.extend_from_slice(br#""}}}"#);
    });
}

/// Appends bytes as base64.
pub fn put_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    out.resize(start + STANDARD.encoded_length(bytes.len()), 0);
    let _ = STANDARD.encode(bytes, Out::from_slice(&mut out[start..]));
}

/// Appends a request to subscribe to a topic.
pub fn subscribe(out: &mut Vec<u8>, stream_id: i32, topic: &str) {
    request(out, stream_id, "SubscribeToTopic", |out| {
        write!(out, r#"{{"topic":"{topic}"}}"#).expect("writing to memory succeeds");
    });
}

/// The lengths of a request that publishes `size` bytes and of its response.
pub fn publish_lens(size: usize) -> (usize, usize) {
    let mut out = Vec::new();
    publish(&mut out, 1, TOPIC, &vec![0; size]);
    let request = out.len();
    out.clear();
    respond(&mut out, 1, "PublishToTopic");
    (request, out.len())
}

/// Appends an empty response that ends its stream.
pub fn respond(out: &mut Vec<u8>, stream_id: i32, name: &str) {
    let shape = format!("aws.greengrass#{name}Response");
    let texts = [(":content-type", "application/json"), ("service-model-type", &shape)];
    frame(out, [0, 2, stream_id], &texts, |out| out.extend_from_slice(b"{}"));
}

/// The shape of the events on a topic.
pub const EVENT_SHAPE: &str = "aws.greengrass#SubscriptionResponseMessage";

/// Appends an event with this JSON payload.
pub fn event(out: &mut Vec<u8>, stream_id: i32, payload: &[u8]) {
    let texts = [(":content-type", "application/json"), ("service-model-type", EVENT_SHAPE)];
    frame(out, [0, 0, stream_id], &texts, |out| out.extend_from_slice(payload));
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(borrow)]
    binary_message: BinaryMessage<'a>,
}

#[derive(Deserialize)]
struct BinaryMessage<'a> {
    #[serde(borrow)]
    message: Cow<'a, str>,
    #[serde(borrow, rename = "context")]
    _context: Option<Context<'a>>,
}

#[derive(Deserialize)]
struct Context<'a> {
    #[serde(borrow, rename = "topic")]
    _topic: Cow<'a, str>,
}

/// The bytes in the payload of an event.
///
/// # Panics
///
/// If the payload is not an event with a binary message.
pub fn event_bytes(payload: &[u8]) -> Vec<u8> {
    let event: Event<'_> = serde_json::from_slice(payload).expect("an event");
    STANDARD.decode_to_vec(event.binary_message.message.as_bytes()).expect("base64")
}

/// A buffer of received bytes, which it splits into frames.
#[derive(Debug)]
pub struct Input {
    buffer: Vec<u8>,
    filled: Range<usize>,
}

impl Default for Input {
    fn default() -> Self {
        Self { buffer: vec![0; 256 * 1024], filled: 0..0 }
    }
}

impl Input {
    /// Creates a small buffer for one of many connections. It grows if necessary.
    pub fn small() -> Self {
        Self { buffer: vec![0; 4096], filled: 0..0 }
    }

    /// Whether the buffer contains a complete frame.
    pub fn has_frame(&self) -> bool {
        self.frame_len().is_some()
    }

    fn frame_len(&self) -> Option<usize> {
        let filled = &self.buffer[self.filled.clone()];
        let len = u32::from_be_bytes(*filled.first_chunk()?) as usize;
        (filled.len() >= len).then_some(len)
    }

    /// Removes the next complete frame.
    pub fn next_frame(&mut self) -> Option<&[u8]> {
        let len = self.frame_len()?;
        self.filled.start += len;
        Some(&self.buffer[self.filled.start - len..self.filled.start])
    }

    /// The unused part of the buffer, to read into. [`filled`](Self::filled) marks the bytes that were read.
    pub fn unused(&mut self) -> &mut [u8] {
        if self.filled.start > 0 {
            self.buffer.copy_within(self.filled.clone(), 0);
            self.filled = 0..self.filled.len();
        }
        if self.filled.end == self.buffer.len() {
            self.buffer.resize(2 * self.buffer.len(), 0);
        }
        &mut self.buffer[self.filled.end..]
    }

    /// Marks bytes of the unused part as filled.
    ///
    /// # Panics
    ///
    /// If `len` is 0, which means that the other side has closed the connection.
    pub fn filled(&mut self, len: usize) {
        assert!(len > 0, "the connection is closed");
        self.filled.end += len;
    }
}

/// Connects and performs the handshake.
///
/// # Panics
///
/// If the connection fails.
pub async fn dial(input: &mut Input) -> tokio::net::UnixStream {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream =
        tokio::net::UnixStream::connect(socket()).await.expect("the server accepts the client");
    let mut out = Vec::new();
    connect(&mut out);
    stream.write_all(&out).await.expect("the server reads");
    loop {
        if let Some(frame) = input.next_frame() {
            let message = decode(frame);
            assert_eq!((message.message_type, message.flags & 1), (5, 1), "the client is accepted");
            return stream;
        }
        let len = stream.read(input.unused()).await.expect("the server answers");
        input.filled(len);
    }
}
