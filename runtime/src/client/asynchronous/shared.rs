//! What keeps streams and connections open.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use tokio::{
    runtime,
    time::{Sleep, sleep_until},
};

use crate::{
    protocol::RpcMessage,
    protocol::client::{Core, Failure, Key},
    transport::has_timers,
};

/// The client's state, shared by its handles and its driver.
pub(super) type Shared = crate::transport::Shared<Core>;

/// Forgets a stream when its owner goes away, wherever that is.
///
/// It is what makes calls safe to cancel: the stream is ended on the wire if it is still open there, once.
#[derive(Debug)]
pub(super) struct StreamGuard {
    pub(super) handle: Arc<Handle>,
    pub(super) key: Key,
}

impl Drop for StreamGuard {
    fn drop(&mut self) {
        self.handle.shared.with(|core| core.forget(self.key));
    }
}

/// The timer of a call, once it is known whether it needs one.
pub(super) type CallTimer = Option<Option<Pin<Box<Sleep>>>>;

/// Keeps the connection open: it closes when the last one is dropped.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) shared: Arc<Shared>,
    pub(super) call_timeout: Duration,
    /// Whether requests are checked before they are sent.
    pub(super) validates: bool,
    /// The runtime on which the connection was opened. Callers may run on another one, or on none.
    pub(super) runtime: runtime::Handle,
}

impl Handle {
    /// When to give up what begins now. A timeout beyond what the clock can say never comes.
    pub(super) fn deadline(&self, timeout: Option<Duration>) -> Option<Instant> {
        let timeout = timeout.unwrap_or(self.call_timeout);
        tokio::time::Instant::now().into_std().checked_add(timeout)
    }

    /// The result of a future, or nothing if the deadline comes first.
    pub(super) async fn until<F: Future>(
        &self,
        deadline: Option<Instant>,
        future: F,
    ) -> Option<F::Output> {
        let mut future = pin!(future);
        // Most need not wait, and no timer.
        let first = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = first {
            return Some(output);
        }
        let Some(deadline) = deadline else { return Some(future.await) };
        let timeout = {
            // The timers of the caller's runtime, because the other one may be blocked.
            let has_own = !self.is_elsewhere() || has_timers();
            let _runtime = (!has_own).then(|| self.runtime.enter());
            tokio::time::timeout_at(deadline.into(), future)
        };
        timeout.await.ok()
    }

    /// Polls for the reply to a request. A caller on another runtime than the driver ends the call itself when it is
    /// due, because the driver may be blocked.
    pub(super) fn poll_reply(
        &self,
        key: Key,
        deadline: Option<Instant>,
        timer: &mut CallTimer,
        cx: &mut Context<'_>,
    ) -> Poll<Result<RpcMessage, Failure>> {
        let reply = self.shared.with(|core| core.poll_reply(key, cx));
        if reply.is_ready() {
            return reply;
        }
        let Some(timer) = timer.get_or_insert_with(|| self.call_timer(deadline)) else {
            return Poll::Pending;
        };
        ready!(timer.as_mut().poll(cx));
        self.shared.with(|core| {
            deadline.into_iter().for_each(|it| core.expire_calls(it));
            core.poll_reply(key, cx)
        })
    }

    fn call_timer(&self, deadline: Option<Instant>) -> Option<Pin<Box<Sleep>>> {
        let deadline = deadline.filter(|_| self.is_elsewhere() && has_timers())?;
        Some(Box::pin(sleep_until(deadline.into())))
    }

    /// Whether the caller runs on another runtime than the driver, or on none.
    fn is_elsewhere(&self) -> bool {
        runtime::Handle::try_current().map_or(true, |it| it.id() != self.runtime.id())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.with(Core::close);
    }
}
