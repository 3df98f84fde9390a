//! The folders of a running core.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::lock::LockedFile;

/// The root folder with the work folders, artifacts and logs of components.
#[derive(Debug)]
pub(crate) struct Folders {
    root: PathBuf,
    _owned: Owned,
}

/// What makes a folder that of one core.
#[derive(Debug)]
enum Owned {
    /// Removed when it is dropped.
    Temporary {
        _folder: TempDir,
    },
    Locked {
        _file: LockedFile,
    },
}

impl Folders {
    /// Uses this folder, or a temporary one that is removed with the value.
    pub(crate) fn new(root: Option<&Path>) -> io::Result<Self> {
        let Some(root) = root else {
            let created = tempfile::Builder::new().prefix("greengrass-local-core-").tempdir();
            let temporary = created.map_err(|it| explained("a temporary folder", it))?;
            let root = canonical(temporary.path())?;
            return Ok(Self { root, _owned: Owned::Temporary { _folder: temporary } });
        };
        let explained = |it| explained(&root.display().to_string(), it);
        fs::create_dir_all(root).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => explained(io::Error::other("it is not a folder")),
            _ => explained(error),
        })?;
        let root = canonical(root).map_err(explained)?;
        let file = LockedFile::acquire(root.join("core.lock")).map_err(explained)?;
        Ok(Self { root, _owned: Owned::Locked { _file: file } })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn work(&self, component: &str) -> PathBuf {
        self.root.join("work").join(component)
    }

    pub(crate) fn artifacts(&self, component: &str, version: &str) -> PathBuf {
        self.root.join("packages/artifacts").join(component).join(version)
    }

    pub(crate) fn decompressed(&self, component: &str, version: &str) -> PathBuf {
        self.root.join("packages/artifacts-unarchived").join(component).join(version)
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }
}

fn explained(root: &str, error: io::Error) -> io::Error {
    let text =
        format!("cannot use {root} as the root folder: {error}; `--root DIR` selects another");
    io::Error::new(error.kind(), text)
}

/// The absolute path of a folder. Recipe variables can contain it.
fn canonical(folder: &Path) -> io::Result<PathBuf> {
    let path = fs::canonicalize(folder)?;
    match path.to_str() {
        Some(_) => Ok(path),
        None => Err(io::Error::new(io::ErrorKind::InvalidInput, "its path is not UTF-8")),
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        if let Owned::Temporary { .. } = self._owned {
            make_removable(&self.root);
        }
    }
}

/// Makes a folder and those in it writable: components may have protected theirs.
fn make_removable(folder: &Path) {
    // Ignored, as below: what cannot be removed stays.
    let _ = fs::set_permissions(folder, Permissions::from_mode(0o700));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|it| it.is_dir()) {
            make_removable(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::Folders;

    #[test]
    fn a_temporary_folder_is_removed_with_read_only_folders() {
        let folders = Folders::new(None).unwrap();
        let (root, inner) = (folders.root().to_owned(), folders.work("a").join("b/c"));
        fs::create_dir_all(&inner).unwrap();
        let parent = inner.parent().unwrap();
        fs::set_permissions(parent, fs::Permissions::from_mode(0o500)).unwrap();
        drop(folders);
        assert!(!root.exists());
    }
}
