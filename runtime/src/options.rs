//! The options of a call or subscription.

use std::time::Duration;

#[cfg(any(feature = "tokio", feature = "blocking"))]
use crate::{
    error::BuildError,
    json::{Checker, Shape},
};

/// A connection, asynchronous or blocking, over which a builder sends its request.
///
/// A builder without a connection only builds the request, and has no options of a call.
pub trait Caller: Sealed {}

impl<T: Sealed> Caller for T {}

/// Implemented only by the connections of this crate.
#[doc(hidden)]
pub trait Sealed {}

/// The options of a call.
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    /// How long to wait for the response; `None` for the setting of the connection.
    pub(crate) timeout: Option<Duration>,
    /// Whether the request is checked; `None` for the setting of the connection.
    pub(crate) validate: Option<bool>,
}

impl CallOptions {
    /// Sets whether to check the constraints of the model (`length`, `range`, `pattern`, `uniqueItems`) before the
    /// request is sent. Default: the setting of the connection, `false`.
    #[must_use]
    pub fn validate_request(mut self, validate: bool) -> Self {
        self.validate = Some(validate);
        self
    }

    /// Sets how long to wait for the response. Default: the setting of the connection, 10 s.
    #[must_use]
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

#[cfg(any(feature = "tokio", feature = "blocking"))]
impl CallOptions {
    /// Checks a request if the options or the connection's setting `default` say so.
    pub(crate) fn check<S: Shape>(&self, request: &S, default: bool) -> Result<(), BuildError> {
        if !self.validate.unwrap_or(default) {
            return Ok(());
        }
        Checker::check(request).map_err(|source| BuildError::Invalid { shape_id: S::ID, source })
    }
}

/// The default of [`SubscribeOptions::queue_limit`]: 16 MiB.
const DEFAULT_QUEUE_LIMIT: usize = 16 * 1024 * 1024;

/// The options of a subscription.
#[derive(Clone, Debug)]
pub struct SubscribeOptions {
    pub(crate) call: CallOptions,
    pub(crate) overflow: Overflow,
    /// In bytes.
    pub(crate) queue_limit: usize,
}

impl SubscribeOptions {
    /// Sets how long to wait for the response. Default: the setting of the connection, 10 s.
    #[must_use]
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call = self.call.call_timeout(timeout);
        self
    }

    /// Sets whether to check the constraints of the model (`length`, `range`, `pattern`, `uniqueItems`) before the
    /// request is sent. Default: the setting of the connection, `false`.
    #[must_use]
    pub fn validate_request(mut self, validate: bool) -> Self {
        self.call = self.call.validate_request(validate);
        self
    }

    /// Sets what happens when events arrive faster than they are read. Default: [`Overflow::End`].
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Sets the memory that events in the queue may take, in bytes. Default: 16 MiB.
    ///
    /// The limit includes the queue itself, which takes about 100 bytes for each event, and the buffers that contain
    /// the messages. A message of more than 4 KiB may keep a buffer of up to 4 times its length, which it may share
    /// with others. An event that is larger than the limit is still queued if the queue is empty.
    #[must_use]
    pub fn queue_limit(mut self, bytes: usize) -> Self {
        self.queue_limit = bytes;
        self
    }
}

impl Default for SubscribeOptions {
    fn default() -> Self {
        Self {
            call: CallOptions::default(),
            overflow: Overflow::default(),
            queue_limit: DEFAULT_QUEUE_LIMIT,
        }
    }
}

/// What happens when the queue of a subscription is full.
///
/// The client continues to read the connection: a slow subscriber affects only its own events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// The subscription ends: the queued events are delivered, then
    /// [`SdkError::Lagged`](crate::error::SdkError::Lagged) says how much was not. Nothing is lost silently.
    #[default]
    End,
    /// The oldest events are dropped, and counted.
    DropOldest,
    /// Only the latest event is kept; the events that it replaces are counted.
    LatestOnly,
}
