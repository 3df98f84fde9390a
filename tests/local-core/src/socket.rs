//! Where the core listens, and the tokens of its components.

use std::{
    fs,
    hash::{BuildHasher, RandomState},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// A socket of this process alone, in a folder that only this user may enter.
pub(crate) fn private_path() -> io::Result<PathBuf> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder =
        std::env::temp_dir().join(format!("greengrass-local-core-{}-{number}", std::process::id()));
    // What a process with this number left behind is nobody's.
    let _ = fs::remove_dir_all(&folder);
    fs::DirBuilder::new().mode(0o700).create(&folder)?;
    Ok(folder.join("ipc.socket"))
}

/// The socket of this user's core, in a folder that only this user may enter.
pub(crate) fn user_path() -> io::Result<PathBuf> {
    let base = std::env::var_os("XDG_RUNTIME_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    // Where there is such a file it belongs to whoever runs this process.
    let user = fs::metadata("/proc/self").map(|it| it.uid()).ok();
    let name = user.map_or_else(|| "user".to_owned(), |it| it.to_string());
    let folder = base.join(format!("greengrass-local-core-{name}"));
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // Someone else could have made it first, to listen in.
    let found = fs::symlink_metadata(&folder)?;
    if !found.is_dir() || user.is_some_and(|it| it != found.uid()) || found.mode() & 0o077 != 0 {
        let text = format!("{} is not a folder of this user's alone", folder.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    Ok(folder.join("ipc.socket"))
}

/// Removes a private folder when dropped, unless something else is in it.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn of(socket: &Path) -> Option<Self> {
        Some(Self(socket.parent()?.to_owned()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It is of use to nobody else.
        let _ = fs::remove_dir(&self.0);
    }
}

/// A token as the Java nucleus makes them: 16 characters that are hard to guess.
pub(crate) fn token() -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ01234567";
    // The standard library takes its keys from the operating system.
    let number = u128::from(RandomState::new().hash_one(0)) << 64
        | u128::from(RandomState::new().hash_one(1));
    (0..16).map(|at| char::from(ALPHABET[(number >> (5 * at)) as usize % 32])).collect()
}
