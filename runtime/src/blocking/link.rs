//! One connection, driven by the threads that use it.
//!
//! A thread that waits writes what is queued. Then it becomes the leader, if there is none: it polls the socket,
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
mod turn;

use std::{
    fmt, io,
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::{Buf, BytesMut};

use super::{
    background::{self, Keeper},
    crew::Crew,
    socket::Socket,
};
use crate::{
    error::{ConnectionError, EncodeError},
    protocol::client::{Connect, Core},
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
    transport::{self, Shared, log_end},
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
    /// Why nothing more can be written.
    write_error: Mutex<Option<ConnectionError>>,
    /// Brings the connection back.
    pub(super) keeper: Option<Keeper>,
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
    is_broken: bool,
}

/// Whether a thread has found room for what is queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    Enough,
    None,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What has been read and is to be written may be secret.
        f.debug_struct("Link").field("shared", &self.shared).finish_non_exhaustive()
    }
}

impl Link {
    pub(super) fn new(core: Core, socket: Socket, keeper: Option<Keeper>) -> Self {
        let link = Self {
            shared: Shared::numbered(core),
            crew: Crew::default(),
            socket: Mutex::new(Some(Arc::new(socket))),
            input: Mutex::default(),
            output: Mutex::default(),
            write_error: Mutex::default(),
            keeper,
        };
        link.crew.start();
        link
    }

    /// Starts over with another socket: introduces this side again. Only one thread does. It does nothing if the
    /// connection has been closed; whether it did something.
    pub(super) fn restart(&self, connect: &Connect, socket: Socket) -> Result<bool, EncodeError> {
        // A thread that writes to the old socket has to see that it is gone, and what was read from it must not
        // be taken for the beginning of what comes next.
        let mut output = lock(&self.output);
        let mut input = lock(&self.input);
        // A thread that is late to end the use of the old socket must not end that of the new one.
        let mut current = lock(&self.socket);
        let is_started = self.shared.with(|core| core.reconnect(connect))?;
        if is_started {
            *output = Output::default();
            self.crew.set_rest(false);
            *lock(&self.write_error) = None;
            *input = Input::default();
            *current = Some(Arc::new(socket));
            self.crew.start();
        }
        Ok(is_started)
    }

    /// Waits for something on this thread, up to a point in time. Everything that is queued is written on the
    /// way.
    pub(super) fn wait<F: Future>(
        self: &Arc<Self>,
        until: Option<Instant>,
        future: F,
    ) -> Option<F::Output> {
        let mut future = pin!(future);
        let mut turn = Turn::new(self);
        loop {
            turn.begin();
            let poll = future.as_mut().poll(&mut turn.cx());
            // The future may have queued something, and the last read an answer.
            let room = self.flush();
            if let Poll::Ready(output) = poll {
                return Some(output);
            }
            if until.is_some_and(|it| it <= Instant::now()) {
                // Calls that are due end here, this thread's among them.
                self.shared.with(|core| core.expire_calls(Instant::now()));
                self.flush();
                return match future.as_mut().poll(&mut turn.cx()) {
                    Poll::Ready(output) => Some(output),
                    Poll::Pending => None,
                };
            }
            turn.wait(until, room);
        }
    }

    /// Leads as the background thread: until there is no reason for it, or it has read something while another
    /// thread waits, or the connection has ended.
    pub(super) fn work(self: &Arc<Self>) {
        let mut turn = Turn::new(self);
        loop {
            turn.begin();
            // No other thread may be awake. What ends so is to be written.
            let due = self.shared.with(|core| {
                core.expire_calls(Instant::now());
                core.next_call_deadline()
            });
            let room = self.flush();
            let is_done = turn.has_read && self.crew.has_others();
            if is_done
                || !self.crew.needs_background()
                || self.shared.with(|core| core.is_closed())
                || !turn.wait_leading(due, room)
            {
                return;
            }
        }
    }

    /// Writes what is queued as far as there is room. The rest is left to the leader; if there is none, to
    /// another thread that waits, or to a background thread. Whether there is a thread for it.
    pub(super) fn push(self: &Arc<Self>) -> bool {
        self.flush();
        !self.crew.has_rest() || self.crew.wake_writer(|| self.start_background())
    }

    fn start_background(self: &Arc<Self>) -> io::Result<()> {
        background::start(self)
    }

    /// Writes what is queued as far as there is room, with all that other threads queue in the meantime.
    fn flush(&self) -> Room {
        while self.crew.has_rest() || self.shared.with(|core| core.has_output()) {
            let mut output = match self.output.try_lock() {
                Ok(output) => output,
                Err(TryLockError::Poisoned(error)) => error.into_inner(),
                // The thread that writes looks again when it is done, and wakes the leader if something is left.
                Err(TryLockError::WouldBlock) => return Room::Enough,
            };
            let socket = self.socket().filter(|_| !output.is_broken);
            let written = match &socket {
                Some(socket) => self.write(socket, &mut output.rest),
                None => Err(io::ErrorKind::NotConnected.into()),
            };
            self.crew.set_rest(matches!(written, Ok(false)));
            match written {
                Ok(true) => {}
                Ok(false) => return Room::None,
                Err(error) => {
                    output.rest = BytesMut::new();
                    if let Some(socket) = socket {
                        output.is_broken = true;
                        *lock(&self.write_error) = Some(error.into());
                        // The other side may have said why: the leader reads to the end of that, and then ends
                        // the connection.
                        socket.stop_reading();
                    }
                    return Room::Enough;
                }
            }
        }
        Room::Enough
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
                let error = lock(&self.write_error).take();
                self.fail(error.unwrap_or(ConnectionError::ClosedByPeer));
            }
            Ok(len) => {
                input.buffer.add(len, input.missing);
                self.take(input);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if input.is_late() {
                    self.give_up_frame(input);
                }
            }
            Err(error) => self.fail(error.into()),
        }
    }

    /// Gives the messages that have been read to the threads that wait for them.
    fn take(&self, input: &mut Input) {
        let now = Instant::now();
        let is_lost = self.shared.with(|core| {
            let buffer = &mut input.buffer;
            core.receive_in(&mut buffer.filled, buffer.buffer_len, now);
            if core.is_closed() {
                // It has no receiver any more. It is read all the same: the other side may have to be rid of it
                // before it reads what is still written.
                buffer.filled.clear();
            }
            buffer.let_go();
            input.missing = core.missing(&buffer.filled);
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

    /// Ends the use of a socket whose connection has ended; what there is room for is written before. A connection
    /// that has come back in the meantime is left alone.
    pub(super) fn finish(&self) {
        if !self.shared.with(|core| core.is_closed()) {
            return;
        }
        self.flush();
        // The connection cannot come back while this is locked.
        let mut current = lock(&self.socket);
        if !self.shared.with(|core| core.is_closed()) || !self.crew.end() {
            return;
        }
        let socket = current.take();
        let ended = self.shared.with(|core| {
            core.finish();
            core.ended().cloned()
        });
        drop(current);
        if let Some(socket) = socket {
            socket.stop();
        }
        self.crew.wake_all();
        log_end(ended);
    }

    /// Closes the connection from this side, and waits until what was queued has been written.
    pub(super) fn close(self: &Arc<Self>) -> Result<(), ConnectionError> {
        let queued = self.shared.with(|core| {
            core.close();
            core.queued()
        });
        let flushed = self.shared.poll(|core, cx| core.poll_flushed(queued, cx));
        let flushed = self.wait(Instant::now().checked_add(LINGER), flushed);
        self.finish();
        flushed.unwrap_or(Err(ConnectionError::Closed))
    }

    /// Ends a connection that this side has closed: waits until what was queued has been written, as long as
    /// the other side takes it.
    pub(super) fn linger(self: &Arc<Self>) {
        let queued = self.shared.with(|core| core.queued());
        let written = self.shared.poll(|core, cx| core.poll_written(queued, cx));
        self.wait(Instant::now().checked_add(LINGER), written);
        self.finish();
    }

    pub(super) fn is_written(&self) -> bool {
        let cx = Context::from_waker(Waker::noop());
        self.shared.with(|core| core.poll_written(core.queued(), &cx).is_ready())
    }

    fn socket(&self) -> Option<Arc<Socket>> {
        lock(&self.socket).clone()
    }
}

/// Whether the connection has ended otherwise than from this side. One that this side closes ends when everything
/// has been written: see [`Link::linger`].
fn is_lost(core: &Core) -> bool {
    core.ended().is_some_and(|it| !matches!(it, ConnectionError::Closed))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
