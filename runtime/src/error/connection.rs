//! Why an established connection ended.

use std::{error::Error as StdError, fmt, io, sync::Arc, time::Duration};

use super::{DecodeError, EncodeError, escaped::Escaped};

/// Why a connection ended, or why nothing can be sent on it.
///
/// It can be cloned, because everything that was open on the connection ends with it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ConnectionError {
    /// This side closed the connection.
    Closed,
    /// The other side closed the connection.
    ///
    /// This is how a nucleus that stops or restarts looks to a connection without traffic. One on which a call
    /// is made at that moment may get [`PeerError`](Self::PeerError) with `internal` first:
    /// [`is_peer_gone`](Self::is_peer_gone) covers both.
    ClosedByPeer,
    /// Reading from or writing to the socket failed.
    Io(Arc<io::Error>),
    /// The bytes from the other side are not event-stream messages.
    Decode(Arc<DecodeError>),
    /// A message to the other side could not be encoded.
    Encode(Arc<EncodeError>),
    /// The other side broke a rule of the protocol; the text says which.
    Protocol(&'static str),
    /// The other side began a message and did not finish it in time.
    FrameTimeout {
        /// The time that was allowed.
        after: Duration,
    },
    /// The other side says that this side broke a rule of the protocol (`PROTOCOL_ERROR`), or that it
    /// failed (`INTERNAL_ERROR`).
    ///
    /// The Java nucleus reports that it failed when a call arrives while it stops.
    PeerError {
        /// Whether the message was `INTERNAL_ERROR`.
        internal: bool,
        /// The text it came with, if it could be read: its first 4 KiB. `Display` escapes its control characters
        /// and shows no more than its first 256 characters.
        message: Option<String>,
    },
    /// All ids for the streams of the connection are used up: it has made 2,147,483,647 calls. A new connection
    /// begins anew, as one does that a [`ReconnectPolicy`](crate::client) opens again.
    StreamIdsUsedUp,
    /// The runtime on which the connection was opened has been shut down, and what read and wrote its
    /// socket with it.
    RuntimeStopped,
    /// The connection is down and its reconnect policy is at work.
    Reconnecting,
    /// The reconnect policy has given up; this was the last failure.
    ReconnectFailed(Arc<super::ConnectError>),
    /// The server refuses this side since the connection was lost, and the reconnect policy has given up.
    ///
    /// A nucleus that has restarted does so: it hands out new tokens and starts its components again. A
    /// component should exit.
    ReconnectRejected(Arc<super::ConnectError>),
}

impl ConnectionError {
    /// Whether the server that the connection was opened to has gone away: it stops, restarts or crashed.
    ///
    /// It has closed the connection or reported an internal error, or a
    /// [`ReconnectPolicy`](crate::client) has not found it again or was refused. A nucleus hands out new tokens
    /// when it starts and starts its components again, so that a component should exit then.
    pub fn is_peer_gone(&self) -> bool {
        matches!(
            self,
            Self::ClosedByPeer
                | Self::PeerError { internal: true, .. }
                | Self::ReconnectFailed(_)
                | Self::ReconnectRejected(_)
        )
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("this side closed the connection"),
            Self::ClosedByPeer => f.write_str("the other side closed the connection"),
            Self::Io(_) => f.write_str("reading from or writing to the socket failed"),
            Self::Decode(_) => {
                f.write_str("the other side sent what is not an event-stream message")
            }
            Self::Encode(_) => f.write_str("a message could not be encoded"),
            Self::Protocol(rule) => write!(f, "the other side broke the protocol: {rule}"),
            Self::FrameTimeout { after } => write!(
                f,
                "the other side began a message and did not finish it within {after:?}"
            ),
            Self::PeerError { internal, message } => {
                f.write_str(Self::peer_error(*internal))?;
                match message {
                    Some(message) => write!(f, ": {}", Escaped(message)),
                    None => Ok(()),
                }
            }
            Self::StreamIdsUsedUp => f.write_str("all stream ids of the connection are used up"),
            Self::RuntimeStopped => {
                f.write_str("the runtime on which the connection was opened has been shut down")
            }
            Self::Reconnecting => f.write_str("the connection is down and being reopened"),
            Self::ReconnectFailed(_) => f.write_str("the connection could not be reopened"),
            Self::ReconnectRejected(_) => f.write_str(
                "the server refuses this side since the connection was lost: its token is probably no \
                 longer valid",
            ),
        }
    }
}

impl ConnectionError {
    /// What an error that the other side reports is, without its text.
    pub(super) const fn peer_error(internal: bool) -> &'static str {
        match internal {
            true => "the other side reported an internal error",
            false => "the other side reported a protocol error",
        }
    }
}

impl StdError for ConnectionError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Io(source) => Some(source),
            Self::Decode(source) => Some(source),
            Self::Encode(source) => Some(source),
            Self::ReconnectFailed(source) | Self::ReconnectRejected(source) => Some(source),
            _ => None,
        }
    }
}

impl From<io::Error> for ConnectionError {
    fn from(source: io::Error) -> Self {
        match source.kind() {
            // So it looks when the other side closes while something is on its way to it.
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Self::ClosedByPeer,
            _ => Self::Io(Arc::new(source)),
        }
    }
}

impl From<DecodeError> for ConnectionError {
    fn from(source: DecodeError) -> Self {
        Self::Decode(Arc::new(source))
    }
}
