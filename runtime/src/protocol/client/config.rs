//! What goes into a [`Core`](super::Core) and what comes out of it, besides messages.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{
    error::{BuildError, ConnectError, ConnectionError},
    frame::{Header, HeaderValue, Limits},
    options::SubscribeOptions,
    protocol::queue::Element,
};

/// What is sent to introduce this side.
#[derive(Clone, Default)]
pub struct Connect {
    /// Headers besides those of the protocol.
    pub headers: Vec<Header>,
    /// Says who is connecting; a service decides what is in it.
    pub payload: Bytes,
}

impl std::fmt::Debug for Connect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Both may hold a token.
        f.debug_struct("Connect").finish_non_exhaustive()
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
    /// How long a message may be on its way, from its first byte to its last: one that takes longer ends the
    /// connection. A time in which nobody reads, as the program is busy or away, counts as a sixteenth of it at
    /// most. Default: 30 s.
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

/// Why a request was not sent.
#[derive(Debug)]
pub enum OpenError {
    /// Too much is waiting to be written already, or calls wait for the end of an outage. Try again when
    /// woken.
    Full,
    /// The connection is not open.
    Closed(ConnectionError),
    /// The stream to which an event was to be sent has ended.
    StreamEnded,
    /// The request cannot be encoded.
    Build(BuildError),
}

/// Something that happened to the connection as a whole.
#[derive(Clone)]
pub enum ConnectionEvent {
    /// The server has accepted the connection.
    Connected,
    /// The other side reported an error. [`Core::judge`](super::Core::judge) says whether it is the end.
    Error(ConnectionError),
    /// A ping came, and was answered.
    Ping {
        /// Its headers, without those of the protocol.
        headers: Vec<Header>,
        /// Its payload.
        payload: Bytes,
    },
    /// The connection has ended; `None` if this side closed it.
    Disconnected(Option<ConnectionError>),
    /// An attempt to open the connection again failed.
    ReconnectFailed(Arc<ConnectError>),
}

impl Element for ConnectionEvent {
    fn held(&self) -> usize {
        match self {
            Self::Ping { headers, payload } => {
                let headers = headers.iter().map(|it| {
                    let value_len = match &it.value {
                        HeaderValue::ByteArray(bytes) => bytes.len(),
                        HeaderValue::String(text) => text.len(),
                        _ => 0,
                    };
                    size_of::<Header>() + it.name.len() + value_len
                });
                payload.len() + headers.sum::<usize>()
            }
            Self::Error(ConnectionError::PeerError { message: Some(text), .. }) => text.len(),
            _ => 0,
        }
    }
}

impl std::fmt::Debug for ConnectionEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connected => f.write_str("Connected"),
            Self::Error(error) => f.debug_tuple("Error").field(error).finish(),
            // What the other side sends may be secret.
            Self::Ping { .. } => f.debug_struct("Ping").finish_non_exhaustive(),
            Self::Disconnected(error) => f.debug_tuple("Disconnected").field(error).finish(),
            Self::ReconnectFailed(error) => f.debug_tuple("ReconnectFailed").field(error).finish(),
        }
    }
}
