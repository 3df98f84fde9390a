//! Paths of sockets and tokens of components.

use std::{
    fs,
    hash::{BuildHasher, RandomState},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// A socket path for this process, in a new folder with mode 0700.
pub(crate) fn private_path() -> io::Result<PathBuf> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder =
        std::env::temp_dir().join(format!("greengrass-local-core-{}-{number}", std::process::id()));
    // Removes the folder of an earlier process with the same id.
    let _ = fs::remove_dir_all(&folder);
    fs::DirBuilder::new().mode(0o700).create(&folder)?;
    Ok(folder.join("ipc.socket"))
}

/// The default socket path of this user, in a folder with mode 0700.
pub(crate) fn user_path() -> io::Result<PathBuf> {
    let base = std::env::var_os("XDG_RUNTIME_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    // On Linux, this file is owned by the user that runs the process.
    let user = fs::metadata("/proc/self").map(|it| it.uid()).ok();
    let name = user.map_or_else(|| "user".to_owned(), |it| it.to_string());
    let folder = base.join(format!("greengrass-local-core-{name}"));
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // Another user could have created the folder to intercept connections.
    let metadata = fs::symlink_metadata(&folder)?;
    let is_owned = user.is_none_or(|it| it == metadata.uid());
    if !metadata.is_dir() || !is_owned || metadata.mode() & 0o077 != 0 {
        let text = format!("{} is not a folder that only this user can access", folder.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    Ok(folder.join("ipc.socket"))
}

/// A guard that removes a private folder when dropped, if the folder is empty.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn of(socket: &Path) -> Option<Self> {
        Some(Self(socket.parent()?.to_owned()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Ignored: the folder may not be empty.
        let _ = fs::remove_dir(&self.0);
    }
}

/// Creates a token in the format of the Java nucleus: 16 random characters.
pub(crate) fn token() -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ01234567";
    // The standard library obtains the keys of its hashers from the operating system.
    let number = u128::from(RandomState::new().hash_one(0)) << 64
        | u128::from(RandomState::new().hash_one(1));
    (0..16).map(|at| char::from(ALPHABET[(number >> (5 * at)) as usize % 32])).collect()
}
