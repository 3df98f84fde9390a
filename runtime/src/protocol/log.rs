//! Log records about streams.
//!
//! A subscriber is code of the application and may use the connection, so nothing is logged while an endpoint is
//! locked. A record is a waker, because wakers are called after the lock has been released.

use std::{
    sync::Arc,
    task::{Wake, Waker},
};

use tracing::level_filters::LevelFilter;

use super::StreamId;
use crate::LOG_TARGET;

/// A record about a stream.
struct Record(StreamId, &'static str);

impl Wake for Record {
    fn wake(self: Arc<Self>) {
        tracing::trace!(target: LOG_TARGET, stream = self.0.0, "{}", self.1);
    }
}

/// Logs something about a stream when the waker is called.
pub(super) fn trace(id: StreamId, what: &'static str) -> Option<Waker> {
    // The level is checked without calling the subscriber.
    let is_enabled = LevelFilter::current() >= LevelFilter::TRACE;
    is_enabled.then(|| Waker::from(Arc::new(Record(id, what))))
}
