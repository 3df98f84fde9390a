//! A lock that the system releases when the process ends, also when it is killed.
//!
//! `File::try_lock` needs Rust 1.89. Until then the lock is something else in the standard library that only one
//! process can hold, which differs by system.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, ErrorKind},
    path::Path,
};

/// A socket with an abstract address: a name that is no file.
#[cfg(target_os = "linux")]
pub type Lock = std::os::unix::net::UnixListener;

/// A temporary file that is open in one process.
#[cfg(not(target_os = "linux"))]
pub type Lock = fs::File;

/// Locks a folder, which need not exist, until the lock is dropped. It is an error if another run holds the lock.
pub fn lock(folder: &Path) -> io::Result<Lock> {
    let folder = super::real(folder)?;
    let mut hasher = DefaultHasher::new();
    // In another container the same path is another folder.
    (&folder, fs::read_link("/proc/self/ns/mnt").ok()).hash(&mut hasher);
    take(&format!("codegen-{:016x}.lock", hasher.finish())).or_else(|error| {
        const ERROR_SHARING_VIOLATION: i32 = 32;
        let is_held = matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::WouldBlock)
            || cfg!(windows) && error.raw_os_error() == Some(ERROR_SHARING_VIOLATION);
        let folder = folder.display();
        super::fail(match is_held {
            true => format!("another run is writing to {folder}: wait until it is done"),
            false => format!("cannot lock {folder}: {error}"),
        })
    })
}

#[cfg(target_os = "linux")]
fn take(name: &str) -> io::Result<Lock> {
    use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};
    Lock::bind_addr(&SocketAddr::from_abstract_name(name)?)
}

/// Neither Windows nor a BSD opens the file twice; other systems have no lock.
#[cfg(not(target_os = "linux"))]
fn take(name: &str) -> io::Result<Lock> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(windows)]
    std::os::windows::fs::OpenOptionsExt::share_mode(&mut options, 0);
    // O_EXLOCK | O_NONBLOCK, the same numbers on all of them.
    #[cfg(any(
        target_vendor = "apple",
        target_os = "freebsd",
        target_os = "openbsd",
        target_os = "netbsd"
    ))]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, 0x20 | 0x4);
    options.open(std::env::temp_dir().join(name))
}
