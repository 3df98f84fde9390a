//! What goes into a [`Core`](super::Core) and what comes out of it, besides messages.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};

use crate::{
    error::{ConnectError, ConnectionError, EncodeError},
    frame::{FrameEncoder, Header, HeaderValueRef, Limits},
    options::SubscribeOptions,
    protocol::{MessageType, RpcMessage, VERSION, header, queue::Element},
};

/// What is sent to introduce this side.
#[derive(Clone, Default)]
pub struct Connect {
    /// Headers besides those of the protocol.
    pub headers: Vec<Header>,
    /// Identifies the client; a service defines its content.
    pub payload: Bytes,
}

impl std::fmt::Debug for Connect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Both may hold a token.
        f.debug_struct("Connect").finish_non_exhaustive()
    }
}

impl Connect {
    /// The frame of the connect message.
    pub(super) fn encode(&self) -> Result<BytesMut, EncodeError> {
        let mut out = BytesMut::new();
        let mut frame = FrameEncoder::new(&mut out);
        frame.header(header::VERSION, HeaderValueRef::String(VERSION))?;
        frame.header(header::MESSAGE_TYPE, HeaderValueRef::Int32(MessageType::Connect as i32))?;
        frame.header(header::MESSAGE_FLAGS, HeaderValueRef::Int32(0))?;
        frame.header(header::STREAM_ID, HeaderValueRef::Int32(0))?;
        for it in &self.headers {
            frame.header(&it.name, it.value.as_value_ref())?;
        }
        frame.payload(&self.payload);
        frame.finish()?;
        Ok(out)
    }
}

/// What a [`Core`](super::Core) may send and hold.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Config {
    /// How long a message may be that is sent, in bytes. Default: 24 MiB.
    pub max_frame_len: usize,
    /// How many bytes of encoded messages may wait to be written before calls wait for room. The buffers that they
    /// wait in may be up to twice as long. Default: 1 MiB.
    pub write_queue_limit: usize,
    /// Whether the loss of the connection is an outage, which ends with
    /// [`Core::reconnect`](super::Core::reconnect) or with its last error. Default: no, it is the end.
    pub reconnects: bool,
    /// Whether calls made during an outage wait for its end. Default: no, they fail.
    pub calls_wait: bool,
    /// How long the server may take to answer a subscription that is opened again. Default: 10 s.
    pub resubscribe_timeout: Duration,
    /// How long the server may take to send one message, from the first byte to the last. A slower message ends the
    /// connection. Time in which the client does not read counts at most as a sixteenth of it. Default: 30 s.
    pub frame_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_frame_len: Limits::DEFAULT.max_message_len,
            write_queue_limit: 1024 * 1024,
            reconnects: false,
            calls_wait: false,
            resubscribe_timeout: Duration::from_secs(10),
            frame_timeout: Duration::from_secs(30),
        }
    }
}

/// A request to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Absolute shape ID of the operation.
    pub operation: &'static str,
    /// Absolute shape ID of the request.
    pub request_shape: &'static str,
    /// Absolute shape ID of the response, by which it is told from an event that overtakes it.
    pub response_shape: &'static str,
    /// When to give up waiting for the response.
    pub deadline: Option<Instant>,
    /// For an operation that keeps its stream open: how its events are queued.
    pub subscribe: Option<&'a SubscribeOptions>,
}

/// Something that happened to the connection as a whole.
#[derive(Clone, Debug)]
pub enum ConnectionEvent {
    /// The server has accepted the connection.
    Connected,
    /// The other side reported an error. [`Core::judge`](super::Core::judge) says whether it is the end.
    Error(ConnectionError),
    /// A ping came, and was answered.
    Ping(RpcMessage),
    /// The connection has ended; `None` if this side closed it.
    Disconnected(Option<ConnectionError>),
    /// An attempt to open the connection again failed.
    ReconnectFailed(Arc<ConnectError>),
}

impl Element for ConnectionEvent {
    fn held(&self) -> usize {
        match self {
            Self::Ping(ping) => ping.held(),
            Self::Error(ConnectionError::PeerError { message: Some(text), .. }) => text.len(),
            _ => 0,
        }
    }
}
