//! A lock that the system releases when the process ends, also when it is killed.
//!
//! `File::try_lock` needs Rust 1.89. Until then the lock is something else in the standard library that only one
//! process can hold, which differs by system.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::Path,
};

/// A socket with an abstract address: a name that is no file.
#[cfg(target_os = "linux")]
pub(super) type Lock = std::os::unix::net::UnixListener;

/// A temporary file that is open in one process.
#[cfg(not(target_os = "linux"))]
pub(super) type Lock = fs::File;

/// Locks a folder, which need not exist. `None` if another process holds the lock.
pub(super) fn acquire(folder: &Path) -> io::Result<Option<Lock>> {
    let mut hasher = DefaultHasher::new();
    folder.hash(&mut hasher);
    // In another container the same path is another folder.
    fs::read_link("/proc/self/ns/mnt").ok().hash(&mut hasher);
    match take(&format!("codegen-{:016x}.lock", hasher.finish())) {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::WouldBlock) =>
        {
            Ok(None)
        }
        // ERROR_SHARING_VIOLATION
        Err(error) if cfg!(windows) && error.raw_os_error() == Some(32) => Ok(None),
        lock => lock.map(Some),
    }
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
