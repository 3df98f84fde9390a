//! Helpers that act as the other side of a connection.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Instant,
};

use bytes::{BufMut, BytesMut};
#[cfg(feature = "server")]
use eventstream_rpc::protocol::server::{self};
use eventstream_rpc::{
    frame::{Decoder, Header, HeaderValue},
    json,
    protocol::{
        Endpoint, Role, RpcMessage,
        client::{self, Connect, Failure, Key, Request},
    },
};

use crate::message::Message;

pub(crate) const MESSAGE: i32 = 0;
pub(crate) const ERROR: i32 = 1;
pub(crate) const PING: i32 = 2;
pub(crate) const PING_RESPONSE: i32 = 3;
pub(crate) const CONNECT: i32 = 4;
pub(crate) const CONNECT_ACK: i32 = 5;
pub(crate) const PROTOCOL_ERROR: i32 = 6;
pub(crate) const INTERNAL_ERROR: i32 = 7;

/// The flag of a message that ends its stream.
pub(crate) const END: i32 = 2;

/// The headers of every message, and then text headers.
pub(crate) fn headers(kind: i32, flags: i32, stream: i32, texts: &[(&str, &str)]) -> Vec<Header> {
    let mut headers = vec![
        Header::new(":message-type", kind.into()),
        Header::new(":message-flags", flags.into()),
        Header::new(":stream-id", stream.into()),
    ];
    headers.extend(texts.iter().map(|(name, text)| Header::new(*name, HeaderValue::from(*text))));
    headers
}

pub(crate) fn encode(headers: Vec<Header>, payload: &str) -> BytesMut {
    let mut bytes = BytesMut::new();
    Message { headers, payload: payload.to_owned().into() }.encode(&mut bytes).unwrap();
    bytes
}

/// A payload of 3,000 bytes that begins with a text: so long that the other memory of a message does not matter.
pub(crate) fn long(text: &str) -> String {
    format!("{text:.<3000}")
}

/// A limit in bytes for two messages with such a payload, but not three.
pub(crate) const TWO_LONG: usize = 8_000;

/// A message without other headers and without payload.
pub(crate) fn bare(kind: i32, flags: i32, stream: i32) -> BytesMut {
    encode(headers(kind, flags, stream, &[]), "")
}

/// An application message with a payload of a shape.
pub(crate) fn shaped(kind: i32, flags: i32, stream: i32, shape: &str, payload: &str) -> BytesMut {
    let texts = [(":content-type", "application/json"), ("service-model-type", shape)];
    encode(headers(kind, flags, stream, &texts), payload)
}

/// A message with correct checksums whose only header has an unknown type.
pub(crate) fn unreadable_header() -> BytesMut {
    let mut bytes = BytesMut::new();
    bytes.put_u32(16 + 3);
    bytes.put_u32(3);
    bytes.put_u32(crc32fast::hash(&bytes));
    bytes.put_slice(b"\x01x\xff");
    bytes.put_u32(crc32fast::hash(&bytes));
    bytes
}

/// Bytes after which a connection cannot be read: their description, and the bytes.
pub(crate) fn lost_framings() -> [(&'static str, BytesMut); 5] {
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

/// The messages that one side has written since the last call, as text: type, flags, stream, shape, payload.
pub(crate) fn written(core: &mut Endpoint<impl Role>) -> Vec<String> {
    messages(core).iter().map(describe).collect()
}

/// The messages that one side has written since the last call.
pub(crate) fn messages(core: &mut Endpoint<impl Role>) -> Vec<RpcMessage> {
    let mut bytes = BytesMut::new();
    core.take_output(&mut bytes);
    core.wrote(bytes.len());
    let mut decoder = Decoder::default();
    let mut messages = Vec::new();
    while let Some(frame) = decoder.decode(&mut bytes).unwrap() {
        messages.push(RpcMessage::read(frame).unwrap());
    }
    assert!(bytes.is_empty(), "only whole messages are written");
    messages
}

pub(crate) fn describe(message: &RpcMessage) -> String {
    let (flags, stream) = (message.flags.0, message.stream_id);
    let mut text = format!("{:?} {flags} {stream}", message.message_type);
    for part in [message.service_model_type(), std::str::from_utf8(message.payload()).ok()] {
        if let Some(part) = part.filter(|it| !it.is_empty()) {
            text = format!("{text} {part}");
        }
    }
    text
}

/// A payload with this text.
pub(crate) fn text(text: &'static str) -> impl FnOnce(&mut BytesMut) -> Result<(), json::Error> {
    |dst| {
        dst.put_slice(text.as_bytes());
        Ok(())
    }
}

/// A payload that fails after a part of it has been written.
pub(crate) fn unwritable(dst: &mut BytesMut) -> Result<(), json::Error> {
    // JSON has only texts as keys.
    json::append(dst, &BTreeMap::from([([1_u8], 1)]))
}

pub(crate) fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// The value of a future that must be ready.
#[track_caller]
pub(crate) fn ready<T>(poll: Poll<T>) -> T {
    match poll {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing yet"),
    }
}

/// A client that has sent its connect message.
pub(crate) fn connecting() -> client::Core {
    let mut core = client::Core::new(client::Config::default(), &Connect::default()).unwrap();
    assert_eq!(written(&mut core), ["Connect 0 0"]);
    core
}

/// A client whose connection has been accepted.
pub(crate) fn connected() -> client::Core {
    let mut core = connecting();
    receive(&mut core, bare(CONNECT_ACK, 1, 0));
    assert!(matches!(core.poll_connected(&cx()), Poll::Ready(Ok(()))));
    core
}

pub(crate) fn receive(core: &mut Endpoint<impl Role>, mut bytes: BytesMut) {
    core.receive(&mut bytes, Instant::now());
}

pub(crate) const CALL: Request<'_> = Request {
    operation: "test#Call",
    request_shape: "test#CallRequest",
    response_shape: "test#CallResponse",
    deadline: None,
    subscribe: None,
};

pub(crate) fn call(core: &mut client::Core) -> Key {
    core.open(&CALL, text("{}")).unwrap()
}

pub(crate) fn reply(core: &mut client::Core, key: Key) -> Result<RpcMessage, Failure> {
    ready(core.poll_reply(key, &cx()))
}

/// A request of a client on a new stream.
#[cfg(feature = "server")]
pub(crate) fn request(stream: i32) -> BytesMut {
    encode(headers(MESSAGE, 0, stream, &[("operation", "test#Call")]), "{}")
}

/// The same with a [`long`] payload.
#[cfg(feature = "server")]
pub(crate) fn long_request(stream: i32) -> BytesMut {
    encode(headers(MESSAGE, 0, stream, &[("operation", "test#Call")]), &long("request"))
}

/// A server that has accepted a client.
#[cfg(feature = "server")]
pub(crate) fn accepted(config: server::Config) -> server::Core {
    let mut core = server::Core::new(config, Instant::now());
    receive(&mut core, encode(headers(CONNECT, 0, 0, &[(":version", "0.1.0")]), "{}"));
    let Poll::Ready(Some(_)) = core.poll_incoming(&cx()) else { panic!() };
    core.accept();
    assert_eq!(written(&mut core), ["ConnectAck 1 0"]);
    core
}

/// A task that counts how often it is woken.
#[derive(Default)]
pub(crate) struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Task {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let task = Arc::<Self>::default();
        let waker = Waker::from(Arc::clone(&task));
        (task, waker)
    }

    /// How often the task has been woken since the last call.
    pub(crate) fn woken(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

/// Wakes the tasks that the core wants to wake.
pub(crate) fn wake(core: &mut Endpoint<impl Role>) {
    core.take_woken().wake();
}

/// Lets time pass while the driver is active and has nothing to read.
pub(crate) fn pass(core: &mut Endpoint<impl Role>, until: Instant) {
    while let Some(due) = core.next_deadline().filter(|it| *it <= until) {
        core.expire(due);
    }
}
