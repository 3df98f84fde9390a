//! The sockets that a server listens on.

use std::{fmt, io, net::SocketAddr};

use super::stream::{BoxFuture, Io};

/// A listening socket of one transport.
pub(crate) trait Listener: fmt::Debug + Send + Sync {
    /// Accepts the next client.
    fn accept(&self) -> Accepting<'_>;

    /// The address of a TCP socket.
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Resolves to a client's byte stream, and its process if the transport and the platform tell.
pub(crate) type Accepting<'a> = BoxFuture<'a, io::Result<(Box<dyn Io>, Option<PeerCredentials>)>>;

/// The process at the other end of a Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerCredentials {
    /// The process ID, if the platform tells.
    pub pid: Option<i32>,
    /// The user ID.
    pub uid: u32,
    /// The group ID.
    pub gid: u32,
}
