//! What can be done with a future.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::{Poll, ready},
};

/// Whether the caller runs on a tokio runtime with timers. Without timers the panic hook is called: tokio has
/// no other way to ask.
#[cfg(feature = "tokio")]
pub(crate) fn has_timers() -> bool {
    let make_timer = || drop(tokio::time::sleep(std::time::Duration::ZERO));
    tokio::runtime::Handle::try_current().is_ok() && catch_unwind(make_timer).is_ok()
}

/// Runs a future and catches its panic.
pub(crate) async fn caught<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| {
        // After a panic the future is not polled again.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}

/// The result of a future, or nothing if another is ready before.
pub(crate) async fn unless<F: Future>(end: impl Future, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut end = pin!(end);
    std::future::poll_fn(|cx| {
        if end.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(ready!(future.as_mut().poll(cx))))
    })
    .await
}
