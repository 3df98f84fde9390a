//! The task that reads and writes a connection's socket.

use std::{
    future::poll_fn,
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    task::{coop::unconstrained, yield_now},
    time::{Sleep, sleep, sleep_until, timeout},
};

use super::{Input, LINGER, Shared, log_end, stream::Io};
use crate::{
    error::ConnectionError,
    protocol::{Endpoint, Role},
};

/// How many bytes are read at a time when they are discarded.
const DISCARD_LEN: usize = 8 * 1024;

/// How many units of work a driver does before other tasks run: as many as a task of tokio. A unit is a read or a
/// write, a received message (the task that takes the message spends one as well) or [`UNIT_LEN`] bytes. So a driver
/// reads about 1 MiB before the tasks that take the messages run, which is little against the queue of a subscription.
const BUDGET: usize = 128;
const UNIT_LEN: usize = 8 * 1024;

/// Drives a connection until it has ended and everything queued has been written. Dropping the future ends the
/// connection, even before it has been polled.
///
/// The future runs no code but the protocol's: it wakes the tasks that wait for a message, and they decode it. So it is
/// always ready to read, to answer a ping, and to see the connection end.
pub(crate) fn drive<R: Role>(
    io: Box<dyn Io>,
    shared: Arc<Shared<Endpoint<R>>>,
) -> impl Future<Output = ()> {
    let driver = Driver {
        io,
        shared,
        input: Input::default(),
        output: BytesMut::new(),
        written: 0,
        spent: 0,
        timer: None,
        write_error: None,
        end: None,
    };
    // The driver limits its work itself. If tokio's budget of the task were used up, socket and timer would be pending
    // although they are ready.
    unconstrained(driver.run())
}

struct Driver<R: Role> {
    io: Box<dyn Io>,
    shared: Arc<Shared<Endpoint<R>>>,
    input: Input,
    output: BytesMut,
    /// How many bytes of the output have been written since the state was updated.
    written: usize,
    /// How much of the [`BUDGET`] has been spent. An excess is spent in the next polls.
    spent: usize,
    timer: Option<Pin<Box<Sleep>>>,
    /// The error of a write, and when the driver stops reading. Until then it reads: the peer may have sent the reason
    /// before it closed the connection.
    write_error: Option<(io::Error, Instant)>,
    /// The error that ends the connection, until the state is updated.
    end: Option<ConnectionError>,
}

impl<R: Role> Driver<R> {
    async fn run(mut self) {
        poll_fn(|cx| self.poll_drive(cx)).await;
        self.close().await;
        let ended = self.shared.with(|core| {
            core.wrote(self.written);
            core.finish();
            core.ended().cloned()
        });
        log_end(ended);
    }

    /// Drives the connection until it has ended.
    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.spent = self.spent.saturating_sub(BUDGET);
        loop {
            let step = self.exchange(cx);
            if step.is_closed {
                return Poll::Ready(());
            }
            // Writing comes first, so that a request does not wait for the response to another.
            match &self.write_error {
                None => {
                    if let Poll::Ready(Err(error)) = self.poll_write(cx) {
                        self.write_error = Some((error, now() + LINGER));
                        continue;
                    }
                }
                Some((_, until)) if step.wants_input && now() < *until => {}
                Some(_) => {
                    self.end = Some(self.end_of_input());
                    continue;
                }
            }
            let mut is_read_out = !step.wants_input;
            if step.wants_input && self.spent < BUDGET {
                match self.poll_read(cx, step.missing) {
                    Poll::Ready(Ok(0)) => self.end = Some(self.end_of_input()),
                    Poll::Ready(Ok(len)) => self.spent += 1 + len / UNIT_LEN,
                    Poll::Ready(Err(error)) => self.end = Some(error.into()),
                    Poll::Pending => is_read_out = true,
                }
            }
            let has_progress = !is_read_out || self.written > 0;
            self.spent += usize::from(self.written > 0);
            if has_progress && self.spent < BUDGET {
                continue;
            }
            // Unread bytes may be the rest of a message that is late.
            let expire = if is_read_out { Endpoint::expire } else { Endpoint::expire_deadlines };
            let timer = self.poll_timer(cx, step.deadline, expire);
            if has_progress {
                // Other tasks run, and the runtime polls for events, before this is polled again.
                return pin!(yield_now()).poll(cx);
            }
            ready!(timer);
        }
    }

    /// Updates the state with what has been written and read, and takes the next output.
    fn exchange(&mut self, cx: &Context<'_>) -> Step {
        let Self { shared, input, output, written, spent, timer, write_error, end, .. } = self;
        shared.with(|core| {
            // From here on, each change wakes this task.
            core.set_driver(cx);
            if *written > 0 {
                core.wrote(std::mem::take(written));
            }
            if let Some(error) = end.take() {
                core.fail(error);
            }
            // After a pause, the input may already hold whole messages.
            if !input.filled.is_empty() {
                *spent += core.receive_in(&mut input.filled, input.buffer_len, now());
                input.shrink();
            }
            if output.is_empty() {
                core.take_output(output);
            }
            let until = write_error.as_ref().map(|it| it.1);
            let deadline = [core.next_deadline(), until].into_iter().flatten().min();
            // The timer will be set before this task waits.
            let set = timer.as_ref().map(|it| it.deadline().into_std());
            core.set_timer([deadline, set].into_iter().flatten().min());
            Step {
                is_closed: core.is_closed(),
                wants_input: core.wants_input(),
                missing: core.missing(&input.filled),
                deadline,
            }
        })
    }

    /// Writes and flushes the output.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.output.is_empty() {
            let len = ready!(Pin::new(&mut self.io).poll_write(cx, &self.output))?;
            if len == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            // Unlike `advance`, `clear` makes the whole buffer usable again.
            if len < self.output.len() {
                self.output.advance(len);
            } else {
                self.output.clear();
            }
            self.written += len;
        }
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Reads once, and returns how many bytes.
    fn poll_read(&mut self, cx: &mut Context<'_>, missing: usize) -> Poll<io::Result<usize>> {
        let room = self.input.make_room(missing);
        // The future has no state, so a new one can take its place in the next poll.
        let len = ready!(pin!(self.io.read_buf(&mut self.input.filled)).poll(cx))?;
        if len == room {
            self.input.was_full(room, missing);
        }
        Poll::Ready(Ok(len))
    }

    /// Waits for a deadline, and then calls `expire`.
    fn poll_timer(
        &mut self,
        cx: &mut Context<'_>,
        deadline: Option<Instant>,
        expire: fn(&mut Endpoint<R>, Instant),
    ) -> Poll<()> {
        // Most deadlines are removed before they are reached, so the timer is set again only for an earlier one, or
        // when it has fired.
        let is_set =
            |at: &Instant| self.timer.as_ref().is_some_and(|it| it.deadline().into_std() <= *at);
        if let Some(deadline) = deadline.filter(|it| !is_set(it)) {
            self.timer = Some(Box::pin(sleep_until(deadline.into())));
        }
        let Some(timer) = &mut self.timer else { return Poll::Pending };
        ready!(timer.as_mut().poll(cx));
        self.timer = None;
        self.shared.with(|core| expire(core, now()));
        Poll::Ready(())
    }

    /// The error that ends the connection when there is nothing more to read.
    fn end_of_input(&mut self) -> ConnectionError {
        self.write_error.take().map_or(ConnectionError::ClosedByPeer, |(error, _)| error.into())
    }

    /// Writes the remaining output and, if the connection has a closing grace, waits until the peer closes.
    async fn close(&mut self) {
        let grace = self.shared.with(|core| core.closing_grace());
        let mut timer = grace.filter(|it| !it.is_zero()).map(|it| Box::pin(sleep(it)));
        // A byte stream need not be ready again after its end or its shutdown.
        let (mut is_read_out, mut is_shut_down) = (false, false);
        let closing = poll_fn(|cx| {
            if timer.as_mut().is_some_and(|it| it.as_mut().poll(cx).is_ready()) {
                timer = None;
            }
            // Reading and writing are concurrent: the peer may not read before it has written.
            if !is_read_out && self.poll_discard(cx).is_ready() {
                is_read_out = true;
                timer = None;
            }
            is_shut_down = is_shut_down || self.poll_shut_down(timer.is_none(), cx).is_ready();
            let is_closed = is_shut_down && (is_read_out || grace.is_none());
            if is_closed { Poll::Ready(()) } else { Poll::Pending }
        });
        // The time is up if the peer does not read, or does not close.
        let _ = timeout(LINGER, closing).await;
    }

    /// Writes the remaining output, and then shuts down the writing side when it is time to.
    fn poll_shut_down(&mut self, is_time: bool, cx: &mut Context<'_>) -> Poll<()> {
        while ready!(self.poll_write(cx)).is_ok() {
            self.exchange(cx);
            if !self.output.is_empty() {
                continue;
            }
            if !is_time {
                return Poll::Pending;
            }
            // The connection ends either way.
            return Pin::new(&mut self.io).poll_shutdown(cx).map(drop);
        }
        Poll::Ready(())
    }

    /// Reads and discards what the peer sends until it closes.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut buffer = [0; DISCARD_LEN];
        for _ in 0..BUDGET {
            let mut buffer = ReadBuf::new(&mut buffer);
            let read = ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(());
            }
        }
        pin!(yield_now()).poll(cx)
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// What the driver does next.
struct Step {
    is_closed: bool,
    wants_input: bool,
    missing: usize,
    deadline: Option<Instant>,
}

/// Ends the connection, so that no task waits for a driver that has been dropped with its runtime.
impl<R: Role> Drop for Driver<R> {
    fn drop(&mut self) {
        // The direct writer holds the socket as well.
        self.shared.set_direct(None);
        self.shared.with(|core| {
            core.fail(ConnectionError::RuntimeStopped);
            core.finish();
        });
    }
}
