//! Why there is no answer to a ping.

use crate::error::ConnectionError;

/// Why a ping was not answered.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PingError {
    /// The connection has ended.
    Connection(ConnectionError),
    /// No answer came in time.
    Timeout,
}

impl std::fmt::Display for PingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connection(_) => "the connection ended before the ping was answered",
            Self::Timeout => "the ping was not answered in time",
        })
    }
}

impl std::error::Error for PingError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connection(source) => Some(source),
            Self::Timeout => None,
        }
    }
}

impl From<ConnectionError> for PingError {
    fn from(source: ConnectionError) -> Self {
        Self::Connection(source)
    }
}
