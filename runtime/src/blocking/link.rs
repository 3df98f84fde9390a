//! One connection of the blocking client, driven by the threads that use it.
//!
//! What a thread queues is written by that thread as far as there is room, together with what others have queued. A
//! thread that waits becomes the leader if no other thread leads: it polls the socket, reads for all threads and, when
//! there is room again, writes the rest. The other threads that wait, the followers, sleep until the leader has
//! received something for them, or until they can lead.
//!
//! The leader blocks only in its poll, which its waker ends. So a thread that finds no room need not stay: it wakes the
//! leader, which waits for room from then on.

#[cfg(test)]
mod tests;
mod wait;

use std::{
    fmt, io,
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::{Buf, BytesMut};

use super::{
    background,
    parker::wake_at,
    socket::{Interest, Socket},
    threads::Threads,
};
use crate::{
    error::{ConnectError, ConnectionError},
    protocol::client::Core,
    session::{self, Runtime, settings::Settings},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicBool, Ordering},
    },
    transport::{Address, Input, Shared, log_end},
};

/// One connection, shared by its handles and threads.
pub(super) struct Link {
    pub(super) shared: Shared<Core>,
    pub(super) threads: Threads,
    /// The read buffer of the leader.
    input: Mutex<Input>,
    /// The output that the writing thread has taken from the state and not written yet.
    output: Mutex<BytesMut>,
    /// There was no room for a part of the output. The leader writes it when there is.
    is_congested: AtomicBool,
    /// The settings to connect again with, if there is a policy for it.
    pub(super) reconnects: Option<Settings>,
}

/// The socket of a connection.
#[derive(Debug)]
pub(super) struct OpenSocket {
    socket: Socket,
    /// Why nothing more can be written.
    write_error: OnceLock<ConnectionError>,
}

impl OpenSocket {
    /// Writes as much as there is room for.
    fn write(&self, bytes: &[u8]) -> Result<usize, io::ErrorKind> {
        if self.write_error.get().is_some() {
            return Err(io::ErrorKind::NotConnected);
        }
        self.socket.send(bytes).map_err(|error| {
            let kind = error.kind();
            if kind != io::ErrorKind::WouldBlock {
                let _ = self.write_error.set(error.into());
                // The server may have said why: the leader reads to the end, and then ends the connection.
                self.socket.stop_reading();
            }
            kind
        })
    }

    /// Ends both directions, which wakes a thread that polls.
    pub(super) fn stop(&self) {
        self.socket.stop();
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What has been read may be secret.
        f.debug_struct("Link").field("shared", &self.shared).finish_non_exhaustive()
    }
}

impl Runtime for Arc<Link> {
    type Timer = ();
    type Socket = Socket;
    type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn shared(&self) -> &Shared<Core> {
        &self.shared
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn poll_timer(&self, _: &mut Option<()>, deadline: Instant, _: &mut Context<'_>) -> Poll<()> {
        if deadline <= Instant::now() {
            return Poll::Ready(());
        }
        wake_at(deadline);
        Poll::Pending
    }

    fn update(&self, change: impl FnOnce(&mut Core)) {
        let has_output = self.shared.with(|core| {
            change(core);
            core.has_output()
        });
        if has_output || self.is_congested() {
            self.flush();
            self.ensure_writer();
        }
    }

    fn start_closing(&self) {
        self.shared.with(Core::close);
        self.flush();
        let has_writer = self.ensure_writer();
        // If output is left, the background thread writes it and then finishes the connection.
        if self.is_written() || !has_writer {
            self.finish();
        }
    }

    async fn open(address: &Address, timeout: Duration) -> Result<Socket, ConnectError> {
        Ok(Socket::new(address.connect_blocking(timeout)?))
    }

    fn attach(
        &self,
        socket: Socket,
        start: impl FnOnce(&mut Core) -> Result<bool, ConnectError>,
    ) -> Result<Option<Self::Driver>, ConnectError> {
        let socket = Arc::new(OpenSocket { socket, write_error: OnceLock::new() });
        // What was read from an earlier socket is not the beginning of what this one receives.
        let (mut input, mut output) = (lock(&self.input), lock(&self.output));
        (*input, *output) = Default::default();
        self.is_congested.store(false, Ordering::SeqCst);
        let is_started = self.threads.set_socket(socket, || self.shared.with(start))?;
        Ok(is_started.then(|| self.driver()))
    }
}

impl Link {
    pub(super) fn new(core: Core, reconnects: Option<Settings>) -> Self {
        Self {
            shared: Shared::numbered(core),
            threads: Threads::default(),
            input: Mutex::default(),
            output: Mutex::default(),
            is_congested: AtomicBool::new(false),
            reconnects,
        }
    }

    /// Waits until the connection has ended. If it is lost, this ends the use of its socket.
    pub(super) fn driver(self: &Arc<Self>) -> <Arc<Self> as Runtime>::Driver {
        let link = Arc::clone(self);
        Box::pin(async move {
            link.shared.poll(|core, cx| core.poll_ended(cx)).await;
            // A connection that this side closes ends when everything has been written.
            link.change(|_| ());
        })
    }

    /// Sees to it that a thread writes the output that there was no room for. Returns whether there is a thread for it.
    fn ensure_writer(self: &Arc<Self>) -> bool {
        !self.is_congested() || self.threads.ensure_writer(|| background::start(self))
    }

    /// Whether there was no room for a part of the output.
    pub(super) fn is_congested(&self) -> bool {
        self.is_congested.load(Ordering::SeqCst)
    }

    /// Writes the queued output as far as there is room, including the output that other threads queue meanwhile. Returns
    /// what the leader has to wait for.
    fn flush(&self) -> Interest {
        while self.is_congested() || self.shared.with(|core| core.has_output()) {
            let mut rest = match self.output.try_lock() {
                Ok(rest) => rest,
                Err(TryLockError::Poisoned(error)) => error.into_inner(),
                // The thread that writes looks again when it has finished, and wakes the leader if there is no room.
                Err(TryLockError::WouldBlock) => return Interest::Input,
            };
            let written = match self.threads.socket() {
                Some(socket) => self.write(&socket, &mut rest),
                None => Err(io::ErrorKind::NotConnected),
            };
            let is_congested = written == Err(io::ErrorKind::WouldBlock);
            self.is_congested.store(is_congested, Ordering::SeqCst);
            if is_congested {
                return Interest::InputAndRoom;
            }
            if written.is_err() {
                *rest = BytesMut::new();
                break;
            }
        }
        Interest::Input
    }

    fn write(&self, socket: &OpenSocket, rest: &mut BytesMut) -> Result<(), io::ErrorKind> {
        if rest.is_empty() {
            self.shared.with(|core| core.take_output(rest));
        }
        while !rest.is_empty() {
            let len = socket.write(rest)?;
            rest.advance(len);
            self.shared.with(|core| {
                core.wrote(len);
                if rest.is_empty() {
                    core.take_output(rest);
                }
            });
        }
        Ok(())
    }

    fn is_written(&self) -> bool {
        let cx = Context::from_waker(Waker::noop());
        self.shared.with(|core| core.poll_written(core.queued(), &cx).is_ready())
    }

    /// Handles the result of a read; `missing` is how many bytes the message at the front needed.
    fn receive(
        &self,
        socket: &OpenSocket,
        input: &mut Input,
        missing: usize,
        read: io::Result<usize>,
    ) {
        match read {
            Ok(0) => {
                let error = socket.write_error.get();
                self.fail(error.cloned().unwrap_or(ConnectionError::ClosedByPeer));
                if error.is_some() {
                    // Also if this side has closed the connection: what is left cannot be written.
                    self.finish();
                }
            }
            Ok(len) => {
                input.add(len, missing);
                self.take(input);
            }
            // The rest of a message may be late.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.change(|core| core.expire_frame(Instant::now()));
            }
            Err(error) => self.fail(error.into()),
        }
    }

    /// Gives the messages that have been read to the threads that wait for them.
    fn take(&self, input: &mut Input) {
        let now = Instant::now();
        self.change(|core| {
            core.receive_in(&mut input.filled, input.buffer_len, now);
            if core.is_closed() {
                // The messages have no receiver any more. They are read nevertheless: the server may read what is still
                // to be written only after it has written them.
                input.filled.clear();
            }
            input.shrink();
        });
    }

    fn fail(&self, error: ConnectionError) {
        self.change(|core| core.fail(error));
    }

    /// Changes the state, and ends the use of the socket if the connection is lost by that. A connection that this side
    /// closes ends when everything has been written: see [`linger`](Self::linger).
    pub(super) fn change(&self, change: impl FnOnce(&mut Core)) {
        let is_lost = self.shared.with(|core| {
            change(core);
            core.ended().is_some_and(|it| !matches!(it, ConnectionError::Closed))
        });
        if is_lost {
            self.finish();
        }
    }

    /// Ends the use of the socket if the connection has ended; what there is room for is written before. A connection
    /// that has been opened again in the meantime is left alone.
    pub(super) fn finish(&self) {
        self.flush();
        let ended = self.threads.take_socket(|| {
            self.shared.with(|core| {
                let ended = core.ended().cloned();
                ended.inspect(|_| core.finish())
            })
        });
        if ended.is_some() {
            log_end(ended);
        }
    }

    /// Closes the connection from this side, and waits until what was queued has been written.
    pub(super) fn close(self: &Arc<Self>) -> Result<(), ConnectionError> {
        let closed = self.wait(session::close(self));
        self.finish();
        closed
    }

    /// Ends a connection that this side has closed: waits for a limited time until what was queued has been
    /// written.
    pub(super) fn linger(self: &Arc<Self>) {
        let _ = self.wait(session::linger(self, self.shared.written()));
        self.finish();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
