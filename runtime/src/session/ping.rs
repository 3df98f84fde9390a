//! Why there is no answer to a ping.

use crate::error::ConnectionError;

/// Why a ping was not answered.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PingError {
    /// The connection has ended.
    #[error("the connection ended before the ping was answered")]
    Connection(#[from] ConnectionError),
    /// No answer came in time.
    #[error("the ping was not answered in time")]
    Timeout,
}
