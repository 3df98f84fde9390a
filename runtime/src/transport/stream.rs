//! The byte stream that carries a connection, for tokio.

use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

pub(super) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A byte stream.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// The byte stream of a client.
#[cfg(feature = "tokio")]
pub(crate) struct Stream {
    pub(crate) io: Box<dyn Io>,
    pub(crate) direct: Option<super::Direct>,
}

#[cfg(feature = "tokio")]
impl Stream {
    pub(crate) fn new(io: impl Io + 'static) -> Self {
        Self { io: Box::new(io), direct: None }
    }
}
