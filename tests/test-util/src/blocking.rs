//! A scripted server for tests of the blocking client, without an asynchronous runtime.
//!
//! Each helper panics if the client sends something else than expected, or nothing within [`TIMEOUT`].

use std::{
    io::{Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    thread,
};

use bytes::BytesMut;
use echo::{
    blocking::{Client, Connection, ConnectionBuilder, Subscription},
    operation::echo_stream_messages::{EchoStreamMessages, EchoStreamMessagesBuilder},
    types::MessageData,
};
use eventstream_rpc::{
    client::{Builder, Credentials},
    greengrass,
    protocol::MessageType,
};

pub use crate::{END, assert_text};
use crate::{MESSAGE, MessageBuilder, MessageReader, PING, Received, TIMEOUT};

/// The flags of a message without any flag.
pub const NO_FLAGS: i32 = 0;
/// The flag of a connect-ack that accepts the client.
pub const ACCEPTED: i32 = 1;

/// The server's end of a connection, which reads and writes one message at a time.
pub struct Peer {
    socket: UnixStream,
    reader: MessageReader,
}

impl Peer {
    /// Takes the server's end of a connection.
    pub fn new(socket: UnixStream) -> Self {
        socket.set_read_timeout(Some(TIMEOUT)).unwrap();
        Self { socket, reader: MessageReader::default() }
    }

    /// The next message, or `None` if the client has closed the connection.
    pub fn read(&mut self) -> Option<Received> {
        let mut buffer = [0; 16 * 1024];
        loop {
            if let Some(message) = self.reader.message().unwrap() {
                return Some(message);
            }
            match self.socket.read(&mut buffer) {
                Ok(0) => break,
                Ok(len) => self.reader.extend(&buffer[..len]),
                // The client closed the connection without reading everything.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
                Err(error) => panic!("{error}"),
            }
        }
        assert!(self.reader.is_empty(), "the connection ends within a message");
        None
    }

    /// Reads the first bytes of a message and leaves the rest unread.
    pub fn read_start(&mut self) {
        let mut buffer = [0; 16];
        let len = self.socket.read(&mut buffer).unwrap();
        self.reader.extend(&buffer[..len]);
    }

    /// Reads the next message, which must have this type, these flags and this stream id.
    #[track_caller]
    pub fn expect(&mut self, message_type: MessageType, flags: i32, stream: i32) {
        let message = self.read().unwrap();
        let expected = (message_type as i32, flags, stream);
        assert_eq!((message.kind, message.flags, message.stream), expected);
    }

    /// Reads the next message, which must be a request or an event on this stream.
    #[track_caller]
    pub fn expect_request(&mut self, stream: i32) {
        self.expect(MessageType::ApplicationMessage, NO_FLAGS, stream);
    }

    /// Reads the next message, which must end this stream.
    #[track_caller]
    pub fn expect_end(&mut self, stream: i32) {
        self.expect(MessageType::ApplicationMessage, END, stream);
    }

    /// Writes bytes, which need not form a message.
    pub fn write(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    /// Performs the handshake and accepts the client.
    pub fn accept(&mut self) {
        self.expect(MessageType::Connect, NO_FLAGS, 0);
        self.write(&bare(MessageType::ConnectAck, ACCEPTED, 0));
    }

    /// Sends the response to a call.
    pub fn respond(&mut self, stream: i32) {
        self.write(&shaped(END, stream, "awstest#EchoMessageResponse", "{}"));
    }

    /// Sends the response that opens a subscription.
    pub fn respond_open(&mut self, stream: i32) {
        self.write(&shaped(NO_FLAGS, stream, "awstest#EchoStreamingResponse", "{}"));
    }
}

/// A listening socket, removed when dropped.
pub struct Listener {
    /// The path of the socket.
    pub path: PathBuf,
    /// The listener itself.
    pub listener: UnixListener,
}

impl Listener {
    /// Listens on a temporary path that contains this name.
    pub fn new(name: &str) -> Self {
        let name = format!("echo-blocking-{name}-{}.socket", std::process::id());
        let path = std::env::temp_dir().join(name);
        let listener = UnixListener::bind(&path).unwrap();
        Self { path, listener }
    }

    /// Waits for the next connection. The handshake is left to the caller.
    pub fn accept(&self) -> Peer {
        Peer::new(self.listener.accept().unwrap().0)
    }

    /// Connects a client. Returns it with the server's end of its connection.
    pub fn connected<I: Credentials>(&self, builder: Builder<Connection, I>) -> (Client, Peer) {
        let connecting = thread::spawn(|| builder.connect().unwrap());
        let mut peer = self.accept();
        peer.accept();
        (Client::new(connecting.join().unwrap()), peer)
    }

    /// A builder of connections to this socket.
    pub fn builder(&self) -> ConnectionBuilder {
        Connection::builder().socket_path(&self.path)
    }

    /// A builder of connections to this socket that authenticates as a Greengrass component does.
    pub fn component(&self) -> greengrass::Builder<Connection> {
        greengrass::Builder::default().socket_path(&self.path)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Ignored: the file may already be removed.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Connects a client over a socket pair. Returns it with the server's end of its connection.
pub fn connected(builder: ConnectionBuilder) -> (Client, Peer) {
    let (socket, other) = UnixStream::pair().unwrap();
    let mut peer = Peer::new(other);
    // Stays in the socket's buffer until the client has sent its connect message.
    peer.write(&bare(MessageType::ConnectAck, ACCEPTED, 0));
    let connection: Connection = builder.connect_over(socket).unwrap();
    peer.expect(MessageType::Connect, NO_FLAGS, 0);
    (Client::new(connection), peer)
}

/// A message without a payload.
pub fn bare(message_type: MessageType, flags: i32, stream: i32) -> BytesMut {
    MessageBuilder::new(message_type as i32, flags, stream).encode()
}

/// A ping with a payload of this length.
pub fn ping(len: usize) -> BytesMut {
    MessageBuilder::new(PING, NO_FLAGS, 0).payload(vec![b'p'; len]).encode()
}

/// An application message whose payload is JSON of this shape.
pub fn shaped(flags: i32, stream: i32, shape: &str, payload: &str) -> BytesMut {
    MessageBuilder::new(MESSAGE, flags, stream).shape(shape).payload(payload.to_owned()).encode()
}

/// An event that contains a text.
pub fn event(stream: i32, text: &str) -> BytesMut {
    let payload = format!(r#"{{"streamMessage":{{"stringMessage":"{text}"}}}}"#);
    shaped(NO_FLAGS, stream, "awstest#EchoStreamingMessage", &payload)
}

/// The input of a call with a blob of this length.
pub fn blob(len: usize) -> MessageData {
    MessageData::builder().blob_message(vec![7_u8; len]).build()
}

/// Makes a call, which must succeed.
pub fn call(client: &Client) {
    client.echo_message().message(blob(1)).send().unwrap();
}

/// Makes a call on another thread and answers it.
#[track_caller]
pub fn answered(client: &Client, peer: &mut Peer, stream: i32) {
    thread::scope(|scope| {
        scope.spawn(|| call(client));
        peer.expect_request(stream);
        peer.respond(stream);
    });
}

/// Opens a subscription on another thread and accepts it.
#[track_caller]
pub fn opened(
    request: EchoStreamMessagesBuilder<Connection>,
    peer: &mut Peer,
    stream: i32,
) -> Subscription<EchoStreamMessages> {
    thread::scope(|scope| {
        let opening = scope.spawn(|| request.send().unwrap());
        peer.expect_request(stream);
        peer.respond_open(stream);
        opening.join().unwrap()
    })
}
