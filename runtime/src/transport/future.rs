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
    race(end, future).await.err()
}

/// Waits for the first of two futures, or for `a` if both are ready. Unlike `tokio::select`, it also polls them when the
/// task's budget is used up.
pub(crate) async fn race<A: Future, B: Future>(a: A, b: B) -> Result<A::Output, B::Output> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    std::future::poll_fn(|cx| match a.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => b.as_mut().poll(cx).map(Err),
    })
    .await
}
