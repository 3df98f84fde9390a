//! The task that reads and writes a connection's socket.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    task::coop,
    time::{Sleep, sleep, timeout},
};

use super::{Input, LINGER, Shared, log_end, stream::Io};
use crate::{
    error::ConnectionError,
    protocol::{Endpoint, Role},
};

/// How much is read at a time when it is discarded, in bytes.
const DISCARD_LEN: usize = 8 * 1024;

/// How many bytes are read for one unit of the task's budget, which has 128: a driver reads about 1 MiB between two
/// turns of the other tasks, which is little against the queue of a subscription.
const UNIT_LEN: usize = 8 * 1024;

/// Drives one connection until it has ended and everything queued has been written. The end of the future, even before
/// it has been polled, ends the connection.
///
/// It runs no code but the protocol's: a task that waits for a message is woken and reads it elsewhere. So it
/// is always there to read, to answer a ping, and to see the connection end.
pub(crate) fn drive<R: Role>(
    io: Box<dyn Io>,
    shared: Arc<Shared<Endpoint<R>>>,
) -> impl Future<Output = ()> {
    let driver = Driver {
        io,
        shared,
        input: Input::default(),
        output: BytesMut::new(),
        is_flushed: true,
        written: 0,
        owed: 0,
        timer: None,
        broken: None,
    };
    driver.run()
}

struct Driver<R: Role> {
    io: Box<dyn Io>,
    shared: Arc<Shared<Endpoint<R>>>,
    input: Input,
    output: BytesMut,
    is_flushed: bool,
    /// How many bytes of the output have been written since the state was told.
    written: usize,
    /// The units of the task's budget that are still to be spent for what has been received: one for each message,
    /// because the tasks that take the messages spend one as well, and one for each [`UNIT_LEN`]. Nothing is read
    /// before they are spent, so that those tasks do not fall behind.
    owed: usize,
    timer: Option<(Instant, Pin<Box<Sleep>>)>,
    /// Why nothing can be written any more, and when the driver stops reading.
    broken: Option<(io::Error, Instant)>,
}

impl<R: Role> Driver<R> {
    async fn run(mut self) {
        let driven = poll_fn(|cx| self.poll_drive(cx)).await;
        if let Err(error) = driven {
            let written = std::mem::take(&mut self.written);
            self.shared.with(|core| {
                core.wrote(written);
                core.fail(error);
            });
        }
        self.close().await;
        let ended = self.shared.with(|core| {
            core.wrote(std::mem::take(&mut self.written));
            core.finish();
            core.ended().cloned()
        });
        log_end(ended);
    }

    /// Writes what was queued before the end, and waits for the other side to close if it may still be writing, all
    /// for a limited time.
    async fn close(&mut self) {
        let grace = self.shared.with(|core| core.closing_grace());
        // The other side is waited for if there is a time for it to close first.
        let waits = grace.is_some();
        let mut grace = grace.filter(|it| !it.is_zero()).map(|it| Box::pin(sleep(it)));
        let (mut is_shut_down, mut is_read_out) = (false, false);
        let closing = poll_fn(|cx| {
            // The timer comes first and reading last, because it may use up the budget of the task.
            if grace.as_mut().is_some_and(|it| it.as_mut().poll(cx).is_ready()) {
                grace = None;
            }
            loop {
                if !is_shut_down {
                    is_shut_down = self.poll_shut_down(grace.is_none(), cx).is_ready();
                }
                if is_shut_down && (is_read_out || !waits) {
                    return Poll::Ready(());
                }
                if is_read_out {
                    return Poll::Pending;
                }
                // The other side may read only after it has written, and so both happen at once.
                ready!(self.poll_read_out(cx));
                is_read_out = true;
                grace = None;
            }
        });
        // It runs out when the other side does not take what is still to be written, or does not close.
        let _ = timeout(LINGER, closing).await;
    }

    /// Tells the state what has been written and what has arrived, and takes what is to be written next:
    /// all under one lock.
    fn exchange(&mut self, cx: &Context<'_>) -> Step {
        let Self { shared, input, output, written, owed, timer, broken, .. } = self;
        shared.with(|core| {
            // Nothing is missed that happens from here on.
            core.set_driver(cx);
            if *written > 0 {
                core.wrote(std::mem::take(written));
            }
            // After a pause there may be whole messages in what was read before.
            if !input.filled.is_empty() {
                *owed += core.receive_in(&mut input.filled, input.buffer_len, now());
                input.let_go();
            }
            if output.is_empty() {
                core.take_output(output);
            }
            let mut deadline = core.next_deadline();
            if let Some((_, until)) = broken {
                deadline = Some(deadline.map_or(*until, |it| it.min(*until)));
            }
            // Before the driver rests, the timer is set to no later than that.
            let set = timer.as_ref().map(|(at, _)| *at);
            core.set_timer([deadline, set].into_iter().flatten().min());
            Step {
                is_closed: core.is_closed(),
                wants_input: core.wants_input(),
                missing: core.missing(&input.filled),
                deadline,
            }
        })
    }

    /// Writes what has been taken, all that had been queued at once.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.output.is_empty() && self.is_flushed {
            return Poll::Ready(Ok(()));
        }
        self.is_flushed = false;
        while !self.output.is_empty() {
            let len = ready!(Pin::new(&mut self.io).poll_write(cx, &self.output))?;
            if len == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            // An emptied buffer is used again from its start.
            if len < self.output.len() {
                self.output.advance(len);
            } else {
                self.output.clear();
            }
            self.written += len;
        }
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        self.is_flushed = true;
        Poll::Ready(Ok(()))
    }

    /// Spends the units that are owed, as far as there are any.
    fn poll_owed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.owed > 0 {
            ready!(coop::poll_proceed(cx)).made_progress();
            self.owed -= 1;
        }
        Poll::Ready(())
    }

    /// Reads once; gives how much.
    fn poll_read(&mut self, cx: &mut Context<'_>, missing: usize) -> Poll<io::Result<usize>> {
        let room = self.input.make_room(missing);
        // The future holds nothing between polls, so that a new one can take its place.
        let len = ready!(std::pin::pin!(self.io.read_buf(&mut self.input.filled)).poll(cx))?;
        if len == room {
            self.input.was_full(room, missing);
        }
        Poll::Ready(Ok(len))
    }

    /// Ends what is due; ready if there was something.
    fn poll_timer(&mut self, cx: &mut Context<'_>, deadline: Option<Instant>) -> Poll<()> {
        // Most deadlines go away before they come. The timer is set again only when an earlier one turns
        // up or this one has passed.
        let is_set = |deadline: &Instant| self.timer.as_ref().is_some_and(|(at, _)| at <= deadline);
        if let Some(deadline) = deadline.filter(|it| !is_set(it)) {
            self.timer = Some((deadline, Box::pin(tokio::time::sleep_until(deadline.into()))));
        }
        let Some((_, timer)) = &mut self.timer else { return Poll::Pending };
        ready!(timer.as_mut().poll(cx));
        // A timer that has fired wakes no task again, and must not count as set.
        self.timer = None;
        self.shared.with(|core| core.expire(now()));
        Poll::Ready(())
    }

    /// Ends what is due without asking the timer, because the task has used up its budget.
    fn expire_out_of_turn(&self, deadline: Option<Instant>, is_read_out: bool) {
        let now = now();
        if deadline.is_none_or(|it| it > now) {
            return;
        }
        self.shared.with(|core| {
            core.expire_deadlines(now);
            if is_read_out {
                core.expire_frame(now);
            }
        });
    }

    /// Goes on until nothing does; ready once the connection has ended or has to.
    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        // Whether the last read found nothing.
        let mut is_read_out = false;
        loop {
            let step = self.exchange(cx);
            if step.is_closed {
                return Poll::Ready(Ok(()));
            }
            // First what is queued, so that a request does not wait for the answer to another.
            if self.broken.is_none() {
                if let Poll::Ready(Err(error)) = self.poll_write(cx) {
                    self.broken = Some((error, now() + LINGER));
                    continue;
                }
            } else if !step.wants_input || self.broken.as_ref().is_some_and(|it| it.1 <= now()) {
                return Poll::Ready(Err(self.end_of_input()));
            }
            // Even if that failed: the other side may have said why before it closed.
            let mut has_read = false;
            if step.wants_input && self.poll_owed(cx).is_ready() {
                match self.poll_read(cx, step.missing) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(self.end_of_input())),
                    Poll::Ready(Ok(len)) => {
                        has_read = true;
                        self.owed += len / UNIT_LEN;
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                    Poll::Pending => {}
                }
            }
            // Without budget left the socket and the timer are always pending.
            if has_read || self.written > 0 || !coop::has_budget_remaining() {
                let Poll::Ready(budget) = coop::poll_proceed(cx) else {
                    self.expire_out_of_turn(step.deadline, is_read_out);
                    return Poll::Pending;
                };
                budget.made_progress();
                is_read_out = !has_read;
                continue;
            }
            ready!(self.poll_timer(cx, step.deadline));
        }
    }

    /// Why the connection ends when there is nothing more to read.
    fn end_of_input(&mut self) -> ConnectionError {
        self.broken.take().map_or(ConnectionError::ClosedByPeer, |(error, _)| error.into())
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// What the driver has to do next.
struct Step {
    is_closed: bool,
    wants_input: bool,
    missing: usize,
    deadline: Option<Instant>,
}

impl<R: Role> Driver<R> {
    /// Writes what was queued, and then shuts down the writing side when it is time to.
    fn poll_shut_down(&mut self, is_time: bool, cx: &mut Context<'_>) -> Poll<()> {
        while ready!(self.poll_write(cx)).is_ok() {
            self.exchange(cx);
            if !self.output.is_empty() {
                continue;
            }
            if !is_time {
                return Poll::Pending;
            }
            // The connection is over either way.
            let _ = ready!(Pin::new(&mut self.io).poll_shutdown(cx));
            break;
        }
        Poll::Ready(())
    }

    /// Reads and discards what the other side sends until it closes.
    fn poll_read_out(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut discarded = [0; DISCARD_LEN];
        loop {
            let budget = ready!(coop::poll_proceed(cx));
            let mut discarded = ReadBuf::new(&mut discarded);
            let read = ready!(Pin::new(&mut self.io).poll_read(cx, &mut discarded));
            budget.made_progress();
            if read.is_err() || discarded.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }
}

/// No task may wait for a driver that has been dropped: its runtime may be shut down while others are not.
impl<R: Role> Drop for Driver<R> {
    fn drop(&mut self) {
        // It keeps the socket open.
        self.shared.set_direct(None);
        self.shared.with(|core| {
            core.fail(ConnectionError::RuntimeStopped);
            core.finish();
        });
    }
}
