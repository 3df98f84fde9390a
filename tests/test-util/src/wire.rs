//! Messages built header by header, and a scripted peer that sends and receives them.

use std::io;

use bytes::{Bytes, BytesMut};
use eventstream_rpc::frame::{Decoder, Header, HeaderValue};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::UnixStream,
};

use crate::message::Message;

/// The message type of a request, response or event.
pub const MESSAGE: i32 = 0;
/// The message type of an error in place of a response or event.
pub const ERROR: i32 = 1;
/// The message type that asks the other side for a ping response.
pub const PING: i32 = 2;
/// The message type that answers a ping.
pub const PING_RESPONSE: i32 = 3;
/// The message type of the client's first message.
pub const CONNECT: i32 = 4;
/// The message type of the server's answer to it.
pub const CONNECT_ACK: i32 = 5;
/// The message type that reports a protocol violation of the receiver.
pub const PROTOCOL_ERROR: i32 = 6;

/// The maximum length of a message, in bytes.
pub const MAX_FRAME: usize = 24 * 1024 * 1024;

/// The flag that ends a stream.
pub const END: i32 = 2;

/// A builder of messages that allows any headers and payload.
#[derive(Clone, Debug)]
pub struct MessageBuilder {
    headers: Vec<Header>,
    payload: Bytes,
}

impl MessageBuilder {
    /// Begins a message with the three headers of every message.
    pub fn new(kind: i32, flags: i32, stream: i32) -> Self {
        let headers = vec![
            Header::new(":message-type", HeaderValue::Int32(kind)),
            Header::new(":message-flags", HeaderValue::Int32(flags)),
            Header::new(":stream-id", HeaderValue::Int32(stream)),
        ];
        Self { headers, payload: Bytes::new() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<HeaderValue>) -> Self {
        self.headers.push(Header::new(name, value.into()));
        self
    }

    /// Adds the headers of a payload that is JSON of this shape.
    #[must_use]
    pub fn shape(self, id: &str) -> Self {
        self.header(":content-type", "application/json").header("service-model-type", id)
    }

    /// Sets the payload.
    #[must_use]
    pub fn payload(mut self, payload: impl Into<Bytes>) -> Self {
        self.payload = payload.into();
        self
    }

    /// Encodes the message.
    ///
    /// # Panics
    ///
    /// If the message exceeds the limits of the encoding.
    pub fn encode(&self) -> BytesMut {
        let mut bytes = BytesMut::new();
        let message = Message { headers: self.headers.clone(), payload: self.payload.clone() };
        message.encode(&mut bytes).expect("the message is within the limits");
        bytes
    }
}

/// A message that was received.
#[derive(Clone, Debug)]
pub struct Received {
    /// The message type.
    pub kind: i32,
    /// The flags.
    pub flags: i32,
    /// The stream id.
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

    /// The value of a string header.
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

    /// Whether the message only ends its stream.
    pub fn is_end(&self) -> bool {
        self.kind == MESSAGE && self.flags & END != 0 && self.message.payload.is_empty()
    }
}

/// A buffer of received bytes that splits them into messages.
#[derive(Debug, Default)]
pub struct MessageReader {
    input: BytesMut,
    decoder: Decoder,
}

impl MessageReader {
    /// Adds received bytes.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// Removes the next message. Returns `None` if it is not yet complete.
    ///
    /// # Errors
    ///
    /// If the bytes are not a message.
    pub fn message(&mut self) -> io::Result<Option<Received>> {
        let frame = self.decoder.decode(&mut self.input).map_err(io::Error::other)?;
        Ok(frame.map(|it| Received::new(it.into())))
    }

    /// Whether the buffer is empty.
    pub fn is_empty(&self) -> bool {
        self.input.is_empty()
    }
}

/// One end of a connection, driven by a test that reads and writes one message at a time.
///
/// The default value behaves as if the other side had closed the connection.
/// [`blocking::Peer`](crate::blocking::Peer) is its counterpart without an asynchronous runtime.
#[derive(Debug)]
pub struct Peer<IO = UnixStream> {
    io: Option<IO>,
    reader: MessageReader,
}

impl<IO> Default for Peer<IO> {
    fn default() -> Self {
        Self { io: None, reader: MessageReader::default() }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Peer<IO> {
    /// Takes one end of a connection.
    pub fn new(io: IO) -> Self {
        Self { io: Some(io), ..Self::default() }
    }

    /// The next message, or `None` if the other side has closed the connection.
    ///
    /// # Errors
    ///
    /// If the received bytes are not a message or the socket fails.
    pub async fn message(&mut self) -> io::Result<Option<Received>> {
        loop {
            let message = self.reader.message()?;
            if message.is_some() || self.read().await? == 0 {
                return Ok(message);
            }
        }
    }

    /// The next message.
    ///
    /// # Panics
    ///
    /// If the other side has closed the connection, or the received bytes are not a message.
    pub async fn expect(&mut self) -> Received {
        let message = self.message().await.expect("the other side sends valid messages");
        message.expect("the connection is open")
    }

    /// Reads bytes into the buffer. Returns their number, 0 at the end of the connection.
    ///
    /// # Errors
    ///
    /// If the socket fails.
    pub async fn read(&mut self) -> io::Result<usize> {
        match &mut self.io {
            Some(io) => io.read_buf(&mut self.reader.input).await,
            None => Ok(0),
        }
    }

    /// Shuts down the writing half.
    ///
    /// # Errors
    ///
    /// If the socket fails.
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
    /// If the socket fails.
    pub async fn send(&mut self, message: &MessageBuilder) -> io::Result<()> {
        self.send_bytes(&message.encode()).await
    }

    /// Sends bytes, which need not form a message.
    ///
    /// # Errors
    ///
    /// If the socket fails.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.io {
            Some(io) => io.write_all(bytes).await,
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

/// Malformed frames, each with the name of its fault. They are derived from a valid message.
pub fn malformed(valid: &MessageBuilder) -> [(&'static str, BytesMut); 4] {
    let valid = valid.encode();
    let flipped = |at: usize| {
        let mut bytes = valid.clone();
        bytes[at] ^= 1;
        bytes
    };
    // The checksums are right, but the headers' length exceeds the total length.
    let mut overrun = BytesMut::new();
    let head = [20_u32.to_be_bytes(), 200_u32.to_be_bytes()].concat();
    overrun.extend_from_slice(&head);
    overrun.extend_from_slice(&crc(&overrun).to_be_bytes());
    overrun.extend_from_slice(&[0; 4]);
    overrun.extend_from_slice(&crc(&overrun).to_be_bytes());
    [
        ("checksum", flipped(valid.len() - 1)),
        ("prelude", flipped(8)),
        ("headers beyond the end", overrun),
        ("garbage", BytesMut::from("HTTP/1.1 400 Bad Request\r\n\r\n")),
    ]
}

/// The CRC-32 checksum, computed bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}
