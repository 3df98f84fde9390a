//! Connecting without a runtime.

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
        // A server whose queue is full lets its clients wait; Linux waits for as long as for room to send.
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

/// Two sockets that are connected with each other.
#[cfg(not(shuttle))]
pub(in crate::transport) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (one, other) = std::os::unix::net::UnixStream::pair()?;
    Ok((one.into(), other.into()))
}
