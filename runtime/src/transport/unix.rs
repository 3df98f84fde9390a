//! The Unix domain socket transport.

#[cfg(feature = "blocking")]
mod blocking;
#[cfg(feature = "server")]
mod listener;

#[cfg(all(feature = "blocking", not(shuttle)))]
pub(super) use blocking::pair;
#[cfg(feature = "server")]
pub(crate) use listener::listen;

#[cfg(any(feature = "tokio", feature = "blocking"))]
use super::address;

/// The path of a socket.
#[cfg(any(feature = "tokio", feature = "blocking"))]
#[derive(Debug)]
pub(super) struct Unix(pub(super) std::path::PathBuf);

#[cfg(any(feature = "tokio", feature = "blocking"))]
impl address::Transport for Unix {
    fn name(&self) -> String {
        self.0.display().to_string()
    }

    #[cfg(feature = "tokio")]
    fn connect(&self) -> address::Connecting<'_> {
        use std::{io::Write, os::fd::AsFd};

        Box::pin(async {
            let stream = tokio::net::UnixStream::connect(&self.0).await?;
            // The same socket, which is in non-blocking mode.
            let writer = stream.as_fd().try_clone_to_owned()?;
            let writer = std::os::unix::net::UnixStream::from(writer);
            let direct = Box::new(move |bytes: &[u8]| (&writer).write(bytes));
            Ok((Box::new(stream) as _, Some(direct as _)))
        })
    }

    #[cfg(feature = "blocking")]
    fn connect_blocking(
        &self,
        until: Option<std::time::Instant>,
    ) -> std::io::Result<super::socket::OwnedFd> {
        blocking::connect(&self.0, until)
    }
}
