//! A lock that the system releases when the process exits or is killed.
//!
//! `File::try_lock` needs Rust 1.89. Until then the lock is another resource that only one process can have, which
//! depends on the system.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, ErrorKind},
    path::Path,
};

/// A socket with an abstract address, which is not in the file system.
#[cfg(target_os = "linux")]
pub type Lock = std::os::unix::net::UnixListener;

/// A temporary file that is opened exclusively.
#[cfg(not(target_os = "linux"))]
pub type Lock = fs::File;

/// Locks a folder, which need not exist, until the lock is dropped. Fails if another run has the lock.
pub fn lock(folder: &Path) -> io::Result<Lock> {
    let folder = super::real(folder)?;
    let mut hasher = DefaultHasher::new();
    // The same path is a different folder in another container.
    (&folder, fs::read_link("/proc/self/ns/mnt").ok()).hash(&mut hasher);
    acquire(&format!("codegen-{:016x}.lock", hasher.finish())).or_else(|error| {
        const ERROR_SHARING_VIOLATION: i32 = 32;
        let is_held = matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::WouldBlock)
            || cfg!(windows) && error.raw_os_error() == Some(ERROR_SHARING_VIOLATION);
        let folder = folder.display();
        super::fail(if is_held {
            format!("another run is writing to {folder}: wait until it has finished")
        } else {
            format!("cannot lock {folder}: {error}")
        })
    })
}

#[cfg(target_os = "linux")]
fn acquire(name: &str) -> io::Result<Lock> {
    use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};
    Lock::bind_addr(&SocketAddr::from_abstract_name(name)?)
}

/// Windows, macOS and BSD do not open the file twice. Other systems have no lock.
#[cfg(not(target_os = "linux"))]
fn acquire(name: &str) -> io::Result<Lock> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(windows)]
    std::os::windows::fs::OpenOptionsExt::share_mode(&mut options, 0);
    // O_EXLOCK | O_NONBLOCK, which have these values on all of them.
    #[cfg(any(
        target_vendor = "apple",
        target_os = "freebsd",
        target_os = "openbsd",
        target_os = "netbsd"
    ))]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, 0x20 | 0x4);
    options.open(std::env::temp_dir().join(name))
}
