//! The socket of a connection, with the few operations that `std` does not have.

use std::{
    io,
    net::{TcpStream, ToSocketAddrs},
    os::fd::OwnedFd,
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

use super::sleeper::Bell;
use crate::{client::settings::Address, error::ConnectError};

/// How long a poll lasts that nobody can end with a bell.
const WITHOUT_BELL: Duration = Duration::from_millis(10);

/// Nothing that the peer does may raise a signal. (On other systems `std` has seen to it.)
#[cfg(target_os = "linux")]
const SEND_FLAGS: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
#[cfg(not(target_os = "linux"))]
const SEND_FLAGS: SendFlags = SendFlags::DONTWAIT;

/// What to wait for on a socket.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Interest {
    pub(super) input: bool,
    pub(super) room: bool,
}

/// A connected stream socket that blocks only where its user says so.
#[derive(Debug)]
pub(super) struct Socket(OwnedFd);

impl Socket {
    pub(super) fn new(fd: OwnedFd) -> Self {
        Self(fd)
    }

    pub(super) fn connect(address: &Address, timeout: Duration) -> Result<Self, ConnectError> {
        let (connected, address) = match address {
            Address::Unix(path) => (connect_unix(path, timeout), path.display().to_string()),
            Address::Tcp(address) => (connect_tcp(address, timeout), address.clone()),
        };
        connected.map(Self).map_err(|source| match source.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                ConnectError::SocketTimeout { address, after: timeout }
            }
            _ => ConnectError::Socket { address, source },
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

    /// Reads, and waits for something to read up to the time that was [set](Self::set_patience).
    pub(super) fn wait_and_receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::net::recv(&self.0, buffer, RecvFlags::empty())?.0)
    }

    /// How long [`wait_and_receive`](Self::wait_and_receive) waits; `None` for ever.
    pub(super) fn set_patience(&self, patience: Option<Duration>) -> io::Result<()> {
        Ok(set_socket_timeout(&self.0, Timeout::Recv, patience)?)
    }

    /// Waits until there is something to do, the bell rings or time is up; whether it is the first.
    pub(super) fn poll(
        &self,
        interest: Interest,
        bell: Option<&Bell>,
        until: Option<Instant>,
    ) -> bool {
        let mut timeout = until.map(|it| it.saturating_duration_since(Instant::now()));
        if bell.is_none() {
            timeout = Some(timeout.unwrap_or(WITHOUT_BELL).min(WITHOUT_BELL));
        }
        let timeout = timeout.and_then(|it| Timespec::try_from(it).ok());
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, interest.input);
        flags.set(PollFlags::OUT, interest.room);
        let socket = PollFd::new(&self.0, flags);
        // Without a bell the socket stands in for it.
        let bell = bell.map_or(PollFd::new(&self.0, PollFlags::empty()), |it| {
            PollFd::new(it.receiver(), PollFlags::IN)
        });
        let mut fds = [socket, bell];
        // Whatever goes wrong, the caller looks again.
        let _ = rustix::event::poll(&mut fds, timeout.as_ref());
        !fds[0].revents().is_empty()
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
