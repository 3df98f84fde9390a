//! The address that a client connects to.

#[cfg(feature = "blocking")]
use std::time::Instant;
use std::{fmt, io, sync::Arc, time::Duration};

use super::tcp::Tcp;
#[cfg(unix)]
use super::unix::Unix;
#[cfg(feature = "tokio")]
use super::{Stream, caught};
use crate::error::ConnectError;

/// The address of a socket.
#[derive(Clone, Debug)]
pub struct Address(Arc<dyn Transport>);

/// An address of one transport.
pub(super) trait Transport: fmt::Debug + Send + Sync {
    /// The address as text, for error messages.
    fn name(&self) -> String;

    #[cfg(feature = "tokio")]
    fn connect(&self) -> Connecting<'_>;

    /// Connects, and blocks until `until`, or without a limit.
    ///
    /// # Errors
    ///
    /// `TimedOut` if it takes too long.
    #[cfg(feature = "blocking")]
    fn connect_blocking(&self, until: Option<Instant>) -> io::Result<super::socket::OwnedFd>;
}

#[cfg(feature = "tokio")]
pub(super) type Connecting<'a> = super::stream::BoxFuture<'a, io::Result<Stream>>;

impl Address {
    /// The path of a Unix domain socket.
    #[cfg(unix)]
    pub fn unix(path: impl Into<std::path::PathBuf>) -> Self {
        Self(Arc::new(Unix(path.into())))
    }

    /// A TCP address, `host:port`.
    pub fn tcp(address: impl Into<String>) -> Self {
        Self(Arc::new(Tcp(address.into())))
    }

    #[cfg(feature = "tokio")]
    pub(crate) async fn connect(&self, timeout: Duration) -> Result<Stream, ConnectError> {
        // tokio panics where the runtime has no I/O.
        let connected = match tokio::time::timeout(timeout, caught(self.0.connect())).await {
            Ok(Ok(connected)) => connected,
            Ok(Err(_panic)) => return Err(ConnectError::NoRuntime),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        connected.map_err(|error| self.failed(error, timeout))
    }

    #[cfg(feature = "blocking")]
    pub(crate) fn connect_blocking(
        &self,
        timeout: Duration,
    ) -> Result<super::socket::OwnedFd, ConnectError> {
        let connected = self.0.connect_blocking(Instant::now().checked_add(timeout));
        connected.map_err(|error| self.failed(error, timeout))
    }

    fn failed(&self, source: io::Error, after: Duration) -> ConnectError {
        let address = self.0.name();
        match source.kind() {
            io::ErrorKind::TimedOut => ConnectError::SocketTimeout { address, after },
            _ => ConnectError::Socket { address, source: source.into() },
        }
    }
}

/// The remaining time for a system call. It is never zero, which means no limit to some calls.
#[cfg(feature = "blocking")]
pub(super) fn left(until: Option<Instant>) -> Option<Duration> {
    until.map(|it| it.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)))
}
