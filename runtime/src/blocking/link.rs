//! One connection, driven by the threads that use it.
//!
//! A thread that waits for something does in the meantime what has to be done: it writes what is queued, and
//! if no other thread reads, it reads for all (it leads) until it has what it waits for; then it tells another
//! one to go on. Threads that do not lead sleep, until one that does has something for them.
//!
//! Whoever reads or writes holds a role, not a lock that others need: the state of the connection is behind a
//! lock of its own, which nobody holds while it waits.

#[cfg(test)]
mod tests;
mod turn;

use std::{
    fmt, io,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

use bytes::{Buf, BytesMut};

use super::{crew::Crew, input::Input, sleeper::Bell, socket::Socket};
use crate::{
    LOG_TARGET,
    error::{ConnectionError, EncodeError},
    protocol::{
        Endpoint,
        client::{Connect, Core},
    },
    transport::Shared,
};
use turn::Turn;

/// How long the other side has to take what is still to be written when the connection ends.
const LINGER: Duration = Duration::from_secs(3);

/// One connection, shared by its handles and threads.
pub(super) struct Link {
    pub(super) shared: Shared<Core>,
    pub(super) crew: Crew,
    /// None once the connection has ended, and while it is down.
    socket: Mutex<Option<Arc<Socket>>>,
    input: Mutex<Input>,
    output: Mutex<Output>,
    /// Whether something that was taken to be written has not been written. Changed by whoever writes.
    has_rest: AtomicBool,
    /// Why nothing more can be written.
    write_error: Mutex<Option<ConnectionError>>,
}

/// What belongs to whoever writes.
#[derive(Default)]
struct Output {
    /// What has been taken from the state and not been written yet.
    rest: BytesMut,
    is_broken: bool,
    bell: Option<Bell>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What has been read and is to be written may be secret.
        f.debug_struct("Link").field("shared", &self.shared).finish_non_exhaustive()
    }
}

/// What became of the frames that were to be written.
enum Written<'a> {
    /// All have been.
    All,
    /// Another thread is at it, and goes on with these too; if there is no room for them, it waits for it or
    /// tells the others that something is left.
    Elsewhere,
    /// There is no room, and this thread is the one that waits for it.
    Full(MutexGuard<'a, Output>),
}

/// How a thread may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// In a read, because only something that is read can end it, or the end of the connection.
    Reply,
    /// So that another thread can end it as well.
    Anything,
}

impl Link {
    pub(super) fn new(core: Core, socket: Socket) -> Self {
        let link = Self {
            shared: Shared::numbered(core),
            crew: Crew::default(),
            socket: Mutex::new(Some(Arc::new(socket))),
            input: Mutex::default(),
            output: Mutex::default(),
            has_rest: AtomicBool::new(false),
            write_error: Mutex::default(),
        };
        link.crew.start();
        link
    }

    /// Starts over with another socket, as the only thread that does: introduces this side again. Whether it
    /// did: the connection may have been closed.
    pub(super) fn restart(&self, connect: &Connect, socket: Socket) -> Result<bool, EncodeError> {
        // Whoever was writing to the other socket has to see that it is gone, and what was read from it must
        // not be taken for the beginning of what comes next.
        let mut output = lock(&self.output);
        let mut input = lock(&self.input);
        // Nor must whoever is late to end the use of the other socket end that of this one.
        let mut current = lock(&self.socket);
        let is_started = self.shared.with(|core| core.reconnect(connect))?;
        if is_started {
            *output = Output { bell: output.bell.take(), ..Output::default() };
            self.has_rest.store(false, Ordering::Release);
            *lock(&self.write_error) = None;
            input.restart();
            *current = Some(Arc::new(socket));
            self.crew.start();
        }
        Ok(is_started)
    }

    /// Waits for something on this thread, up to a point in time. Everything that is queued is written on the
    /// way.
    pub(super) fn wait<F: Future>(
        &self,
        until: Option<Instant>,
        wait: Wait,
        future: F,
    ) -> Option<F::Output> {
        let mut future = pin!(future);
        let mut turn = Turn::new(self);
        loop {
            let written = self.flush();
            let mut poll = future.as_mut().poll(&mut turn.cx());
            let is_late = poll.is_pending() && until.is_some_and(|it| it <= Instant::now());
            if is_late {
                // Calls that are due end here, this thread's among them.
                self.shared.with(|core| core.expire_calls(Instant::now()));
                poll = future.as_mut().poll(&mut turn.cx());
            }
            if is_late || poll.is_ready() {
                self.hand_over(written);
                return match poll {
                    Poll::Ready(output) => Some(output),
                    Poll::Pending => None,
                };
            }
            turn.step(until, wait, written);
        }
    }

    /// Reads for all as long as nobody else wants to, as the background thread: until there is no reason for
    /// it, or it has read something while another thread waits, or the connection has ended.
    pub(super) fn work(&self) {
        let mut turn = Turn::new(self);
        loop {
            // Whoever leads sees to what is due, as nobody else may be awake. What ends so is to be written.
            let due = self.shared.with(|core| {
                core.expire_calls(Instant::now());
                core.next_call_deadline()
            });
            let written = self.flush();
            let is_full = matches!(written, Written::Full(_));
            let is_done = turn.has_read && self.crew.has_others() && !is_full;
            if is_done || !self.crew.has_reasons() || self.shared.with(|core| core.is_closed()) {
                return self.hand_over(written);
            }
            turn.step(due, Wait::Anything, written);
        }
    }

    /// Writes what is queued as far as there is room. What is left is for whoever comes next.
    pub(super) fn push(&self) {
        self.hand_over(self.flush());
    }

    fn hand_over(&self, written: Written<'_>) {
        if let Written::Full(output) = written {
            drop(output);
            self.crew.wake_all(true);
        }
    }

    /// Writes what is queued, all that has been queued in the meantime at once.
    fn flush(&self) -> Written<'_> {
        while self.has_rest.load(Ordering::Acquire) || self.shared.with(|core| core.has_output()) {
            let mut output = match self.output.try_lock() {
                Ok(output) => output,
                Err(TryLockError::Poisoned(error)) => error.into_inner(),
                Err(TryLockError::WouldBlock) => return Written::Elsewhere,
            };
            let socket = self.socket().filter(|_| !output.is_broken);
            let written = match &socket {
                Some(socket) => self.write(socket, &mut output.rest),
                None => Err(io::ErrorKind::NotConnected.into()),
            };
            self.has_rest.store(matches!(written, Ok(false)), Ordering::Release);
            match written {
                // What others have queued since they found this thread at it is seen above.
                Ok(true) => {}
                Ok(false) => return Written::Full(output),
                Err(error) => {
                    output.rest.clear();
                    if let Some(socket) = socket {
                        output.is_broken = true;
                        *lock(&self.write_error) = Some(error.into());
                        // The other side may have said why: whoever reads comes to the end of that, and
                        // ends the connection.
                        socket.stop_reading();
                    }
                    return Written::All;
                }
            }
        }
        Written::All
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
                    // An emptied buffer is used again from its start.
                    rest.clear();
                    core.take_output(rest);
                }
            });
        }
        Ok(true)
    }

    /// Takes what a read has brought; as whoever leads.
    fn receive(&self, input: &mut Input, read: io::Result<usize>) {
        match read {
            Ok(0) => {
                let error = lock(&self.write_error).take();
                self.fail(error.unwrap_or(ConnectionError::ClosedByPeer));
            }
            Ok(len) => {
                input.add(len);
                self.take(input);
            }
            Err(error) => match error.kind() {
                // There is nothing to read.
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut if input.is_late() => {
                    self.give_up_frame(input);
                }
                io::ErrorKind::WouldBlock
                | io::ErrorKind::TimedOut
                | io::ErrorKind::Interrupted => {}
                _ => self.fail(error.into()),
            },
        }
    }

    /// Gives the messages that have been read to those who wait for them.
    fn take(&self, input: &mut Input) {
        let now = Instant::now();
        let is_lost = self.shared.with(|core| {
            core.receive_in(&mut input.filled, input.buffer_len, now);
            if core.is_closed() {
                // It is nobody's any more. It is read all the same: the other side may have to be rid of it
                // before it reads what is still written.
                input.filled.clear();
            }
            input.let_go();
            input.missing = core.missing(&input.filled);
            input.due = core.frame_deadline();
            is_lost(core)
        });
        if is_lost {
            self.finish();
        }
    }

    /// Counts the time of a message whose rest has not come, as there is nothing to read; when it is over, ends
    /// the connection.
    fn give_up_frame(&self, input: &mut Input) {
        let is_lost = self.shared.with(|core| {
            core.expire_frame(Instant::now());
            input.due = core.frame_deadline();
            is_lost(core)
        });
        if is_lost {
            self.finish();
        }
    }

    /// Ends the connection because of an error that the other side reported, unless it has been lost since.
    pub(super) fn judge(&self, error: ConnectionError) {
        let is_lost = self.shared.with(|core| {
            core.judge(error);
            is_lost(core)
        });
        if is_lost {
            self.finish();
        }
    }

    fn fail(&self, error: ConnectionError) {
        self.shared.with(|core| core.fail(error));
        self.finish();
    }

    /// Ends the use of a socket whose connection has ended: what can be written without waiting still is. Of a
    /// connection that has come back it does not.
    pub(super) fn finish(&self) {
        self.push();
        // It cannot come back as long as this is held.
        let mut current = lock(&self.socket);
        if !self.shared.with(|core| core.is_closed()) || !self.crew.end() {
            return;
        }
        let socket = current.take();
        self.shared.with(|core| {
            core.finish();
            let error = core.ended().filter(|it| !matches!(it, ConnectionError::Closed));
            let error = error.map(tracing::field::display);
            tracing::debug!(target: LOG_TARGET, error, "connection ended");
        });
        drop(current);
        if let Some(socket) = socket {
            socket.stop();
        }
        self.crew.wake_all(false);
    }

    /// Closes the connection from this side, and waits until what was queued has been written.
    pub(super) fn close(&self) {
        self.shared.with(Core::close);
        self.linger();
    }

    /// Ends a connection that this side has closed: waits until what was queued has been written, as long as
    /// the other side takes it.
    pub(super) fn linger(&self) {
        let queued = self.shared.with(|core| core.queued());
        let written = self.shared.poll(|core, cx| core.poll_written(queued, cx));
        self.wait(Instant::now().checked_add(LINGER), Wait::Anything, written);
        self.finish();
    }

    /// Writes what is queued and ends the connection; whether there was room for all of it.
    pub(super) fn try_finish(&self) -> bool {
        let is_written = matches!(self.flush(), Written::All);
        if is_written {
            self.finish();
        }
        is_written
    }

    fn socket(&self) -> Option<Arc<Socket>> {
        lock(&self.socket).clone()
    }
}

impl Output {
    fn bell(&mut self) -> Option<&Bell> {
        if self.bell.is_none() {
            self.bell = Bell::new().ok();
        }
        self.bell.as_ref()
    }
}

/// Whether the connection has ended otherwise than from this side: one that this side closes ends when
/// everything has been written, and [`Link::linger`] sees to that.
fn is_lost(core: &Core) -> bool {
    core.ended().is_some_and(|it| !matches!(it, ConnectionError::Closed))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
