//! Listening for clients.

use std::{io, path::Path};

use super::socket_file::{self, SocketFile};
use crate::transport::listener::{Accepting, Listener, PeerCredentials};

/// Listens on a socket whose file gets this mode. A file that a server left behind is replaced.
pub(crate) fn listen(path: &Path, mode: u32) -> io::Result<impl Listener + 'static> {
    let (file, listener) = socket_file::bind(path, mode)?;
    Ok(UnixListener { _file: file, listener })
}

#[derive(Debug)]
struct UnixListener {
    // It is dropped first.
    _file: SocketFile,
    listener: tokio::net::UnixListener,
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
