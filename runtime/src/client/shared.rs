//! What the handles of a connection and its driver share.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use crate::protocol::client::{Core, Key};

/// The connection's state, behind a lock that is held for no longer than it takes to move some bytes.
#[derive(Debug)]
pub(super) struct Shared {
    core: Mutex<Core>,
    /// Tells connections apart in logs.
    pub(super) number: u64,
}

impl Shared {
    pub(super) fn new(core: Core, number: u64) -> Self {
        Self { core: Mutex::new(core), number }
    }

    /// Does something with the state, and wakes whoever waited for it after the lock is released.
    pub(super) fn with<T>(&self, f: impl FnOnce(&mut Core) -> T) -> T {
        let mut core = self.lock();
        let result = f(&mut core);
        let woken = core.take_woken();
        drop(core);
        woken.into_iter().for_each(std::task::Waker::wake);
        result
    }

    /// Waits for something, by asking for it whenever something has happened.
    pub(super) async fn poll<T>(&self, mut f: impl FnMut(&mut Core, &Context<'_>) -> Poll<T>) -> T {
        std::future::poll_fn(|cx| self.with(|core| f(core, cx))).await
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        // Nothing in the state can panic half-way in a way that would matter to anyone else.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets a stream when its owner goes away, wherever that is.
///
/// It is what makes calls safe to cancel: the stream is ended on the wire if it is still open there, once.
#[derive(Debug)]
pub(super) struct StreamGuard {
    pub(super) handle: std::sync::Arc<Handle>,
    pub(super) key: Key,
}

impl Drop for StreamGuard {
    fn drop(&mut self) {
        self.handle.shared.with(|core| core.forget(self.key));
    }
}

/// Keeps the connection open: it closes when the last one is dropped.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) shared: std::sync::Arc<Shared>,
    pub(super) call_timeout: std::time::Duration,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.with(Core::close);
    }
}
