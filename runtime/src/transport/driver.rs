//! The task that reads and writes a connection's socket.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    time::Sleep,
};

use super::Shared;
use crate::{LOG_TARGET, error::ConnectionError, protocol::Endpoint};

/// How much is read at a time, in bytes.
const READ_LEN: usize = 64 * 1024;

/// How much more than [`READ_LEN`] is reserved at most for a message that claims to be longer: its claim
/// costs the other side twelve bytes.
const MAX_RESERVED: usize = 1024 * 1024;

/// How long the other side has to take what is still to be written when the connection ends.
const LINGER: Duration = Duration::from_secs(3);

/// Drives one connection until it has ended and everything queued has been written.
///
/// It runs no code but the protocol's: whoever waits for a message is woken and reads it elsewhere. So it
/// is always there to read, to answer a ping, and to see the connection end.
pub(crate) struct Driver<IO, E: Endpoint> {
    io: IO,
    shared: Arc<Shared<E>>,
    input: BytesMut,
    output: BytesMut,
    timer: Option<(Instant, Pin<Box<Sleep>>)>,
    /// Runs out when the other side does not take what is still to be written.
    linger: Option<Pin<Box<Sleep>>>,
}

impl<IO: AsyncRead + AsyncWrite + Unpin, E: Endpoint> Driver<IO, E> {
    pub(crate) fn new(io: IO, shared: Arc<Shared<E>>) -> Self {
        Self {
            io,
            shared,
            input: BytesMut::new(),
            output: BytesMut::new(),
            timer: None,
            linger: None,
        }
    }

    /// Writes what is queued, all that has been queued in the meantime at once.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.output.is_empty() {
                let output = &mut self.output;
                self.shared.with(|core| core.take_output(output));
            }
            if self.output.is_empty() {
                return Pin::new(&mut self.io).poll_flush(cx);
            }
            while !self.output.is_empty() {
                let len = ready!(Pin::new(&mut self.io).poll_write(cx, &self.output))?;
                if len == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.output.advance(len);
                self.shared.with(|core| core.wrote(len));
            }
            // An emptied buffer is used again from its start.
            self.output.clear();
        }
    }

    /// Reads until there is nothing to read.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        loop {
            let input = &mut self.input;
            let (wants_input, missing) = self.shared.with(|core| {
                // After a pause there may be whole messages in what was read before.
                core.receive(input, tokio::time::Instant::now().into_std());
                (core.wants_input(), core.missing(input))
            });
            if !wants_input {
                return Poll::Pending;
            }
            self.input.reserve(missing.clamp(READ_LEN, MAX_RESERVED));
            // The future holds nothing between polls, so that a new one can take its place.
            let read = std::pin::pin!(self.io.read_buf(&mut self.input));
            if ready!(read.poll(cx))? == 0 {
                return Poll::Ready(Err(ConnectionError::ClosedByPeer));
            }
        }
    }

    /// Ends what is due.
    fn poll_timer(&mut self, cx: &mut Context<'_>) {
        while let Some(deadline) = self.shared.with(|core| core.next_deadline()) {
            // Most deadlines go away before they come. The timer is set again only when an earlier one
            // turns up or this one has passed.
            let timer = match &mut self.timer {
                Some((at, timer)) if *at <= deadline => timer,
                slot => {
                    let sleep = Box::pin(tokio::time::sleep_until(deadline.into()));
                    &mut slot.insert((deadline, sleep)).1
                }
            };
            if timer.as_mut().poll(cx).is_pending() {
                return;
            }
            self.timer = None;
            self.shared.with(|core| core.expire(tokio::time::Instant::now().into_std()));
        }
    }

    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        // First what is queued, so that a request does not wait for the answer to another.
        let mut written = self.poll_write(cx);
        // Even if that failed: the other side may have said why before it closed.
        let read = self.poll_read(cx);
        if let Poll::Ready(Ok(())) = written {
            // Reading may have queued something: an answer to a ping, or the end of a stream.
            written = self.poll_write(cx);
        }
        self.poll_timer(cx);
        match (read, written) {
            (Poll::Ready(result), _) => Poll::Ready(result),
            (Poll::Pending, Poll::Ready(Err(error))) => Poll::Ready(Err(error.into())),
            (Poll::Pending, _) => Poll::Pending,
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin, E: Endpoint> Driver<IO, E> {
    /// Writes what was queued before the end, as long as the other side takes it.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let linger = self.linger.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        if linger.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        if ready!(self.poll_write(cx)).is_ok() {
            // The connection is over either way.
            let _ = ready!(Pin::new(&mut self.io).poll_shutdown(cx));
        }
        Poll::Ready(())
    }
}

/// Nobody may wait for a driver that is gone: its runtime may be shut down while others are not.
impl<IO, E: Endpoint> Drop for Driver<IO, E> {
    fn drop(&mut self) {
        self.shared.with(|core| {
            core.fail(ConnectionError::RuntimeStopped);
            core.finish();
        });
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin, E: Endpoint> Future for Driver<IO, E> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let is_closed = this.shared.with(|core| {
            // Before anything is looked at, so that nothing is missed that happens meanwhile.
            core.set_driver(cx);
            core.is_closed()
        });
        if !is_closed {
            if let Poll::Ready(Err(error)) = this.poll_drive(cx) {
                this.shared.with(|core| core.fail(error));
            }
            if !this.shared.with(|core| core.is_closed()) {
                return Poll::Pending;
            }
        }
        ready!(this.poll_end(cx));
        this.shared.with(|core| {
            core.finish();
            let error = core.ended().filter(|it| !matches!(it, ConnectionError::Closed));
            let error = error.map(tracing::field::display);
            tracing::debug!(target: LOG_TARGET, error, "connection ended");
        });
        Poll::Ready(())
    }
}
