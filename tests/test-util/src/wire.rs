//! Messages made by hand, and the end of a connection that sends and receives them.

use std::io;

use bytes::{Bytes, BytesMut};
use eventstream_rpc::frame::{Decoder, Header, HeaderValue, Message};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::UnixStream,
};

/// A request, response or event.
pub const MESSAGE: i32 = 0;
/// An error in the place of a response or event.
pub const ERROR: i32 = 1;
/// Asks the other side to answer.
pub const PING: i32 = 2;
/// The answer.
pub const PING_RESPONSE: i32 = 3;
/// The client's first message.
pub const CONNECT: i32 = 4;
/// The server's answer to it.
pub const CONNECT_ACK: i32 = 5;
/// Says that the receiver broke a rule of the protocol.
pub const PROTOCOL_ERROR: i32 = 6;

/// How long a message may be, in bytes.
pub const MAX_FRAME: usize = 24 * 1024 * 1024;

/// The flag that ends a stream.
pub const END: i32 = 2;

/// A message that is being put together.
#[derive(Clone, Debug)]
pub struct Draft {
    headers: Vec<Header>,
    payload: Bytes,
}

impl Draft {
    /// A message with the three headers that every message has.
    pub fn new(kind: i32, flags: i32, stream: i32) -> Self {
        let headers = vec![
            Header::new(":message-type", HeaderValue::Int32(kind)),
            Header::new(":message-flags", HeaderValue::Int32(flags)),
            Header::new(":stream-id", HeaderValue::Int32(stream)),
        ];
        Self { headers, payload: Bytes::new() }
    }

    /// A message with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<HeaderValue>) -> Self {
        self.headers.push(Header::new(name, value.into()));
        self
    }

    /// A message whose payload is the JSON of this shape.
    #[must_use]
    pub fn shape(self, id: &str) -> Self {
        self.header(":content-type", "application/json").header("service-model-type", id)
    }

    /// A message with this payload.
    #[must_use]
    pub fn payload(mut self, payload: impl Into<Bytes>) -> Self {
        self.payload = payload.into();
        self
    }

    /// The bytes on the wire.
    ///
    /// # Panics
    ///
    /// Over the limits of the encoding.
    pub fn encode(&self) -> BytesMut {
        let mut bytes = BytesMut::new();
        let message = Message { headers: self.headers.clone(), payload: self.payload.clone() };
        message.encode(&mut bytes).expect("within the limits");
        bytes
    }
}

/// A message that has arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// What kind of message it is.
    pub kind: i32,
    /// Its flags.
    pub flags: i32,
    /// Its stream.
    pub stream: i32,
    /// The whole message.
    pub message: Message,
}

impl Received {
    fn new(message: Message) -> Self {
        let int = |name| match message.header(name) {
            Some(HeaderValue::Int32(value)) => *value,
            _ => -1,
        };
        let (kind, flags, stream) =
            (int(":message-type"), int(":message-flags"), int(":stream-id"));
        Self { kind, flags, stream, message }
    }

    /// The text of a header.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.message.header(name) {
            Some(HeaderValue::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The payload as text.
    pub fn payload(&self) -> String {
        String::from_utf8_lossy(&self.message.payload).into_owned()
    }

    /// Whether it ends its stream and says nothing else.
    pub fn is_end(&self) -> bool {
        self.kind == MESSAGE && self.flags & END != 0 && self.message.payload.is_empty()
    }
}

/// Bytes that have arrived, cut into messages.
#[derive(Debug, Default)]
pub struct Inbox {
    input: BytesMut,
    decoder: Decoder,
}

impl Inbox {
    /// Adds bytes that have arrived.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// Removes the next message; `None` if it has not arrived whole.
    ///
    /// # Errors
    ///
    /// The bytes are not a message.
    pub fn message(&mut self) -> io::Result<Option<Received>> {
        let message = self.decoder.decode(&mut self.input).map_err(io::Error::other)?;
        Ok(message.map(Received::new))
    }

    /// Whether nothing is left, not even a part of a message.
    pub fn is_empty(&self) -> bool {
        self.input.is_empty()
    }
}

/// The end of a connection that a test holds: it reads and writes one message at a time.
///
/// A default one behaves as if the other side had closed. [`blocking::Peer`](crate::blocking::Peer) does the same
/// without a runtime.
#[derive(Debug)]
pub struct Peer<IO = UnixStream> {
    io: Option<IO>,
    inbox: Inbox,
}

impl<IO> Default for Peer<IO> {
    fn default() -> Self {
        Self { io: None, inbox: Inbox::default() }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Peer<IO> {
    /// The end of a connection.
    pub fn new(io: IO) -> Self {
        Self { io: Some(io), ..Self::default() }
    }

    /// The next message; `None` once the other side has closed.
    ///
    /// # Errors
    ///
    /// The other side does not send messages, or the socket fails.
    pub async fn message(&mut self) -> io::Result<Option<Received>> {
        loop {
            let message = self.inbox.message()?;
            if message.is_some() || self.read().await? == 0 {
                return Ok(message);
            }
        }
    }

    /// The next message, which must come.
    ///
    /// # Panics
    ///
    /// If the other side has closed, or does not send messages.
    pub async fn expect(&mut self) -> Received {
        self.message().await.expect("the other side sends messages").expect("it has not closed")
    }

    /// Waits until bytes arrive and keeps them. Returns their number, 0 at the end.
    ///
    /// # Errors
    ///
    /// The socket fails.
    pub async fn read(&mut self) -> io::Result<usize> {
        match &mut self.io {
            Some(io) => io.read_buf(&mut self.inbox.input).await,
            None => Ok(0),
        }
    }

    /// Ends what this side writes.
    ///
    /// # Errors
    ///
    /// The socket fails.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        match &mut self.io {
            Some(io) => io.shutdown().await,
            None => Ok(()),
        }
    }

    /// Closes the connection.
    pub fn close(&mut self) {
        *self = Self::default();
    }

    /// Sends a message.
    ///
    /// # Errors
    ///
    /// The socket fails.
    pub async fn send(&mut self, draft: &Draft) -> io::Result<()> {
        self.send_bytes(&draft.encode()).await
    }

    /// Sends bytes, which need not be a message.
    ///
    /// # Errors
    ///
    /// The socket fails.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.io {
            Some(io) => io.write_all(bytes).await,
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

/// What is not a frame, and why; made of a message that is one.
pub fn malformed(good: &Draft) -> [(&'static str, BytesMut); 4] {
    let good = good.encode();
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    // Its checksums are right, and its headers are said to be longer than all of it.
    let mut overrun = BytesMut::new();
    let head = [20_u32.to_be_bytes(), 200_u32.to_be_bytes()].concat();
    overrun.extend_from_slice(&head);
    overrun.extend_from_slice(&crc(&overrun).to_be_bytes());
    overrun.extend_from_slice(&[0; 4]);
    overrun.extend_from_slice(&crc(&overrun).to_be_bytes());
    [
        ("checksum", flipped(good.len() - 1)),
        ("prelude", flipped(8)),
        ("headers over the end", overrun),
        ("garbage", BytesMut::from("HTTP/1.1 400 Bad Request\r\n\r\n")),
    ]
}

/// CRC-32 bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}
