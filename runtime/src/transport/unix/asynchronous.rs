//! Connecting with tokio.

use std::{
    io,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::AsyncWrite,
    net::{UnixStream, unix::OwnedWriteHalf},
};

use crate::transport::Stream;

pub(super) async fn connect(path: &Path) -> io::Result<Stream> {
    let (read, write) = UnixStream::connect(path).await?.into_split();
    let write = Arc::new(write);
    let direct = Arc::clone(&write);
    let io = tokio::io::join(read, SharedWriter(write));
    Ok((Box::new(io), Some(Box::new(move |bytes| direct.try_write(bytes)))))
}

/// The writing half of a socket to which others write as well.
struct SharedWriter(Arc<OwnedWriteHalf>);

impl AsyncWrite for SharedWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let stream: &UnixStream = (*self.0).as_ref();
        loop {
            ready!(stream.poll_write_ready(cx))?;
            match stream.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    // It is shut down when the last reference to it is dropped.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
