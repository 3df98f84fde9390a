//! The other side of a connection, by hand.

use std::{
    collections::BTreeMap,
    task::{Context, Poll, Waker},
};

use bytes::{BufMut, BytesMut};
use eventstream_rpc::{
    frame::{Decoder, Header, HeaderValue, Message},
    protocol::{Endpoint, RpcMessage},
    serde,
};

pub const MESSAGE: i32 = 0;
pub const ERROR: i32 = 1;
pub const PING: i32 = 2;
pub const PING_RESPONSE: i32 = 3;
pub const CONNECT: i32 = 4;
pub const CONNECT_ACK: i32 = 5;
pub const PROTOCOL_ERROR: i32 = 6;
pub const INTERNAL_ERROR: i32 = 7;

/// The flag of a message that ends its stream.
pub const END: i32 = 2;

/// The headers of every message, then texts.
pub fn headers(kind: i32, flags: i32, stream: i32, texts: &[(&str, &str)]) -> Vec<Header> {
    let mut headers = vec![
        Header::new(":message-type", kind.into()),
        Header::new(":message-flags", flags.into()),
        Header::new(":stream-id", stream.into()),
    ];
    headers.extend(texts.iter().map(|(name, text)| Header::new(*name, HeaderValue::from(*text))));
    headers
}

pub fn encode(headers: Vec<Header>, payload: &str) -> BytesMut {
    let mut bytes = BytesMut::new();
    Message { headers, payload: payload.to_owned().into() }.encode(&mut bytes).unwrap();
    bytes
}

/// A message without other headers and payload.
pub fn bare(kind: i32, flags: i32, stream: i32) -> BytesMut {
    encode(headers(kind, flags, stream, &[]), "")
}

/// An application message with a payload of a shape.
pub fn shaped(kind: i32, flags: i32, stream: i32, shape: &str, payload: &str) -> BytesMut {
    let texts = [(":content-type", "application/json"), ("service-model-type", shape)];
    encode(headers(kind, flags, stream, &texts), payload)
}

/// A message whose checksums are right and whose only header has a type that does not exist.
pub fn unreadable_header() -> BytesMut {
    let mut bytes = BytesMut::new();
    bytes.put_u32(16 + 3);
    bytes.put_u32(3);
    bytes.put_u32(crc32fast::hash(&bytes));
    bytes.put_slice(b"\x01x\xff");
    bytes.put_u32(crc32fast::hash(&bytes));
    bytes
}

/// Bytes after which nothing can be read: what they are, and the bytes.
pub fn lost_framings() -> [(&'static str, BytesMut); 5] {
    let damaged = |at: usize| {
        let mut bytes = encode(headers(PING, 0, 0, &[]), "payload");
        bytes[at] ^= 1;
        bytes
    };
    let claim = |len: u32| {
        let mut bytes = BytesMut::new();
        bytes.put_u32(len);
        bytes.put_u32(0);
        bytes.put_u32(crc32fast::hash(&bytes));
        bytes
    };
    [
        ("the prelude's checksum", damaged(9)),
        ("the message's checksum", damaged(20)),
        ("longer than 24 MiB", claim(24 * 1024 * 1024 + 1)),
        ("shorter than a message can be", claim(15)),
        ("garbage", BytesMut::from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")),
    ]
}

/// What one side has written since the last time: type, flags, stream, shape, payload.
pub fn written(core: &mut impl Endpoint) -> Vec<String> {
    messages(core).iter().map(describe).collect()
}

/// The messages that one side has written since the last time.
pub fn messages(core: &mut impl Endpoint) -> Vec<RpcMessage> {
    let mut bytes = BytesMut::new();
    core.take_output(&mut bytes);
    core.wrote(bytes.len());
    let mut decoder = Decoder::default();
    let mut messages = Vec::new();
    while let Some(frame) = decoder.decode_frame(&mut bytes).unwrap() {
        messages.push(RpcMessage::read(frame).unwrap());
    }
    assert!(bytes.is_empty(), "only whole messages are written");
    messages
}

pub fn describe(message: &RpcMessage) -> String {
    let (flags, stream) = (message.flags.0, message.stream_id);
    let mut text = format!("{:?} {flags} {stream}", message.message_type);
    for part in [message.service_model_type(), std::str::from_utf8(message.payload()).ok()] {
        if let Some(part) = part.filter(|it| !it.is_empty()) {
            text = format!("{text} {part}");
        }
    }
    text
}

/// Something to write as payload.
pub fn text(text: &'static str) -> impl FnOnce(&mut BytesMut) -> Result<(), serde::Error> {
    |dst| {
        dst.put_slice(text.as_bytes());
        Ok(())
    }
}

/// A payload that fails when some of it has been written.
pub fn unwritable(dst: &mut BytesMut) -> Result<(), serde::Error> {
    // JSON has only texts as keys.
    serde::append(dst, &BTreeMap::from([([1_u8], 1)]))
}

pub fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// The value of what must be there.
#[track_caller]
pub fn ready<T>(poll: Poll<T>) -> T {
    match poll {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing yet"),
    }
}
