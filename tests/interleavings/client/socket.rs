//! A socket in memory.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::sync::{Arc, Mutex};

/// The capacity of each direction, in bytes: less than a message.
const CAPACITY: usize = 60;

/// One direction.
#[derive(Default)]
pub(super) struct Pipe(Mutex<State>);

#[derive(Default)]
struct State {
    bytes: BytesMut,
    is_closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    /// Writes as much as fits.
    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.write(bytes, None)
    }

    /// Waits for room and writes as much as fits.
    pub(super) fn poll_write(&self, cx: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.write(bytes, Some(cx)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            result => Poll::Ready(result),
        }
    }

    fn write(&self, bytes: &[u8], cx: Option<&Context<'_>>) -> io::Result<usize> {
        let mut state = self.0.lock().unwrap();
        if state.is_closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let len = bytes.len().min(CAPACITY - state.bytes.len());
        if len == 0 {
            state.writer = cx.map(|cx| cx.waker().clone()).or(state.writer.take());
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.bytes.extend_from_slice(&bytes[..len]);
        let reader = state.reader.take();
        drop(state);
        reader.into_iter().for_each(Waker::wake);
        Ok(len)
    }

    /// Waits for bytes and reads them; returns 0 at the end.
    pub(super) fn poll_read(&self, cx: &Context<'_>, into: &mut BytesMut) -> Poll<usize> {
        self.poll_take(cx, usize::MAX).map(|bytes| {
            into.extend_from_slice(&bytes);
            bytes.len()
        })
    }

    fn poll_take(&self, cx: &Context<'_>, most: usize) -> Poll<BytesMut> {
        let mut state = self.0.lock().unwrap();
        if state.bytes.is_empty() && !state.is_closed {
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let len = state.bytes.len().min(most);
        let bytes = state.bytes.split_to(len);
        let writer = state.writer.take();
        drop(state);
        writer.into_iter().for_each(Waker::wake);
        Poll::Ready(bytes)
    }

    pub(super) fn close(&self) {
        let mut state = self.0.lock().unwrap();
        state.is_closed = true;
        let waiting = [state.reader.take(), state.writer.take()];
        drop(state);
        waiting.into_iter().flatten().for_each(Waker::wake);
    }
}

/// The client's end, which closes when it is dropped.
pub(super) struct Socket {
    pub(super) read: Arc<Pipe>,
    pub(super) write: Arc<Pipe>,
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.read.poll_take(cx, buf.remaining()).map(|bytes| {
            buf.put_slice(&bytes);
            Ok(())
        })
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.write.close();
        self.read.close();
    }
}
