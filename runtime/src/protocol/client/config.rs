//! Configuration, requests and events of a client's connection.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{
    error::{ConnectError, ConnectionError},
    frame::{Header, Limits},
    options::SubscribeOptions,
    protocol::{RpcMessage, queue::Element},
};

/// The connect message.
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

/// The limits and timeouts of a [`Core`](super::Core).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The longest message that is sent, in bytes. Default: 24 MiB.
    pub max_frame_len: usize,
    /// How many bytes of encoded messages may be queued before calls wait for room. The buffers may be up to twice as
    /// long. Default: 1 MiB.
    pub write_queue_limit: usize,
    /// Whether a lost connection may come back, with [`Core::reconnect`](super::Core::reconnect). Default: `false`.
    pub reconnects: bool,
    /// Whether calls that are made during an outage wait for its end; otherwise they fail. Default: `false`.
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
    /// Absolute shape ID of the response, which distinguishes it from an event that arrives before it.
    pub response_shape: &'static str,
    /// When to stop waiting for the response.
    pub deadline: Option<Instant>,
    /// How events are queued, for an operation that keeps its stream open.
    pub subscribe: Option<&'a SubscribeOptions>,
}

/// Something that happened to the connection as a whole.
#[derive(Clone, Debug)]
pub enum ConnectionEvent {
    /// The server has accepted the connection.
    Connected,
    /// The peer reported an error. [`Core::judge`](super::Core::judge) ends the connection because of it.
    Error(ConnectionError),
    /// A ping arrived and was answered.
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
