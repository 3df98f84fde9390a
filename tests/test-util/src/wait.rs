//! Waiting for what must happen, polling step by step, and paths of sockets.

use std::{
    path::PathBuf,
    pin::{Pin, pin},
    sync::atomic::{AtomicU64, Ordering},
    task::Poll,
    time::Duration,
};

/// How long anything may take before it counts as hanging.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for something that must happen.
///
/// # Panics
///
/// If it takes longer than [`PATIENCE`].
pub async fn in_time<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: nothing for {PATIENCE:?}"),
    }
}

/// A path in the temporary folder that no other test uses.
pub fn socket_path() -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("test-{}-{number}.socket", std::process::id()))
}

/// Runs a test on one thread, which polls the test again after each step of any task.
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
pub async fn begin<F: Future>(future: F) -> Pin<Box<F>> {
    let mut future = Box::pin(future);
    let poll = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
    assert!(poll.is_pending(), "it takes longer");
    future
}

/// Polls a future this many times and drops it; other tasks take a step after each poll.
///
/// Returns the output if the future became ready.
pub async fn poll_times<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..times {
        let poll = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = poll {
            return Some(output);
        }
        let mut is_back = false;
        let back = std::future::poll_fn(|cx| {
            if std::mem::replace(&mut is_back, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        });
        back.await;
    }
    None
}
