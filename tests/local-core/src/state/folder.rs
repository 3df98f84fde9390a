//! The folder of the state: its lock and its version.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use crate::lock::LockedFile;

/// The version of the tables and their entries. A core reads the folders of its version only.
const VERSION: u32 = 1;

/// A state folder, which one core at a time uses.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: LockedFile,
}

impl Folder {
    /// Locks a folder. Creates it if it does not exist.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let lock = LockedFile::acquire(path.join("state.lock"))?;
        check_version(&path.join("state.version"))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    pub(super) fn database(&self) -> PathBuf {
        self.path.join("state.redb")
    }
}

/// Checks the version in a file, or creates the file.
fn check_version(path: &Path) -> io::Result<()> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return write_version(path),
        text => text?,
    };
    match text.trim().parse::<u32>() {
        Ok(VERSION) => Ok(()),
        Ok(version) if version > VERSION => {
            let text = format!(
                "a newer version of this program has written it (format {version} instead of {VERSION}): use that \
                 version, or choose another folder"
            );
            Err(io::Error::new(io::ErrorKind::Unsupported, text))
        }
        _ => {
            let text = format!("{} does not contain a version", path.display());
            Err(io::Error::new(io::ErrorKind::InvalidData, text))
        }
    }
}

fn write_version(path: &Path) -> io::Result<()> {
    let new = path.with_extension("new");
    File::create(&new).and_then(|mut it| {
        writeln!(it, "{VERSION}")?;
        it.sync_all()
    })?;
    rename(&new, path)
}

/// Renames a file, and returns when the new name is on the disk.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    match to.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
