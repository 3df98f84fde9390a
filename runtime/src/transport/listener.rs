//! What a server listens on.

use std::{fmt, io, net::SocketAddr};

use super::stream::{BoxFuture, Io};

/// A socket of one kind on which a server listens.
pub(crate) trait Listener: fmt::Debug + Send + Sync {
    /// The next client, and its process if the kind of socket tells it.
    fn accept(&self) -> Accepting<'_>;

    /// The address for TCP clients.
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A client that has connected.
pub(crate) type Accepting<'a> = BoxFuture<'a, io::Result<(Box<dyn Io>, Option<PeerCredentials>)>>;

/// The process at the other end of a Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerCredentials {
    /// Its process ID, where the platform says.
    pub pid: Option<i32>,
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}
