//! What keeps streams and connections open.

use std::{
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use tokio::runtime;

use crate::protocol::client::{Core, Key};

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

/// Keeps the connection open: it closes when the last one is dropped.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) shared: Arc<Shared>,
    pub(super) call_timeout: Duration,
    /// Whether requests are checked before they are sent.
    pub(super) validates: bool,
    /// The runtime of the connection: whoever waits for it may be elsewhere.
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
        let first = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = first {
            return Some(output);
        }
        let Some(deadline) = deadline else { return Some(future.await) };
        let timeout = {
            let _runtime = self.runtime.enter();
            tokio::time::timeout_at(deadline.into(), future)
        };
        timeout.await.ok()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.with(Core::close);
    }
}
