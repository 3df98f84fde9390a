//! The folders of a running core.

use std::{
    io,
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
            let temporary = tempfile::Builder::new().prefix("greengrass-local-core-").tempdir()?;
            let root = std::fs::canonicalize(temporary.path())?;
            return Ok(Self { root, _owned: Owned::Temporary { _folder: temporary } });
        };
        let explained = |error: io::Error| {
            let text = format!("cannot use {} as the root folder: {error}", root.display());
            io::Error::new(error.kind(), text)
        };
        std::fs::create_dir_all(root).map_err(explained)?;
        let root = std::fs::canonicalize(root).map_err(explained)?;
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
