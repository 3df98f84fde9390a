//! One side of a connection over a socket: its state behind a lock, and what drives it with tokio.

#[cfg(any(feature = "tokio", feature = "server"))]
mod driver;

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use crate::{LOG_TARGET, protocol::Endpoint};

#[cfg(any(feature = "tokio", feature = "server"))]
pub(crate) use driver::Driver;

/// One side's state, shared by its handles and its driver, behind a lock that is held for no longer than it takes to move some bytes.
#[derive(Debug)]
pub(crate) struct Shared<E> {
    core: Mutex<E>,
    /// Tells connections apart in logs.
    pub(crate) number: u64,
}

impl<E: Endpoint> Shared<E> {
    pub(crate) fn new(core: E, number: u64) -> Self {
        Self { core: Mutex::new(core), number }
    }

    /// With the next number.
    pub(crate) fn numbered(core: E) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        Self::new(core, NUMBER.fetch_add(1, Ordering::Relaxed))
    }

    /// Does something with the state, and wakes whoever waited for it after the lock is released.
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut E) -> T) -> T {
        let mut core = self.lock();
        let result = f(&mut core);
        let woken = core.take_woken();
        drop(core);
        woken.into_iter().for_each(std::task::Waker::wake);
        result
    }

    /// Waits for something, by asking for it whenever something has happened.
    pub(crate) async fn poll<T>(&self, mut f: impl FnMut(&mut E, &Context<'_>) -> Poll<T>) -> T {
        std::future::poll_fn(|cx| self.with(|core| f(core, cx))).await
    }

    /// The span of everything that happens to the connection.
    pub(crate) fn span(&self) -> tracing::Span {
        tracing::debug_span!(target: LOG_TARGET, "connection", connection = self.number)
    }

    /// The span of one call.
    pub(crate) fn call_span(&self, operation: &str) -> tracing::Span {
        tracing::debug_span!(
            target: LOG_TARGET, "call", connection = self.number, operation
        )
    }

    fn lock(&self) -> MutexGuard<'_, E> {
        // Nothing in the state can panic half-way in a way that would matter to anyone else.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
