//! Files that one process at a time holds.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock, open},
    io::Errno,
    process::geteuid,
};

/// A locked file with mode 0600, which is removed when dropped.
///
/// The operating system releases the lock when the process ends. The lock does not depend on process ids, which
/// different containers use for different processes.
#[derive(Debug)]
pub(crate) struct LockedFile {
    path: PathBuf,
    file: File,
}

impl LockedFile {
    /// Creates and locks a file, or locks what a process that was killed has left behind.
    ///
    /// # Errors
    ///
    /// `ResourceBusy` if another process has locked the file, `PermissionDenied` if another user owns it, or another error
    /// of the operating system. The text contains the path.
    pub(crate) fn acquire(path: PathBuf) -> io::Result<Self> {
        loop {
            let file = open_file(&path, OFlags::RDWR | OFlags::CREATE).map_err(|error| {
                let text = format!("cannot create {error}: choose a folder with write permission");
                io::Error::new(error.kind(), text)
            })?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Err(Errno::AGAIN) => {
                    let text = format!(
                        "another core has locked {}: stop it, or choose another folder",
                        path.display()
                    );
                    return Err(io::Error::new(io::ErrorKind::ResourceBusy, text));
                }
                result => result.map_err(|it| with_path(&path, it.into()))?,
            }
            let locked = Self { path: path.clone(), file };
            // The last owner may have removed the file before this process locked it.
            if locked.is_in_place()? {
                locked.file.set_permissions(Permissions::from_mode(0o600))?;
                return Ok(locked);
            }
        }
    }

    /// Replaces the content.
    pub(crate) fn write(&mut self, text: &str) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.write_all(text.as_bytes())
    }

    fn is_in_place(&self) -> io::Result<bool> {
        let own = self.file.metadata()?;
        let found = fs::symlink_metadata(&self.path);
        Ok(found.is_ok_and(|it| (it.dev(), it.ino()) == (own.dev(), own.ino())))
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        if self.is_in_place().unwrap_or(false) {
            // An error means that the file has just been removed.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Reads a file that another process of this user has locked.
#[cfg(feature = "cli")]
pub(crate) fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    io::Read::read_to_string(&mut open_file(path, OFlags::RDONLY)?, &mut text)?;
    Ok(text)
}

/// Opens a file that belongs to this user and is not a symbolic link.
fn open_file(path: &Path, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = open(path, flags, Mode::RUSR | Mode::WUSR);
    let file = File::from(file.map_err(|it| with_path(path, it.into()))?);
    if file.metadata()?.uid() == geteuid().as_raw() {
        return Ok(file);
    }
    let text = format!("{} belongs to another user", path.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

fn with_path(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
