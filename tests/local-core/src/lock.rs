//! Files that one process at a time holds.

use std::{
    fs::{self, File, Permissions},
    io::{self, Read, Seek, Write},
    os::unix::fs::{FileExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock, open},
    io::Errno,
    process::geteuid,
};

/// The first line of each locked file. A file without it belongs to the user.
const HEAD: &str = "# Written by greengrass-local-core, which removes this file when it stops.\n";

/// A locked file with mode 0600, which is removed when dropped.
///
/// The operating system releases the lock when the process ends. The lock does not depend on process ids, which
/// different containers use for different processes.
#[derive(Debug)]
pub(crate) struct LockedFile {
    path: PathBuf,
    file: File,
    /// What a process that was killed has left behind.
    pub(crate) left_behind: String,
}

impl LockedFile {
    /// Creates and locks a file, or locks what a process that was killed has left behind.
    ///
    /// # Errors
    ///
    /// `ResourceBusy` if another process has locked the file, `PermissionDenied` if another user owns it, `AlreadyExists`
    /// if it is not a file of this program, or another error of the operating system. The text contains the path.
    pub(crate) fn acquire(path: PathBuf) -> io::Result<Self> {
        loop {
            let file = open_file(&path, OFlags::RDWR | OFlags::CREATE)?;
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
            // The last owner may have removed the file before this process locked it.
            if is_in_place(&path, &file)? {
                if !is_ours(&file)? {
                    return Err(foreign(&path));
                }
                file.set_permissions(Permissions::from_mode(0o600))?;
                let left_behind = content(&file, &path).unwrap_or_default();
                let mut locked = Self { path, file, left_behind };
                locked.write("")?;
                return Ok(locked);
            }
        }
    }

    /// Replaces the content.
    pub(crate) fn write(&mut self, text: &str) -> io::Result<()> {
        let written = self.file.set_len(0).and_then(|()| {
            self.file.rewind()?;
            self.file.write_all(format!("{HEAD}{text}").as_bytes())
        });
        written.map_err(|it| with_path(&self.path, it))
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        if is_in_place(&self.path, &self.file).unwrap_or(false) {
            // An error means that the file has just been removed.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn is_in_place(path: &Path, file: &File) -> io::Result<bool> {
    let own = file.metadata()?;
    let found = fs::symlink_metadata(path);
    Ok(found.is_ok_and(|it| (it.dev(), it.ino()) == (own.dev(), own.ino())))
}

/// Whether a file was written by this program, or is new.
fn is_ours(file: &File) -> io::Result<bool> {
    let metadata = file.metadata()?;
    let mut start = [0; HEAD.len()];
    Ok(metadata.is_file()
        && (metadata.len() == 0
            || file.read_exact_at(&mut start, 0).is_ok() && start == *HEAD.as_bytes()))
}

/// Reads a file that another process of this user has locked.
#[cfg(feature = "cli")]
pub(crate) fn read(path: &Path) -> io::Result<String> {
    content(&open_file(path, OFlags::RDONLY)?, path)
}

fn content(mut file: &File, path: &Path) -> io::Result<String> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    text.strip_prefix(HEAD).map(str::to_owned).ok_or_else(|| foreign(path))
}

/// Opens a file that belongs to this user and is not a symbolic link.
fn open_file(path: &Path, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = open(path, flags, Mode::RUSR | Mode::WUSR).map_err(|error| match error {
        Errno::LOOP | Errno::NXIO | Errno::ISDIR => foreign(path),
        error if flags.contains(OFlags::CREATE) => {
            let text = format!(
                "cannot create {}: {error}: choose a folder with write permission",
                path.display()
            );
            io::Error::new(error.kind(), text)
        }
        error => with_path(path, error.into()),
    })?;
    let file = File::from(file);
    if file.metadata()?.uid() == geteuid().as_raw() {
        return Ok(file);
    }
    let text = format!("{} belongs to another user", path.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

fn foreign(path: &Path) -> io::Error {
    let text = format!(
        "{} is not a file of this program: remove it, or choose another path",
        path.display()
    );
    io::Error::new(io::ErrorKind::AlreadyExists, text)
}

fn with_path(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
