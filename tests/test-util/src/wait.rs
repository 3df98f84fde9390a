//! Timeouts, stepwise polling of futures, and paths of sockets.

use std::{
    path::PathBuf,
    pin::{Pin, pin},
    sync::atomic::{AtomicU64, Ordering},
    task::Poll,
};

use crate::TIMEOUT;

/// Awaits a future.
///
/// # Panics
///
/// If the future takes longer than [`TIMEOUT`]. The message begins with `what`.
pub async fn in_time<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(TIMEOUT, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: not within {TIMEOUT:?}"),
    }
}

/// A unique path in the temporary folder.
pub fn socket_path() -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("test-{}-{number}.socket", std::process::id()))
}

/// Runs a test on a runtime with one thread that polls the test again after each poll of another task.
///
/// # Panics
///
/// If the runtime does not start.
pub fn run(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().event_interval(1).build().unwrap().block_on(test);
}

/// Polls a future once.
///
/// # Panics
///
/// If the future is ready.
pub async fn poll_once<F: Future>(future: F) -> Pin<Box<F>> {
    let mut future = Box::pin(future);
    let poll = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
    assert!(poll.is_pending(), "the future is ready at the first poll");
    future
}

/// Polls a future this many times and then drops it; other tasks run after each poll.
///
/// Returns the output if the future becomes ready.
pub async fn poll_times<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..times {
        let poll = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = poll {
            return Some(output);
        }
        let mut has_yielded = false;
        let yield_once = std::future::poll_fn(|cx| {
            if std::mem::replace(&mut has_yielded, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        });
        yield_once.await;
    }
    None
}
