//! The socket of a connection, with the few operations that `std` does not have.

use std::{
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, Shutdown, SocketAddrUnix, SocketType,
        sockopt::{Timeout, set_socket_timeout},
    },
};

use crate::{
    error::ConnectError,
    session::credentials::{Address, Kind},
};

/// Nothing that the peer does may raise a signal. (On other systems `std` has seen to it.)
#[cfg(target_os = "linux")]
const SEND_FLAGS: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
#[cfg(not(target_os = "linux"))]
const SEND_FLAGS: SendFlags = SendFlags::DONTWAIT;

/// What to wait for on a socket besides something to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interest {
    Input,
    InputAndRoom,
}

/// A connected stream socket. No operation on it blocks but [`poll`](Self::poll), whether or not its descriptor
/// is in non-blocking mode.
#[derive(Debug)]
pub(super) struct Socket(OwnedFd);

/// Ends the poll of a thread.
#[derive(Debug)]
pub(super) struct Bell {
    receiver: UnixStream,
    sender: UnixStream,
}

impl Bell {
    pub(super) fn new() -> io::Result<Self> {
        let (receiver, sender) = UnixStream::pair()?;
        Ok(Self { receiver, sender })
    }

    pub(super) fn ring(&self) {
        // The thread takes what is there whenever a poll finds it, so that there is room.
        let _ = (&self.sender).write(&[1]);
    }
}

impl Socket {
    pub(super) fn new(fd: OwnedFd) -> Self {
        Self(fd)
    }

    pub(super) fn connect(address: &Address, timeout: Duration) -> Result<Self, ConnectError> {
        let (connected, address) = match &address.0 {
            Kind::Unix(path) => (connect_unix(path, timeout), path.display().to_string()),
            Kind::Tcp(address) => (connect_tcp(address, timeout), address.clone()),
        };
        connected.map(Self).map_err(|source| match source.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                ConnectError::SocketTimeout { address, after: timeout }
            }
            _ => ConnectError::Socket { address, source: source.into() },
        })
    }

    /// Writes as much as there is room for.
    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        retry(|| rustix::net::send(&self.0, bytes, SEND_FLAGS))
    }

    /// Reads what is there.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let received = retry(|| rustix::net::recv(&self.0, &mut *buffer, RecvFlags::DONTWAIT));
        received.map(|(len, _)| len)
    }

    /// Waits until there is something to do, the bell rings or time is up. Whether there is something to read:
    /// the end or an error counts.
    pub(super) fn poll(
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
            PollFd::new(&it.receiver, PollFlags::IN)
        });
        let mut fds = [socket, bell_fd];
        if rustix::event::poll(&mut fds, timeout.as_ref()).is_err() {
            // It was interrupted; the caller looks again.
            return false;
        }
        if let Some(bell) = bell.filter(|_| fds[1].revents().contains(PollFlags::IN)) {
            let _ = (&bell.receiver).read(&mut [0; 16]);
        }
        fds[0].revents().intersects(!PollFlags::OUT)
    }

    /// Lets a thread that waits for input see the end of it, after what has arrived.
    pub(super) fn stop_reading(&self) {
        // The other side may have gone first.
        let _ = rustix::net::shutdown(&self.0, Shutdown::Read);
    }

    /// Ends both directions, whoever still holds the socket.
    pub(super) fn stop(&self) {
        let _ = rustix::net::shutdown(&self.0, Shutdown::Both);
    }
}

fn retry<T>(f: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    Ok(rustix::io::retry_on_intr(f)?)
}

fn connect_unix(path: &Path, timeout: Duration) -> io::Result<OwnedFd> {
    let socket = unix_socket()?;
    let deadline = Instant::now().checked_add(timeout);
    let address = SocketAddrUnix::new(path)?;
    loop {
        // A server whose queue is full lets its clients wait; Linux waits for as long as for room to send.
        let left = deadline.map(|it| it.saturating_duration_since(Instant::now()));
        let left = left.map(|it| it.max(Duration::from_millis(1)));
        set_socket_timeout(&socket, Timeout::Send, left)?;
        match rustix::net::connect(&socket, &address) {
            Err(Errno::INTR) => {}
            result => return Ok(result.map(|()| socket)?),
        }
    }
}

#[cfg(target_os = "linux")]
fn unix_socket() -> rustix::io::Result<OwnedFd> {
    let flags = rustix::net::SocketFlags::CLOEXEC;
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
}

#[cfg(not(target_os = "linux"))]
fn unix_socket() -> rustix::io::Result<OwnedFd> {
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    Ok(socket)
}

fn connect_tcp(address: &str, timeout: Duration) -> io::Result<OwnedFd> {
    let deadline = Instant::now().checked_add(timeout);
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "the name has no address");
    for address in address.to_socket_addrs()? {
        let left = deadline.map_or(timeout, |it| it.saturating_duration_since(Instant::now()));
        match TcpStream::connect_timeout(&address, left.max(Duration::from_millis(1))) {
            Ok(stream) => {
                // Messages are whole when they are written; waiting for more only delays them.
                let _ = stream.set_nodelay(true);
                return Ok(stream.into());
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
