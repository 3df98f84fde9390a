//! Errors of established connections.

use std::{io, sync::Arc, time::Duration};

use thiserror::Error;

use super::{DecodeError, EncodeError, escaped::Escaped};

/// Why a connection ended, or why nothing can be sent on it.
///
/// It is `Clone` because every open call and subscription of the connection ends with it.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// This side closed the connection.
    #[error("this side closed the connection")]
    Closed,
    /// The other side closed the connection.
    ///
    /// A connection without traffic ends this way when a nucleus stops or restarts. A connection with a call at that
    /// moment may end with [`PeerError`](Self::PeerError) with `internal` instead:
    /// [`is_peer_gone`](Self::is_peer_gone) covers both.
    #[error("the other side closed the connection")]
    ClosedByPeer,
    /// Reading from or writing to the socket failed.
    #[error("reading from or writing to the socket failed")]
    Io(#[source] Arc<io::Error>),
    /// The bytes from the other side are not event-stream messages.
    #[error("the other side sent bytes that are not an event-stream message")]
    Decode(#[source] Arc<DecodeError>),
    /// A message to the other side could not be encoded.
    #[error("a message could not be encoded")]
    Encode(#[source] Arc<EncodeError>),
    /// The other side broke the rule of the protocol that the text names.
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
    #[error("{}{}", Self::peer_error(*internal), after_colon(message.as_deref()))]
    PeerError {
        /// Whether the message was `INTERNAL_ERROR`.
        internal: bool,
        /// The first 4 KiB of its text, if it could be read. `Display` escapes control characters and shows at most
        /// 256 characters.
        message: Option<String>,
    },
    /// All stream ids of the connection are used up: it has made 2,147,483,647 calls. A new connection, also one that a
    /// [`ReconnectPolicy`](crate::client) opens, has all ids again.
    #[error("all stream ids of the connection are used up")]
    StreamIdsUsedUp,
    /// The runtime on which the connection was opened has been shut down, and with it the task that read and wrote
    /// the socket.
    #[error("the runtime on which the connection was opened has been shut down")]
    RuntimeStopped,
    /// The connection is down and its reconnect policy is reopening it.
    #[error("the connection is down and being reopened")]
    Reconnecting,
    /// The reconnect policy has given up; this was the last failure.
    #[error("the connection could not be reopened")]
    ReconnectFailed(#[source] Arc<super::ConnectError>),
    /// The server has refused this side since the connection was lost, and the reconnect policy has given up.
    ///
    /// A nucleus does this after a restart: it issues new tokens and starts its components again. A
    /// component should exit.
    #[error(
        "the server has refused this side since the connection was lost: its token is probably no longer valid"
    )]
    ReconnectRejected(#[source] Arc<super::ConnectError>),
}

impl ConnectionError {
    /// Whether the server probably stopped, restarted or crashed.
    ///
    /// It closed the connection or reported an internal error, or a
    /// [`ReconnectPolicy`](crate::client) could not reach it or was refused. A nucleus issues new tokens when it starts
    /// and starts its components again, so a component should exit then.
    pub fn is_peer_gone(&self) -> bool {
        matches!(
            self,
            Self::ClosedByPeer
                | Self::PeerError { internal: true, .. }
                | Self::ReconnectFailed(_)
                | Self::ReconnectRejected(_)
        )
    }

    /// The kind of an error that the other side reports, without its text.
    pub(super) const fn peer_error(internal: bool) -> &'static str {
        if internal {
            "the other side reported an internal error"
        } else {
            "the other side reported a protocol error"
        }
    }
}

/// The text of an error that the other side reports, escaped.
fn after_colon(text: Option<&str>) -> String {
    text.map(|it| format!(": {}", Escaped(it))).unwrap_or_default()
}

impl From<io::Error> for ConnectionError {
    fn from(source: io::Error) -> Self {
        match source.kind() {
            // The other side closed while data was on its way to it.
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
