//! A lock on a folder, which the system releases when the process ends, in whatever way: a run that was
//! killed stands in nobody's way.
//!
//! `File::try_lock` needs Rust 1.89. Until then each system has something else in the standard library
//! that only one process can have at a time.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::Path,
};

#[cfg(any(target_os = "linux", target_os = "android"))]
use linux as system;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
use other as system;

pub(super) use system::Lock;

/// Locks a folder, which need not exist. `None` if another process holds the lock.
pub(super) fn acquire(folder: &Path) -> io::Result<Option<Lock>> {
    let mut hasher = DefaultHasher::new();
    folder.hash(&mut hasher);
    // In another container the same path is another folder.
    fs::read_link("/proc/self/ns/mnt").ok().hash(&mut hasher);
    system::acquire(&format!("codegen-{:016x}.lock", hasher.finish()))
}

/// A socket with an abstract address: a name that is no file.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    #[cfg(target_os = "android")]
    use std::os::android::net::SocketAddrExt;
    #[cfg(target_os = "linux")]
    use std::os::linux::net::SocketAddrExt;
    use std::{
        io,
        os::unix::net::{SocketAddr, UnixListener},
    };

    pub(in crate::files) type Lock = UnixListener;

    pub(super) fn acquire(name: &str) -> io::Result<Option<Lock>> {
        match UnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
            result => result.map(Some),
        }
    }
}

/// A file among the temporary ones that one process can have open. Where neither Windows nor a BSD says
/// so, there is no lock.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod other {
    use std::{
        fs::{File, OpenOptions},
        io,
    };

    pub(in crate::files) type Lock = File;

    pub(super) fn acquire(name: &str) -> io::Result<Option<Lock>> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(windows)]
        std::os::windows::fs::OpenOptionsExt::share_mode(&mut options, 0);
        // O_EXLOCK | O_NONBLOCK, which have these values on all of them.
        #[cfg(any(
            target_vendor = "apple",
            target_os = "freebsd",
            target_os = "netbsd",
            target_os = "openbsd",
            target_os = "dragonfly"
        ))]
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, 0x20 | 0x4);
        match options.open(std::env::temp_dir().join(name)) {
            // ERROR_SHARING_VIOLATION
            Err(error) if cfg!(windows) && error.raw_os_error() == Some(32) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            result => result.map(Some),
        }
    }
}
