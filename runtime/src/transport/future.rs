//! Helpers for futures.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

/// Whether the caller runs on a tokio runtime with timers. tokio can only be asked by creating a timer: without timers
/// that panics, and the panic hook is called.
#[cfg(feature = "tokio")]
pub(crate) fn has_timers() -> bool {
    let make_timer = || drop(tokio::time::sleep(std::time::Duration::ZERO));
    tokio::runtime::Handle::try_current().is_ok() && catch_unwind(make_timer).is_ok()
}

/// Runs a future and catches its panic.
pub(crate) async fn caught<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

/// Waits for a future; `None` if `end` is ready first or at the same time.
pub(crate) async fn unless<F: Future>(end: impl Future, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut end = pin!(end);
    std::future::poll_fn(|cx| {
        if end.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        future.as_mut().poll(cx).map(Some)
    })
    .await
}
