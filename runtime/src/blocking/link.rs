//! One connection, driven by the threads that use it.
//!
//! A thread that waits writes what is queued. If no thread leads, it becomes the leader: it polls the socket,
//! reads for all threads and, when there was no room for something, writes the rest. Other threads that wait
//! sleep until the leader has something for them, or until the lead is free.
//!
//! The leader never blocks in anything but its poll, which its waker ends. So a thread that queues something and
//! finds no room for it need not stay: it wakes the leader, which waits for room from then on.
//!
//! To read and to write are roles, each with a lock of its own. The state of the connection has another, which
//! is never held while a thread waits.

#[cfg(test)]
mod tests;
mod wait;

use std::{
    fmt, io,
    task::{Context, Poll, Waker},
    time::Instant,
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
    protocol::client::{Connect, Core},
    session::{self, Runtime, settings::Settings},
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
    transport::{self, Shared, log_end},
};

/// One connection, shared by its handles and threads.
pub(super) struct Link {
    pub(super) shared: Shared<Core>,
    pub(super) threads: Threads,
    input: Mutex<Input>,
    output: Mutex<Output>,
    /// What it takes to bring the connection back.
    pub(super) reconnects: Option<Settings>,
}

/// What belongs to the thread that reads.
#[derive(Default)]
struct Input {
    buffer: transport::Input,
    /// How many more bytes the message at the front needs, as far as that is known.
    missing: usize,
    /// When the message at the front has to be whole, if it has begun.
    due: Option<Instant>,
}

impl Input {
    /// Whether the message at the front should have been whole by now.
    fn is_late(&self) -> bool {
        self.due.is_some_and(|it| it <= Instant::now())
    }
}

/// What belongs to the thread that writes.
#[derive(Default)]
struct Output {
    /// What has been taken from the state and not been written yet.
    rest: BytesMut,
    /// Why nothing more can be written.
    error: Option<ConnectionError>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What has been read and is to be written may be secret.
        f.debug_struct("Link").field("shared", &self.shared).finish_non_exhaustive()
    }
}

impl Runtime for Arc<Link> {
    type Timer = ();

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
        if has_output || self.threads.has_rest() {
            self.push();
        }
    }

    fn hang_up(&self) {
        Link::hang_up(self);
    }
}

impl Link {
    pub(super) fn new(core: Core, socket: Socket, reconnects: Option<Settings>) -> Self {
        Self {
            shared: Shared::numbered(core),
            threads: Threads::new(socket),
            input: Mutex::default(),
            output: Mutex::default(),
            reconnects,
        }
    }

    /// Starts over with another socket: introduces this side again. Only one thread does. It does nothing if the
    /// connection has been closed; whether it did something.
    pub(super) fn restart(&self, connect: &Connect, socket: Socket) -> Result<bool, ConnectError> {
        // A thread that writes to the old socket has to see that it has been replaced, and what was read from it must not
        // be taken for the beginning of what comes next.
        let (mut input, mut output) = (lock(&self.input), lock(&self.output));
        (*input, *output) = Default::default();
        self.threads.set_rest(false);
        self.threads.set_socket(socket, || self.shared.with(|core| core.reconnect(connect)))
    }

    /// Writes what is queued as far as there is room. The rest is left to the leader; if there is none, to
    /// another thread that waits, or to a background thread. Whether there is a thread for it.
    pub(super) fn push(self: &Arc<Self>) -> bool {
        self.flush();
        !self.threads.has_rest() || self.threads.wake_writer(|| self.start_background())
    }

    fn start_background(self: &Arc<Self>) -> io::Result<()> {
        background::start(self)
    }

    /// Writes what is queued as far as there is room, with all that other threads queue in the meantime. What the
    /// thread has to wait for, if it leads.
    fn flush(&self) -> Interest {
        while self.threads.has_rest() || self.shared.with(|core| core.has_output()) {
            let mut output = match self.output.try_lock() {
                Ok(output) => output,
                Err(TryLockError::Poisoned(error)) => error.into_inner(),
                // The thread that writes looks again when it is done, and wakes the leader if something is left.
                Err(TryLockError::WouldBlock) => return Interest::Input,
            };
            let socket = self.threads.socket().filter(|_| output.error.is_none());
            let written = match &socket {
                Some(socket) => self.write(socket, &mut output.rest),
                None => Err(io::ErrorKind::NotConnected.into()),
            };
            self.threads.set_rest(matches!(written, Ok(false)));
            match written {
                Ok(true) => {}
                Ok(false) => return Interest::InputAndRoom,
                Err(error) => {
                    output.rest = BytesMut::new();
                    if let Some(socket) = socket {
                        output.error = Some(error.into());
                        // The other side may have said why: the leader reads to the end of that, and then ends
                        // the connection.
                        socket.stop_reading();
                    }
                    return Interest::Input;
                }
            }
        }
        Interest::Input
    }

    /// Whether all has been written, rather than what there was room for.
    fn write(&self, socket: &Socket, rest: &mut BytesMut) -> io::Result<bool> {
        if rest.is_empty() {
            self.shared.with(|core| core.take_output(rest));
        }
        while !rest.is_empty() {
            let len = match socket.send(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => len,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            };
            rest.advance(len);
            self.shared.with(|core| {
                core.wrote(len);
                if rest.is_empty() {
                    core.take_output(rest);
                }
            });
        }
        Ok(true)
    }

    /// Takes what a read of the leader has brought.
    fn receive(&self, input: &mut Input, read: io::Result<usize>) {
        match read {
            Ok(0) => {
                let error = lock(&self.output).error.clone();
                self.fail(error.unwrap_or(ConnectionError::ClosedByPeer));
            }
            Ok(len) => {
                input.buffer.add(len, input.missing);
                self.take(input);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // Counts the time of a message whose rest has not come.
                if input.is_late() {
                    self.change(|core| {
                        core.expire_frame(Instant::now());
                        input.due = core.frame_deadline();
                    });
                }
            }
            Err(error) => self.fail(error.into()),
        }
    }

    /// Gives the messages that have been read to the threads that wait for them.
    fn take(&self, input: &mut Input) {
        let now = Instant::now();
        let buffer = &mut input.buffer;
        self.change(|core| {
            core.receive_in(&mut buffer.filled, buffer.buffer_len, now);
            if core.is_closed() {
                // It has no receiver any more. It is read all the same: the other side may have to be rid of it
                // before it reads what is still written.
                buffer.filled.clear();
            }
            buffer.shrink();
            input.missing = core.missing(&buffer.filled);
            input.due = core.frame_deadline();
        });
    }

    fn fail(&self, error: ConnectionError) {
        self.change(|core| core.fail(error));
    }

    /// Changes the state, and ends the use of the socket if the connection is lost then. A connection that this side
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

    /// Ends the use of a socket whose connection has ended; what there is room for is written before. A connection
    /// that has come back in the meantime is left alone.
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

    /// Closes a connection that has no handle any more, without waiting.
    pub(super) fn hang_up(self: &Arc<Self>) {
        self.shared.with(Core::close);
        let has_writer = self.push();
        if self.is_written() || !has_writer {
            self.finish();
        } else {
            // The background thread ends it when everything is written.
            self.threads.wake_all();
        }
    }

    /// Ends a connection that this side has closed: waits until what was queued has been written, as long as
    /// the other side takes it.
    pub(super) fn linger(self: &Arc<Self>) {
        let _ = self.wait(session::linger(self, self.shared.written()));
        self.finish();
    }

    fn is_written(&self) -> bool {
        let cx = Context::from_waker(Waker::noop());
        self.shared.with(|core| core.poll_written(core.queued(), &cx).is_ready())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
