//! How a thread sleeps, and how it is woken.

use std::{
    io::{PipeReader, PipeWriter, Read, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::Wake,
    time::Instant,
};

thread_local! {
    static SLEEPER: Arc<Sleeper> = Arc::default();
}

/// What ends a thread's poll: one byte in a pipe.
#[derive(Debug)]
pub(super) struct Bell {
    receiver: PipeReader,
    sender: Arc<PipeWriter>,
}

impl Bell {
    pub(super) fn new() -> std::io::Result<Self> {
        let (receiver, sender) = std::io::pipe()?;
        Ok(Self { receiver, sender: Arc::new(sender) })
    }

    pub(super) fn receiver(&self) -> &PipeReader {
        &self.receiver
    }
}

/// A thread that waits: on a condition or in a poll. Its waker ends either.
#[derive(Debug, Default)]
pub(super) struct Sleeper {
    state: Mutex<State>,
    woken: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_woken: bool,
    /// The thread waits for the condition.
    is_parked: bool,
    /// While the thread polls: what ends it.
    bell: Option<Arc<PipeWriter>>,
}

impl Sleeper {
    /// That of this thread.
    pub(super) fn current() -> Arc<Self> {
        // A connection may be dropped while the thread ends.
        SLEEPER.try_with(Arc::clone).unwrap_or_default()
    }

    /// Sleeps until it is woken, if it has not been woken since it slept last, or until time is up.
    pub(super) fn park(&self, until: Option<Instant>) {
        let mut state = self.lock();
        while !state.is_woken {
            let left = until.map(|it| it.saturating_duration_since(Instant::now()));
            if left.is_some_and(|it| it.is_zero()) {
                return;
            }
            state.is_parked = true;
            state = match left {
                None => self.woken.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    let slept = self.woken.wait_timeout(state, left);
                    slept.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            state.is_parked = false;
        }
        state.is_woken = false;
    }

    /// The same in a poll, which is `f`: it returns when the bell rings. What it says, if it was called.
    pub(super) fn poll(&self, bell: Option<&Bell>, f: impl FnOnce() -> bool) -> bool {
        let mut state = self.lock();
        if std::mem::take(&mut state.is_woken) {
            return false;
        }
        state.bell = bell.map(|it| Arc::clone(&it.sender));
        drop(state);
        let result = f();
        let mut state = self.lock();
        let has_rung = state.bell.take().is_none();
        state.is_woken = false;
        drop(state);
        if let Some(bell) = bell.filter(|_| has_rung) {
            // The byte was written when the bell was taken.
            let _ = (&bell.receiver).read(&mut [0]);
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.is_woken, true) {
            return;
        }
        if let Some(bell) = state.bell.take() {
            // There is room for it: at most one byte is in the pipe.
            let _ = (&*bell).write(&[1]);
        } else if state.is_parked {
            // What is woken wants the lock.
            drop(state);
            self.woken.notify_one();
        }
    }
}
