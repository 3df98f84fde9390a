//! Connecting without an async runtime.

use std::{io, path::Path, time::Instant};

use rustix::{
    io::Errno,
    net::{
        AddressFamily, SocketAddrUnix, SocketType,
        sockopt::{Timeout, set_socket_timeout},
    },
};

use crate::transport::{address::left, socket::OwnedFd};

pub(super) fn connect(path: &Path, until: Option<Instant>) -> io::Result<OwnedFd> {
    let socket = socket()?;
    let address = SocketAddrUnix::new(path)?;
    loop {
        // While the server's accept queue is full, `connect` blocks; on Linux, up to the send timeout.
        set_socket_timeout(&socket, Timeout::Send, left(until))?;
        match rustix::net::connect(&socket, &address) {
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Err(io::ErrorKind::TimedOut.into()),
            result => return Ok(result.map(|()| socket)?),
        }
    }
}

#[cfg(target_os = "linux")]
fn socket() -> rustix::io::Result<OwnedFd> {
    let flags = rustix::net::SocketFlags::CLOEXEC;
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
}

#[cfg(not(target_os = "linux"))]
fn socket() -> rustix::io::Result<OwnedFd> {
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    Ok(socket)
}

/// Two connected sockets.
#[cfg(not(shuttle))]
pub(in crate::transport) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (one, other) = std::os::unix::net::UnixStream::pair()?;
    Ok((one.into(), other.into()))
}
