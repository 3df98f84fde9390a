//! The socket of a blocking connection, with operations that `std` does not have.

use std::{io, time::Duration};

#[cfg(not(unix))]
use super::tcp::pair;
#[cfg(unix)]
use super::unix::pair;

pub(crate) use rustix::fd::OwnedFd;
use rustix::{
    event::{PollFd, PollFlags, Timespec},
    net::{RecvFlags, SendFlags, Shutdown},
};

/// Suppresses `SIGPIPE` on Linux. On other systems, `std` sets an option of the socket for that.
#[cfg(target_os = "linux")]
const SEND_FLAGS: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
#[cfg(all(unix, not(target_os = "linux")))]
const SEND_FLAGS: SendFlags = SendFlags::DONTWAIT;
#[cfg(windows)]
const SEND_FLAGS: SendFlags = SendFlags::empty();

#[cfg(unix)]
const RECEIVE_FLAGS: RecvFlags = RecvFlags::DONTWAIT;
#[cfg(windows)]
const RECEIVE_FLAGS: RecvFlags = RecvFlags::empty();

/// What to wait for on a socket besides something to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    Input,
    InputAndRoom,
}

/// A connected stream socket. Only [`poll`](Self::poll) blocks, whether or not the descriptor is in non-blocking mode.
#[derive(Debug)]
pub(crate) struct Socket(OwnedFd);

/// Wakes a thread that is in [`Socket::poll`].
#[derive(Debug)]
pub(crate) struct PollWaker {
    receiver: Socket,
    sender: Socket,
}

impl PollWaker {
    pub(crate) fn new() -> io::Result<Self> {
        let (receiver, sender) = pair()?;
        Ok(Self { receiver: Socket::new(receiver), sender: Socket::new(sender) })
    }

    pub(crate) fn wake(&self) {
        // There is room, because each poll empties the receiver.
        let _ = self.sender.send(&[1]);
    }
}

impl Socket {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        // On other systems each operation has a flag for that, so that the mode of the descriptor does not change.
        #[cfg(windows)]
        let _ = rustix::io::ioctl_fionbio(&fd, true);
        Self(fd)
    }

    /// Writes as much as the socket has room for.
    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        retry(|| rustix::net::send(&self.0, bytes, SEND_FLAGS))
    }

    /// Reads the available bytes.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let received = retry(|| rustix::net::recv(&self.0, &mut *buffer, RECEIVE_FLAGS));
        received.map(|(len, _)| len)
    }

    /// Blocks until the socket is ready for an operation of interest, the waker is called, or the timeout has passed.
    /// Returns whether the socket can be read; the end of the input or an error counts.
    pub(crate) fn poll(
        &self,
        interest: Interest,
        waker: Option<&PollWaker>,
        timeout: Option<Duration>,
    ) -> bool {
        // A timeout that the system cannot express is no limit.
        let timeout = timeout.and_then(|it| Timespec::try_from(it).ok());
        let flags = match interest {
            Interest::Input => PollFlags::IN,
            Interest::InputAndRoom => PollFlags::IN | PollFlags::OUT,
        };
        let socket = PollFd::new(&self.0, flags);
        // Without a waker, the second descriptor is the socket again, without events.
        let waker_fd = waker.map_or(PollFd::new(&self.0, PollFlags::empty()), |waker| {
            PollFd::new(&waker.receiver.0, PollFlags::IN)
        });
        let mut fds = [socket, waker_fd];
        if rustix::event::poll(&mut fds, timeout.as_ref()).is_err() {
            // The call was interrupted, and the caller polls again.
            return false;
        }
        if let Some(waker) = waker.filter(|_| fds[1].revents().contains(PollFlags::IN)) {
            let _ = waker.receiver.receive(&mut [0; 16]);
        }
        fds[0].revents().intersects(!PollFlags::OUT)
    }

    /// Ends the input after the bytes that have arrived, so that a thread that waits for input returns.
    pub(crate) fn stop_reading(&self) {
        // An error means that the peer has closed the connection already.
        let _ = rustix::net::shutdown(&self.0, Shutdown::Read);
    }

    /// Shuts down both directions, also for other descriptors of the socket.
    pub(crate) fn stop(&self) {
        let _ = rustix::net::shutdown(&self.0, Shutdown::Both);
    }
}

fn retry<T>(f: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    Ok(rustix::io::retry_on_intr(f)?)
}
