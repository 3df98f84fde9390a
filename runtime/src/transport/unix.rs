//! Unix domain sockets.

#[cfg(feature = "tokio")]
mod asynchronous;
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
        Box::pin(asynchronous::connect(&self.0))
    }

    #[cfg(feature = "blocking")]
    fn connect_blocking(
        &self,
        until: Option<std::time::Instant>,
    ) -> std::io::Result<super::socket::OwnedFd> {
        blocking::connect(&self.0, until)
    }
}
