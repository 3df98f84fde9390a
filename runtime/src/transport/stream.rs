//! The byte stream that carries a connection, for tokio.

use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

/// A boxed future.
pub(super) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A byte stream of any transport.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// The byte stream of a client, and a writer for it that does not need the driver.
#[cfg(feature = "tokio")]
pub(crate) type Stream = (Box<dyn Io>, Option<super::Direct>);
