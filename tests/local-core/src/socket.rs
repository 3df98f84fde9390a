//! Places of sockets, and tokens of components.

use std::{
    ffi::OsString,
    fs::{self, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use greengrass_core_ipc::server::Server;
use rustix::process::geteuid;
use tempfile::TempDir;

use crate::{exports, lock::LockedFile, process};

/// The maximum length of a socket's path in bytes, without the zero byte at its end.
const MAX_LEN: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// The name of a socket in a folder of its own.
const NAME: &str = "ipc.socket";

/// A path for a socket that no other core uses.
#[derive(Debug)]
pub(crate) struct Place {
    /// An absolute path.
    pub(crate) path: PathBuf,
    mode: u32,
    /// The file with the environment of components.
    pub(crate) exports: Arc<Mutex<LockedFile>>,
    /// The private folder of the socket. Dropped last.
    _folder: Option<TempDir>,
}

impl Place {
    /// A socket in a new folder with mode 0700.
    pub(crate) fn private(mode: u32) -> io::Result<Self> {
        let prefix = "greengrass-local-core-";
        // The name of the folder ends with six random characters.
        let base = short(std::env::temp_dir(), prefix.len() + 6);
        let mut builder = tempfile::Builder::new();
        builder.prefix(prefix).permissions(Permissions::from_mode(0o700));
        let folder = builder.tempdir_in(base).map_err(|error| {
            let text =
                format!("cannot create the folder of the socket: {error}; TMPDIR selects another");
            io::Error::new(error.kind(), text)
        })?;
        Self::new(folder.path().join(NAME), mode, Some(folder))
    }

    /// A socket at a path, which other cores may want to use.
    pub(crate) fn shared(path: &Path, mode: u32) -> io::Result<Self> {
        Self::new(absolute(path)?, mode, None)
    }

    fn new(path: PathBuf, mode: u32, folder: Option<TempDir>) -> io::Result<Self> {
        check(&path)?;
        let exports = LockedFile::acquire(exports::path(&path)).map_err(|error| {
            if error.kind() != io::ErrorKind::ResourceBusy {
                return error;
            }
            let text = format!("{}: another core listens on the socket", path.display());
            io::Error::new(io::ErrorKind::AddrInUse, text)
        })?;
        process::kill_left_behind(&exports::tokens(&exports.left_behind));
        Ok(Self { path, mode, exports: Arc::new(Mutex::new(exports)), _folder: folder })
    }

    /// Listens on the socket.
    pub(crate) fn bind(&self) -> io::Result<Server> {
        Server::bind_with_mode(&self.path, self.mode)
    }
}

/// Checks that a socket can have a path.
fn check(path: &Path) -> io::Result<()> {
    let error = |kind, text| Err(io::Error::new(kind, format!("{}: {text}", path.display())));
    let len = path.as_os_str().len();
    if len > MAX_LEN {
        let text = format!(
            "the path of the socket has {len} bytes, but the limit is {MAX_LEN}: choose a shorter path"
        );
        return error(io::ErrorKind::InvalidInput, text);
    }
    if path.to_str().is_none() {
        let text = "the path of the socket is not UTF-8: choose another path".to_owned();
        return error(io::ErrorKind::InvalidInput, text);
    }
    let folder = path.parent().unwrap_or(path);
    if folder.exists() && !folder.is_dir() {
        let text = format!("{} is not a folder: choose another path", folder.display());
        return error(io::ErrorKind::NotADirectory, text);
    }
    if !folder.exists() {
        let text = format!(
            "the folder of the socket does not exist: create it with `mkdir -p {}`",
            exports::quoted(&folder.display().to_string())
        );
        return error(io::ErrorKind::NotFound, text);
    }
    let is_other = fs::symlink_metadata(path).is_ok_and(|it| !it.file_type().is_socket());
    if is_other || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        let text = "the path is not that of a socket".to_owned();
        return error(io::ErrorKind::AddrInUse, text);
    }
    Ok(())
}

/// The path of a socket, which does not depend on the current folder.
pub(crate) fn absolute(path: &Path) -> io::Result<PathBuf> {
    std::path::absolute(path).map_err(|error| {
        let path = path.display();
        let text = format!(
            "cannot make the path {path:?} of the socket absolute: {error}; choose an absolute path"
        );
        io::Error::new(error.kind(), text)
    })
}

/// The default socket path of this user, in a folder with mode 0700.
pub(crate) fn user_path() -> io::Result<PathBuf> {
    // The folder exists from the login of the user to its end. A value that is not absolute is to be ignored.
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let runtime = runtime.filter(|it| it.is_absolute() && it.is_dir());
    let base = runtime.map_or_else(|| absolute(&std::env::temp_dir()), Ok)?;
    let name = OsString::from(format!("greengrass-local-core-{}", geteuid().as_raw()));
    let folder = short(base, name.len()).join(name);
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            let folder = folder.display();
            let text = format!("cannot create {folder}: {error}; `--socket PATH` selects another");
            return Err(io::Error::new(error.kind(), text));
        }
        _ => {}
    }
    // Another user could have created the folder to intercept connections.
    let metadata = fs::symlink_metadata(&folder)?;
    let is_owned = metadata.uid() == geteuid().as_raw();
    if !metadata.is_dir() || !is_owned || metadata.mode() & 0o077 != 0 {
        let text = format!(
            "{} is not a folder that only this user can access; `--socket PATH` selects another",
            folder.display()
        );
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    Ok(folder.join(NAME))
}

/// A folder in which a folder with a name of this length has room for a socket: `base`, or `/tmp` if it is too long.
fn short(base: PathBuf, name_len: usize) -> PathBuf {
    let len = base.as_os_str().len() + "/".len() + name_len + "/".len() + NAME.len();
    if len > MAX_LEN { "/tmp".into() } else { base }
}
