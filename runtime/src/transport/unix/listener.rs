//! Listening on a Unix domain socket, and the socket file.

use std::{
    fs::{self, File, Metadata},
    io,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
    pin::pin,
    task::{Context, Poll, Waker},
};

use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock, open},
    io::Errno,
};
use tokio::net::{UnixSocket, UnixStream};

use crate::transport::listener::{Accepting, Listener, PeerCredentials};

/// The number of clients that wait to be accepted. The operating system has its own limit, often 4,096 or 128.
const BACKLOG: u32 = 4096;

/// A listening socket.
///
/// The file is removed before the socket is closed, while no other server replaces the file and its inode number is not
/// reused.
#[derive(Debug)]
struct UnixListener {
    _file: OwnedFile,
    listener: tokio::net::UnixListener,
}

/// Listens on a socket whose file gets this mode. A stale socket is replaced.
pub(crate) fn listen(path: &Path, mode: u32) -> io::Result<impl Listener + 'static> {
    let absolute = std::path::absolute(path)?;
    let _lock = lock(&absolute)?;
    remove_stale(path)?;
    let (_file, socket) = bind(path, absolute, mode)?;
    Ok(UnixListener { _file, listener: socket.listen(BACKLOG)? })
}

/// Creates a socket file with this mode. No client can connect to it yet.
fn bind(path: &Path, absolute: PathBuf, mode: u32) -> io::Result<(OwnedFile, UnixSocket)> {
    let socket = UnixSocket::new_stream()?;
    socket.bind(path)?;
    let inode = inode(&fs::symlink_metadata(&absolute)?);
    let file = OwnedFile { path: absolute, inode };
    file.set_mode(mode)?;
    Ok((file, socket))
}

impl Listener for UnixListener {
    fn accept(&self) -> Accepting<'_> {
        Box::pin(async {
            let (stream, _) = self.listener.accept().await?;
            let peer = stream.peer_cred().ok();
            let peer =
                peer.map(|it| PeerCredentials { pid: it.pid(), uid: it.uid(), gid: it.gid() });
            Ok((Box::new(stream) as _, peer))
        })
    }
}

/// A file that this process created. Dropping it removes the file, unless another file has replaced it.
#[derive(Debug)]
struct OwnedFile {
    /// Absolute, because the working directory may change.
    path: PathBuf,
    inode: Inode,
}

/// The identity of a file: device and inode number.
type Inode = (u64, u64);

fn inode(metadata: &Metadata) -> Inode {
    (metadata.dev(), metadata.ino())
}

impl OwnedFile {
    fn is_in_place(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|it| inode(&it) == self.inode)
    }

    /// Sets the mode of the file. It fails if another file or a symbolic link has replaced the file.
    fn set_mode(&self, mode: u32) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            use std::os::{fd::AsRawFd, unix::fs::PermissionsExt};
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = File::from(open(&self.path, flags, Mode::empty())?);
            if inode(&file.metadata()?) != self.inode {
                return Err(in_use(&self.path, "another file has replaced the socket"));
            }
            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
            fs::set_permissions(path, fs::Permissions::from_mode(mode))
        }
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        {
            use rustix::fs::{AtFlags, CWD, chmodat};
            let mode = Mode::from_bits_truncate(mode as _);
            Ok(chmodat(CWD, &self.path, mode, AtFlags::SYMLINK_NOFOLLOW)?)
        }
    }
}

impl Drop for OwnedFile {
    fn drop(&mut self) {
        if self.is_in_place() {
            // An error means that the file has just been removed.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn in_use(path: &Path, what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, format!("{}: {what}", path.display()))
}

/// Removes the socket file if no server listens on it.
fn remove_stale(path: &Path) -> io::Result<()> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        result => result?,
    };
    if !metadata.file_type().is_socket() {
        return Err(in_use(path, "the path is not a socket"));
    }
    let Err(error) = probe(path) else {
        return Err(in_use(path, "another server listens on the socket"));
    };
    match Errno::from_io_error(&error) {
        Some(Errno::CONNREFUSED) => fs::remove_file(path),
        Some(Errno::AGAIN) => Err(in_use(path, "the queue of a server on the socket is full")),
        Some(Errno::PROTOTYPE) => Err(in_use(path, "the path is a socket of another type")),
        _ => {
            let what = format!("{}: cannot tell whether a server listens: {error}", path.display());
            Err(io::Error::new(error.kind(), what))
        }
    }
}

/// Connects to a socket without waiting.
fn probe(path: &Path) -> io::Result<()> {
    let mut connecting = pin!(UnixStream::connect(path));
    match connecting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result.map(drop),
        // A Unix socket connects or fails immediately; only the event that it is writable is pending.
        Poll::Pending => Ok(()),
    }
}

/// Excludes other servers of this library from a path while a stale socket is removed and the new one is created. The
/// lock file is removed, and then unlocked, when the result is dropped.
fn lock(socket: &Path) -> io::Result<(OwnedFile, File)> {
    let mut path = socket.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    loop {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(open(&path, flags, Mode::RUSR | Mode::WUSR)?);
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::AGAIN) => {
                return Err(in_use(socket, "another server is starting on the socket"));
            }
            result => result?,
        }
        let metadata = file.metadata()?;
        if metadata.len() > 0 {
            let path = path.display();
            return Err(in_use(
                socket,
                &format!("{path} is not a lock file: remove it, or choose another path"),
            ));
        }
        let owned = OwnedFile { path: path.clone(), inode: inode(&metadata) };
        // The last owner may have removed the file before this process locked it.
        if owned.is_in_place() {
            return Ok((owned, file));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let name = format!("eventstream-rpc-{}-{name}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        folder
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn the_mode_is_not_set_through_a_symbolic_link() {
        let folder = folder("mode");
        let (path, victim) = (folder.join("socket"), folder.join("victim"));
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        fs::write(&victim, "").unwrap();
        fs::set_permissions(&victim, fs::Permissions::from_mode(0o600)).unwrap();
        let inode = inode(&fs::symlink_metadata(&path).unwrap());
        let file = OwnedFile { path, inode };
        file.set_mode(0o640).unwrap();
        assert_eq!(mode(&file.path), 0o640);

        fs::rename(&file.path, folder.join("elsewhere")).unwrap();
        symlink(&victim, &file.path).unwrap();
        file.set_mode(0o666).unwrap_err();
        assert_eq!((mode(&victim), mode(&folder.join("elsewhere"))), (0o600, 0o640));
        drop((file, listener));
        assert!(folder.join("socket").is_symlink(), "another file is not removed");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[tokio::test]
    async fn the_file_has_its_mode_before_a_client_can_connect() {
        let folder = folder("bind");
        let path = folder.join("socket");
        let (file, socket) = bind(&path, path.clone(), 0o604).unwrap();
        assert_eq!(mode(&path), 0o604);
        assert_eq!(probe(&path).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        let _listener = socket.listen(BACKLOG).unwrap();
        probe(&path).unwrap();
        drop(file);
        fs::remove_dir(&folder).unwrap();
    }

    #[test]
    fn a_path_is_locked_once() {
        let folder = folder("lock");
        let socket = folder.join("socket");
        let locked = lock(&socket).unwrap();
        let error = lock(&socket).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let _other = lock(&folder.join("other")).unwrap();
        drop(locked);
        drop(lock(&socket).unwrap());
        // What a server that was killed leaves behind is not locked.
        fs::write(folder.join("socket.lock"), "").unwrap();
        drop(lock(&socket).unwrap());
        assert!(!folder.join("socket.lock").exists());
        // A file with a content has another purpose.
        fs::write(folder.join("socket.lock"), "content").unwrap();
        let error = lock(&socket).err().unwrap();
        assert!(error.to_string().contains("socket.lock is not a lock file"), "{error}");
        assert_eq!(fs::read_to_string(folder.join("socket.lock")).unwrap(), "content");
        fs::remove_dir_all(&folder).unwrap();
    }
}
