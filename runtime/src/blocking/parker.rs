//! How a thread sleeps, and how it is woken.

use std::{
    cell::Cell,
    sync::OnceLock,
    task::Wake,
    time::{Duration, Instant},
};

use super::socket::{Interest, PollWaker, Socket};
use crate::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
    thread::{self, Thread},
    thread_local,
};

thread_local! {
    static PARKER: Arc<Parker> = Arc::new(Parker::new());
    /// The earliest deadline of the futures that this thread has polled since it last took it.
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Says, while a future is polled, when the thread has to poll it again at the latest.
pub(super) fn wake_at(deadline: Instant) {
    DEADLINE.with(|it| it.set(Some(it.get().map_or(deadline, |it| it.min(deadline)))));
}

/// The earliest deadline of the futures that have been polled since the last call.
pub(super) fn take_deadline() -> Option<Instant> {
    DEADLINE.with(Cell::take)
}

/// The thread runs, and has not been woken since the last [`Parker::reset`].
const AWAKE: u8 = 0;
/// The thread has been woken, and does not fall asleep before the next [`Parker::reset`].
const WOKEN: u8 = 1;
/// The thread is parked.
const PARKED: u8 = 2;
/// The thread polls its socket and its poll waker.
const POLLING: u8 = 3;

/// The timeout of a poll that other threads cannot end, because the system has no sockets left for a poll waker.
const POLL_WITHOUT_WAKER: Duration = Duration::from_millis(10);

/// Lets a thread sleep until its waker is called. Each thread has one.
///
/// Before the thread checks what it waits for it calls [`reset`](Self::reset). After a wake-up since then it does not
/// fall asleep, so that no wake-up is lost.
#[derive(Debug)]
pub(super) struct Parker {
    thread: Thread,
    state: AtomicU8,
    /// Created by the first poll of the thread.
    poll_waker: OnceLock<PollWaker>,
}

impl Parker {
    fn new() -> Self {
        Self { thread: thread::current(), state: AtomicU8::new(AWAKE), poll_waker: OnceLock::new() }
    }

    /// The parker of this thread.
    pub(super) fn current() -> Arc<Self> {
        // A connection may be dropped while the thread ends.
        PARKER.try_with(Arc::clone).unwrap_or_else(|_| Arc::new(Self::new()))
    }

    /// Forgets that the thread was woken.
    pub(super) fn reset(&self) {
        self.state.store(AWAKE, Ordering::SeqCst);
    }

    /// Keeps the thread from falling asleep before the next [`reset`](Self::reset).
    pub(super) fn set_woken(&self) {
        self.state.store(WOKEN, Ordering::SeqCst);
    }

    /// Sleeps until the thread is woken, or until the deadline. It may return early.
    pub(super) fn park(&self, deadline: Option<Instant>) {
        let timeout = timeout(deadline);
        if timeout == Some(Duration::ZERO) || !self.fall_asleep(PARKED) {
            return;
        }
        match timeout {
            None => thread::park(),
            Some(timeout) => thread::park_timeout(timeout),
        }
    }

    /// Sleeps until the socket can be read or, if that is of interest, written, the thread is woken, or the deadline
    /// has passed. Returns whether the socket can be read.
    pub(super) fn poll(
        &self,
        socket: &Socket,
        interest: Interest,
        deadline: Option<Instant>,
    ) -> bool {
        let poll_waker = self.poll_waker();
        let mut timeout = timeout(deadline);
        if poll_waker.is_none() {
            timeout = Some(timeout.unwrap_or(POLL_WITHOUT_WAKER).min(POLL_WITHOUT_WAKER));
        }
        if !self.fall_asleep(POLLING) {
            return false;
        }
        let is_readable = socket.poll(interest, poll_waker, timeout);
        self.reset();
        is_readable
    }

    fn fall_asleep(&self, how: u8) -> bool {
        self.state.compare_exchange(AWAKE, how, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    fn poll_waker(&self) -> Option<&PollWaker> {
        if self.poll_waker.get().is_none() {
            // Only this thread sets it.
            let _ = self.poll_waker.set(PollWaker::new().ok()?);
        }
        self.poll_waker.get()
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        match self.state.swap(WOKEN, Ordering::SeqCst) {
            PARKED => self.thread.unpark(),
            POLLING => {
                if let Some(waker) = self.poll_waker.get() {
                    waker.wake();
                }
            }
            _ => {}
        }
    }
}

/// The time that is left.
fn timeout(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|it| it.saturating_duration_since(Instant::now()))
}
