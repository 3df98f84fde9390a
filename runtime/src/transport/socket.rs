//! The socket of a connection, with the few operations that `std` does not have.

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

/// Nothing that the peer does may raise a signal. (On other systems `std` has seen to it.)
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

/// A connected stream socket. No operation on it blocks but [`poll`](Self::poll), whether or not its descriptor
/// is in non-blocking mode.
#[derive(Debug)]
pub(crate) struct Socket(OwnedFd);

/// Ends the poll of a thread.
#[derive(Debug)]
pub(crate) struct Bell {
    receiver: Socket,
    sender: Socket,
}

impl Bell {
    pub(crate) fn new() -> io::Result<Self> {
        let (receiver, sender) = pair()?;
        Ok(Self { receiver: Socket::new(receiver), sender: Socket::new(sender) })
    }

    pub(crate) fn ring(&self) {
        // The thread takes what is there whenever a poll finds it, so that there is room.
        let _ = self.sender.send(&[1]);
    }
}

impl Socket {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        // Elsewhere each operation has a flag, so that others may use the descriptor as before.
        #[cfg(windows)]
        let _ = rustix::io::ioctl_fionbio(&fd, true);
        Self(fd)
    }

    /// Writes as much as there is room for.
    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        retry(|| rustix::net::send(&self.0, bytes, SEND_FLAGS))
    }

    /// Reads what is there.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let received = retry(|| rustix::net::recv(&self.0, &mut *buffer, RECEIVE_FLAGS));
        received.map(|(len, _)| len)
    }

    /// Waits until there is something to do, the bell rings or time is up. Whether there is something to read:
    /// the end or an error counts.
    pub(crate) fn poll(
        &self,
        interest: Interest,
        bell: Option<&Bell>,
        timeout: Option<Duration>,
    ) -> bool {
        // Beyond what the system can express there is no limit.
        let timeout = timeout.and_then(|it| Timespec::try_from(it).ok());
        let flags = match interest {
            Interest::Input => PollFlags::IN,
            Interest::InputAndRoom => PollFlags::IN | PollFlags::OUT,
        };
        let socket = PollFd::new(&self.0, flags);
        // Without a bell the socket stands in for it.
        let bell_fd = bell.map_or(PollFd::new(&self.0, PollFlags::empty()), |it| {
            PollFd::new(&it.receiver.0, PollFlags::IN)
        });
        let mut fds = [socket, bell_fd];
        if rustix::event::poll(&mut fds, timeout.as_ref()).is_err() {
            // It was interrupted; the caller looks again.
            return false;
        }
        if let Some(bell) = bell.filter(|_| fds[1].revents().contains(PollFlags::IN)) {
            let _ = bell.receiver.receive(&mut [0; 16]);
        }
        fds[0].revents().intersects(!PollFlags::OUT)
    }

    /// Lets a thread that waits for input see the end of it, after what has arrived.
    pub(crate) fn stop_reading(&self) {
        // The other side may have gone first.
        let _ = rustix::net::shutdown(&self.0, Shutdown::Read);
    }

    /// Ends both directions, also for other holders of the socket.
    pub(crate) fn stop(&self) {
        let _ = rustix::net::shutdown(&self.0, Shutdown::Both);
    }
}

fn retry<T>(f: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    Ok(rustix::io::retry_on_intr(f)?)
}
