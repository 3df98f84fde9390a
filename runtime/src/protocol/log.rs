//! What the cores log.
//!
//! A subscriber is code of the application and may use the connection, so nothing is logged while a core is
//! locked. A line travels as a waker, because wakers are what is called once the lock is released.

use std::{
    sync::Arc,
    task::{Wake, Waker},
};

use tracing::level_filters::LevelFilter;

use super::StreamId;
use crate::LOG_TARGET;

/// The other side is told that a stream has ended.
pub(super) fn terminate_sent(id: StreamId) -> Option<Waker> {
    line(move || tracing::trace!(target: LOG_TARGET, stream = id.0, "terminate sent"))
}

/// The other side has ended a stream.
pub(super) fn terminate_received(id: StreamId) -> Option<Waker> {
    line(move || tracing::trace!(target: LOG_TARGET, stream = id.0, "terminate received"))
}

fn line(write: impl Fn() + Send + Sync + 'static) -> Option<Waker> {
    // The subscriber itself is not asked here.
    (LevelFilter::current() >= LevelFilter::TRACE).then(|| Waker::from(Arc::new(Line(write))))
}

struct Line<F>(F);

impl<F: Fn() + Send + Sync + 'static> Wake for Line<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}
