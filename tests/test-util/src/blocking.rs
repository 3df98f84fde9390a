//! A scripted peer without a runtime, for the blocking client. A helper panics if the peer does not do what it
//! should, or if nothing arrives within [`PATIENCE`].

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

use crate::{Draft, Inbox, MESSAGE, PATIENCE, PING, Received};
pub use crate::{END, assert_text};

/// No flag.
pub const NONE: i32 = 0;
/// The flag of an acknowledgement that accepts the client.
pub const ACCEPTED: i32 = 1;

/// A server that reads and writes one message at a time.
pub struct Peer {
    socket: UnixStream,
    inbox: Inbox,
}

impl Peer {
    /// The server's end of a connection.
    pub fn new(socket: UnixStream) -> Self {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, inbox: Inbox::default() }
    }

    /// The next message, or nothing after the last.
    pub fn read(&mut self) -> Option<Received> {
        let mut buffer = [0; 16 * 1024];
        loop {
            if let Some(message) = self.inbox.message().unwrap() {
                return Some(message);
            }
            match self.socket.read(&mut buffer) {
                Ok(0) => break,
                Ok(len) => self.inbox.extend(&buffer[..len]),
                // So it looks if the client goes with something unread.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
                Err(error) => panic!("{error}"),
            }
        }
        assert!(self.inbox.is_empty(), "only whole messages are written");
        None
    }

    /// Waits for the beginning of a message, and does not read on.
    pub fn begin(&mut self) {
        let mut buffer = [0; 16];
        let len = self.socket.read(&mut buffer).unwrap();
        self.inbox.extend(&buffer[..len]);
    }

    /// The next message: its type, flags and stream.
    #[track_caller]
    pub fn expect(&mut self, message_type: MessageType, flags: i32, stream: i32) {
        let message = self.read().unwrap();
        let expected = (message_type as i32, flags, stream);
        assert_eq!((message.kind, message.flags, message.stream), expected);
    }

    /// The next message, which asks for something on this stream.
    #[track_caller]
    pub fn expect_request(&mut self, stream: i32) {
        self.expect(MessageType::ApplicationMessage, NONE, stream);
    }

    /// The next message, which ends this stream.
    #[track_caller]
    pub fn expect_end(&mut self, stream: i32) {
        self.expect(MessageType::ApplicationMessage, END, stream);
    }

    /// Writes bytes, which need not be a message.
    pub fn write(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    /// Lets the client in, which has said who it is.
    pub fn accept(&mut self) {
        self.expect(MessageType::Connect, NONE, 0);
        self.write(&bare(MessageType::ConnectAck, ACCEPTED, 0));
    }

    /// The response to a call.
    pub fn respond(&mut self, stream: i32) {
        self.write(&shaped(END, stream, "awstest#EchoMessageResponse", "{}"));
    }

    /// The response to a subscription.
    pub fn respond_open(&mut self, stream: i32) {
        self.write(&shaped(NONE, stream, "awstest#EchoStreamingResponse", "{}"));
    }
}

/// A socket that is listened on.
pub struct Listener {
    /// Where it is.
    pub path: PathBuf,
    /// Accepts connections.
    pub listener: UnixListener,
}

impl Listener {
    /// Listens on a path with this name in it.
    pub fn new(name: &str) -> Self {
        let name = format!("echo-blocking-{name}-{}.socket", std::process::id());
        let path = std::env::temp_dir().join(name);
        let listener = UnixListener::bind(&path).unwrap();
        Self { path, listener }
    }

    /// Waits for the next connection, before its handshake.
    pub fn accept(&self) -> Peer {
        Peer::new(self.listener.accept().unwrap().0)
    }

    /// A client, and the other side of its connection.
    pub fn connected<I: Credentials>(&self, builder: Builder<Connection, I>) -> (Client, Peer) {
        let connecting = thread::spawn(|| builder.connect().unwrap());
        let mut peer = self.accept();
        peer.accept();
        (Client::new(connecting.join().unwrap()), peer)
    }

    /// Connects to this socket.
    pub fn builder(&self) -> ConnectionBuilder {
        Connection::builder().socket_path(&self.path)
    }

    /// A builder with the credentials of a Greengrass component.
    pub fn component(&self) -> greengrass::Builder<Connection> {
        greengrass::Builder::default().socket_path(&self.path)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // It is of use to nobody else.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A client, and the other side of its connection.
pub fn connected(builder: ConnectionBuilder) -> (Client, Peer) {
    let (socket, other) = UnixStream::pair().unwrap();
    let mut peer = Peer::new(other);
    // It waits in the socket until the client has asked.
    peer.write(&bare(MessageType::ConnectAck, ACCEPTED, 0));
    let connection: Connection = builder.connect_over(socket).unwrap();
    peer.expect(MessageType::Connect, NONE, 0);
    (Client::new(connection), peer)
}

/// A message without payload.
pub fn bare(message_type: MessageType, flags: i32, stream: i32) -> BytesMut {
    Draft::new(message_type as i32, flags, stream).encode()
}

/// A ping with a payload of this length.
pub fn ping(len: usize) -> BytesMut {
    Draft::new(PING, NONE, 0).payload(vec![b'p'; len]).encode()
}

/// An application message with a payload of a shape.
pub fn shaped(flags: i32, stream: i32, shape: &str, payload: &str) -> BytesMut {
    Draft::new(MESSAGE, flags, stream).shape(shape).payload(payload.to_owned()).encode()
}

/// An event with a text.
pub fn event(stream: i32, text: &str) -> BytesMut {
    let payload = format!(r#"{{"streamMessage":{{"stringMessage":"{text}"}}}}"#);
    shaped(NONE, stream, "awstest#EchoStreamingMessage", &payload)
}

/// A message with a blob of this length.
pub fn blob(len: usize) -> MessageData {
    MessageData::builder().blob_message(vec![7_u8; len]).build()
}

/// Makes a call, which must succeed.
pub fn call(client: &Client) {
    client.echo_message().message(blob(1)).send().unwrap();
}

/// Makes a call, which is answered.
#[track_caller]
pub fn answered(client: &Client, peer: &mut Peer, stream: i32) {
    thread::scope(|scope| {
        scope.spawn(|| call(client));
        peer.expect_request(stream);
        peer.respond(stream);
    });
}

/// Opens a subscription.
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
