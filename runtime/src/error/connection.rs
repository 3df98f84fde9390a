//! Why an established connection ended.

use std::{fmt, io, sync::Arc, time::Duration};

use thiserror::Error;

use super::{DecodeError, EncodeError, escaped::Escaped};

/// Why a connection ended, or why nothing can be sent on it.
///
/// It can be cloned, because everything that was open on the connection ends with it.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// This side closed the connection.
    #[error("this side closed the connection")]
    Closed,
    /// The other side closed the connection.
    ///
    /// This is how a nucleus that stops or restarts looks to a connection without traffic. One on which a call
    /// is made at that moment may get [`PeerError`](Self::PeerError) with `internal` first:
    /// [`is_peer_gone`](Self::is_peer_gone) covers both.
    #[error("the other side closed the connection")]
    ClosedByPeer,
    /// Reading from or writing to the socket failed.
    #[error("reading from or writing to the socket failed")]
    Io(#[source] Arc<io::Error>),
    /// The bytes from the other side are not event-stream messages.
    #[error("the other side sent what is not an event-stream message")]
    Decode(#[source] Arc<DecodeError>),
    /// A message to the other side could not be encoded.
    #[error("a message could not be encoded")]
    Encode(#[source] Arc<EncodeError>),
    /// The other side broke a rule of the protocol; the text says which.
    #[error("the other side broke the protocol: {0}")]
    Protocol(&'static str),
    /// The other side began a message and did not finish it in time.
    #[error("the other side began a message and did not finish it within {after:?}")]
    FrameTimeout {
        /// The time that was allowed.
        after: Duration,
    },
    /// The other side says that this side broke a rule of the protocol (`PROTOCOL_ERROR`), or that it
    /// failed (`INTERNAL_ERROR`).
    ///
    /// The Java nucleus reports that it failed when a call arrives while it stops.
    #[error("{}{}", Self::peer_error(*internal), Text(message.as_deref()))]
    PeerError {
        /// Whether the message was `INTERNAL_ERROR`.
        internal: bool,
        /// The text it came with, if it could be read: its first 4 KiB. `Display` escapes its control characters
        /// and shows no more than its first 256 characters.
        message: Option<String>,
    },
    /// All ids for the streams of the connection are used up: it has made 2,147,483,647 calls. A new connection
    /// begins anew, as one does that a [`ReconnectPolicy`](crate::client) opens again.
    #[error("all stream ids of the connection are used up")]
    StreamIdsUsedUp,
    /// The runtime on which the connection was opened has been shut down, and what read and wrote its
    /// socket with it.
    #[error("the runtime on which the connection was opened has been shut down")]
    RuntimeStopped,
    /// The connection is down and its reconnect policy is at work.
    #[error("the connection is down and being reopened")]
    Reconnecting,
    /// The reconnect policy has given up; this was the last failure.
    #[error("the connection could not be reopened")]
    ReconnectFailed(#[source] Arc<super::ConnectError>),
    /// The server refuses this side since the connection was lost, and the reconnect policy has given up.
    ///
    /// A nucleus that has restarted does so: it hands out new tokens and starts its components again. A
    /// component should exit.
    #[error(
        "the server refuses this side since the connection was lost: its token is probably no longer valid"
    )]
    ReconnectRejected(#[source] Arc<super::ConnectError>),
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

/// The text of an error that the other side reports, after a colon.
struct Text<'a>(Option<&'a str>);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |text| write!(f, ": {}", Escaped(text)))
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
