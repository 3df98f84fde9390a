//! The byte stream that carries a connection, for tokio.

use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

pub(super) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// The byte stream of a client, and how to write to it without its driver.
#[cfg(feature = "tokio")]
pub(crate) type Stream = (Box<dyn Io>, Option<super::Direct>);
