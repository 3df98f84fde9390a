//! How a thread sleeps, and how it is woken.

use std::{
    cell::Cell,
    sync::OnceLock,
    task::Wake,
    time::{Duration, Instant},
};

use super::socket::{Bell, Interest, Socket};
use crate::sync::{
    Arc, Condvar, Mutex, PoisonError,
    atomic::{AtomicU8, Ordering},
    thread_local,
};

thread_local! {
    static PARKER: Arc<Parker> = Arc::default();
    /// The earliest deadline of what this thread waits for, as far as it has looked.
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Says, while a future is polled, when the thread is to poll it again at the latest.
pub(super) fn wake_at(deadline: Instant) {
    DEADLINE.with(|it| it.set(Some(it.get().map_or(deadline, |it| it.min(deadline)))));
}

/// The deadline that was set by the futures that have been polled since the last call.
pub(super) fn take_deadline() -> Option<Instant> {
    DEADLINE.with(Cell::take)
}

/// The thread runs, and has not been woken since it last looked at what it waits for.
const AWAKE: u8 = 0;
/// What the thread waits for may have happened.
const WOKEN: u8 = 1;
/// The thread waits on the condition variable.
const PARKED: u8 = 2;
/// The thread polls its socket and its bell.
const POLLING: u8 = 3;

/// How long a poll lasts that no other thread can end.
const WITHOUT_BELL: Duration = Duration::from_millis(10);

/// One per thread: lets it sleep until its waker is called.
///
/// Before the thread looks at what it waits for it calls [`reset`](Self::reset). A wake-up after that is not
/// lost: the thread does not fall asleep then.
#[derive(Debug, Default)]
pub(super) struct Parker {
    state: AtomicU8,
    lock: Mutex<()>,
    woken: Condvar,
    /// Created by the first poll of the thread.
    bell: OnceLock<Bell>,
}

impl Parker {
    /// The parker of this thread.
    pub(super) fn current() -> Arc<Self> {
        // A connection may be dropped while the thread ends.
        PARKER.try_with(Arc::clone).unwrap_or_default()
    }

    /// Forgets that the thread was woken.
    pub(super) fn reset(&self) {
        self.state.store(AWAKE, Ordering::SeqCst);
    }

    /// Lets the thread look once more before it sleeps: it may have missed a wake-up.
    pub(super) fn set_woken(&self) {
        self.state.store(WOKEN, Ordering::SeqCst);
    }

    /// Sleeps until the thread is woken or time is up.
    pub(super) fn park(&self, until: Option<Instant>) {
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.fall_asleep(PARKED) {
            return;
        }
        while self.state.load(Ordering::SeqCst) == PARKED {
            guard = match left(until) {
                None => self.woken.wait(guard).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => break,
                Some(left) => {
                    let slept = self.woken.wait_timeout(guard, left);
                    slept.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        self.reset();
    }

    /// Sleeps until there is something to read or, if it is of interest, room to write, the thread is woken or
    /// time is up. Whether there is something to read.
    pub(super) fn poll(&self, socket: &Socket, interest: Interest, until: Option<Instant>) -> bool {
        let bell = self.bell();
        let timeout = match (bell, left(until)) {
            (Some(_), left) => left,
            (None, left) => Some(left.unwrap_or(WITHOUT_BELL).min(WITHOUT_BELL)),
        };
        if !self.fall_asleep(POLLING) {
            return false;
        }
        let is_readable = socket.poll(interest, bell, timeout);
        self.reset();
        is_readable
    }

    fn fall_asleep(&self, how: u8) -> bool {
        self.state.compare_exchange(AWAKE, how, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    fn bell(&self) -> Option<&Bell> {
        if self.bell.get().is_none() {
            // Only this thread sets it.
            let _ = self.bell.set(Bell::new().ok()?);
        }
        self.bell.get()
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        match self.state.swap(WOKEN, Ordering::SeqCst) {
            PARKED => {
                // The thread holds the lock until it waits.
                drop(self.lock.lock());
                self.woken.notify_one();
            }
            POLLING => {
                if let Some(bell) = self.bell.get() {
                    bell.ring();
                }
            }
            _ => {}
        }
    }
}

fn left(until: Option<Instant>) -> Option<Duration> {
    until.map(|it| it.saturating_duration_since(Instant::now()))
}
