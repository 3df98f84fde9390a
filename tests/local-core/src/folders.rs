//! The folders of a running core.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use rustix::process::geteuid;
use serde_json::json;
use tempfile::TempDir;

use crate::{artifacts, exports, lock::LockedFile, process};

/// The root folder with the work folders, artifacts and logs of components.
#[derive(Debug)]
pub(crate) struct Folders {
    root: PathBuf,
    /// Removed before the temporary folder.
    lock: Mutex<LockedFile>,
    /// Removed when it is dropped.
    temporary: Option<TempDir>,
}

/// The start of the names of temporary folders.
const PREFIX: &str = "greengrass-local-core-";

/// The file that makes a folder that of one core, with the environment of its components.
const LOCK: &str = "core.lock";

impl Folders {
    /// Uses this folder, or a temporary one that is removed with the value. Ends what a core in the folder, or in a
    /// temporary one, has left behind because it was killed.
    ///
    /// `exports` is the environment of the components, by which their processes are found.
    pub(crate) fn new(root: Option<&Path>, exports: &str) -> io::Result<Self> {
        let name = root.map_or("a temporary folder".into(), |it| it.display().to_string());
        let explained = |it| explained(&name, it);
        let (folder, temporary) = match root {
            Some(root) => {
                fs::create_dir_all(root).map_err(|error| match error.kind() {
                    io::ErrorKind::AlreadyExists => {
                        explained(io::Error::other("it is not a folder"))
                    }
                    _ => explained(error),
                })?;
                (root.to_owned(), None)
            }
            None => {
                remove_left_behind();
                let folder = tempfile::Builder::new().prefix(PREFIX).tempdir();
                let folder = folder.map_err(explained)?;
                (folder.path().to_owned(), Some(folder))
            }
        };
        let root = canonical(&folder).map_err(explained)?;
        let mut lock = lock(&root).map_err(explained)?;
        lock.write(exports).map_err(explained)?;
        Ok(Self { root, lock: Mutex::new(lock), temporary })
    }

    /// Replaces the environment of the components.
    pub(crate) fn write_exports(&self, exports: &str) -> io::Result<()> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).write(exports)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn work(&self, component: &str) -> PathBuf {
        self.root.join("work").join(component)
    }

    pub(crate) fn artifacts(&self, component: &str, version: &str) -> PathBuf {
        self.all_artifacts().join(component).join(version)
    }

    pub(crate) fn all_artifacts(&self) -> PathBuf {
        self.root.join("packages/artifacts")
    }

    pub(crate) fn recipes(&self) -> PathBuf {
        self.root.join("packages/recipes")
    }

    pub(crate) fn decompressed(&self, component: &str, version: &str) -> PathBuf {
        self.root.join("packages/artifacts-unarchived").join(component).join(version)
    }

    /// The folders of the artifacts of a component.
    pub(crate) fn artifacts_of(&self, component: &str, version: &str) -> artifacts::Folders {
        artifacts::Folders {
            artifacts: self.artifacts(component, version),
            decompressed: self.decompressed(component, version),
        }
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// Writes the file from which the command line tool reads the socket and its token.
    pub(crate) fn write_login(&self, socket: &Path, token: &str) -> io::Result<()> {
        let path = self.login();
        let text = json!({ "domain_socket_path": socket, "cli_auth_token": token }).to_string();
        let write = || {
            fs::create_dir_all(path.parent().unwrap_or(&path))?;
            remove(&path)?;
            let mut options = OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(text.as_bytes())
        };
        write().map_err(|it| io::Error::new(it.kind(), format!("{}: {it}", path.display())))
    }

    fn login(&self) -> PathBuf {
        self.root.join(format!("cli_ipc_info/user-{}", geteuid().as_raw()))
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
        // Ignored: the token in it is not valid any more.
        let _ = remove(&self.login());
        if self.temporary.is_some() {
            make_removable(&self.root);
        }
    }
}

/// Removes a file, if there is one.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Locks a root folder, and kills the processes that a core has left behind there.
fn lock(root: &Path) -> io::Result<LockedFile> {
    let lock = LockedFile::acquire(root.join(LOCK))?;
    process::kill_left_behind(&exports::tokens(&lock.left_behind));
    Ok(lock)
}

/// Removes the temporary folders of cores that were killed, with their processes.
fn remove_left_behind() {
    // Ignored, as below: what cannot be read or removed stays.
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let folder = entry.path();
        // Another user could have put a symbolic link there.
        let is_own = entry.metadata().is_ok_and(|it| it.is_dir() && it.uid() == geteuid().as_raw());
        let is_temporary = entry.file_name().to_string_lossy().starts_with(PREFIX);
        // The file has content as soon as it is locked.
        let was_locked = || fs::metadata(folder.join(LOCK)).is_ok_and(|it| it.len() > 0);
        if is_own && is_temporary && was_locked() {
            if let Ok(_lock) = lock(&folder) {
                make_removable(&folder);
                let _ = fs::remove_dir_all(&folder);
            }
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
        let folders = Folders::new(None, "").unwrap();
        let (root, inner) = (folders.root().to_owned(), folders.work("a").join("b/c"));
        fs::create_dir_all(&inner).unwrap();
        let parent = inner.parent().unwrap();
        fs::set_permissions(parent, fs::Permissions::from_mode(0o500)).unwrap();
        drop(folders);
        assert!(!root.exists());
    }
}
