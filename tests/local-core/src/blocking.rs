//! Work that blocks, such as copies of files, on threads that run no tasks.

use std::{
    io::{self, Read, Write},
    sync::{Arc, Weak},
};

use tracing::dispatcher;

/// The number of bytes that are copied before a cancellation takes effect.
const PART: u64 = 1 << 20;

/// Runs work on a thread where it can block. Dropping the future cancels the work.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce(&Cancellation) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (_future, cancellation) = Cancellation::new();
    // The log may be that of this thread only.
    let log = dispatcher::get_default(Clone::clone);
    let work = move || dispatcher::with_default(&log, || work(&cancellation));
    let result = tokio::task::spawn_blocking(work).await;
    result.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Tells work whether it is cancelled.
#[derive(Debug)]
pub(crate) struct Cancellation(Weak<()>);

impl Cancellation {
    /// A cancellation that takes effect when the first value is dropped.
    pub(crate) fn new() -> (Arc<()>, Self) {
        let owner = Arc::new(());
        let cancellation = Self(Arc::downgrade(&owner));
        (owner, cancellation)
    }

    /// Fails if the work is cancelled.
    pub(crate) fn check(&self) -> io::Result<()> {
        match self.0.strong_count() {
            0 => Err(io::Error::other("cancelled")),
            _ => Ok(()),
        }
    }

    /// Copies all bytes, like [`io::copy`], unless the work is cancelled.
    pub(crate) fn copy(&self, from: &mut impl Read, to: &mut impl Write) -> io::Result<u64> {
        let mut copied = 0;
        loop {
            self.check()?;
            match io::copy(&mut from.by_ref().take(PART), to)? {
                0 => return Ok(copied),
                len => copied += len,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use test_util::in_time;
    use tokio::sync::oneshot;

    use super::{Cancellation, PART, run};

    #[tokio::test]
    async fn dropping_the_future_cancels_the_work() {
        let ((started, is_started), (ended, is_ended)) = (oneshot::channel(), oneshot::channel());
        let work = run(move |it| {
            started.send(()).unwrap();
            let error = it.copy(&mut io::repeat(0), &mut io::sink()).unwrap_err();
            ended.send(error.to_string()).unwrap();
            Ok(())
        });
        tokio::select! {
            _ = work => panic!("the work does not end"),
            it = is_started => it.unwrap(),
        }
        assert_eq!(in_time("the end", is_ended).await.unwrap(), "cancelled");
    }

    #[test]
    fn a_copy_has_all_parts() {
        let (_owner, cancellation) = Cancellation::new();
        let bytes = vec![1; PART as usize * 2 + 1];
        let mut copy = Vec::new();
        let len = cancellation.copy(&mut &*bytes, &mut copy).unwrap();
        assert!(len == bytes.len() as u64 && copy == bytes);
    }
}
