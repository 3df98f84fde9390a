//! What can be chosen for one call or subscription, and what it goes over.

use std::time::Duration;

/// A connection, asynchronous or blocking, over which a builder sends its request.
///
/// A builder without one only builds the request, and has no options of a call.
pub trait Caller: Sealed {}

impl<T: Sealed> Caller for T {}

/// Implemented by the connections alone.
#[doc(hidden)]
pub trait Sealed {}

/// What can be chosen for one call.
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    /// How long to wait for the response; `None` for what the connection was built with.
    pub(crate) timeout: Option<Duration>,
    /// Whether the request is checked; `None` for what the connection was built with.
    pub(crate) validate: Option<bool>,
}

impl CallOptions {
    /// Whether the request must be what the model asks for (`length`, `range`, `pattern`, `uniqueItems`)
    /// before it is sent. Default: what the connection was built with, `false`.
    #[must_use]
    pub fn validate_request(mut self, validate: bool) -> Self {
        self.validate = Some(validate);
        self
    }

    /// How long to wait for the response. Default: what the connection was built with, 10 s.
    #[must_use]
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

#[cfg(any(feature = "tokio", feature = "blocking"))]
impl CallOptions {
    /// Checks a request, if that is wanted.
    pub(crate) fn check<S: crate::json::Shape>(
        &self,
        request: &S,
        default: bool,
    ) -> Result<(), crate::error::BuildError> {
        if !self.validate.unwrap_or(default) {
            return Ok(());
        }
        let mut checker = crate::json::Checker::default();
        request.check(&mut checker);
        checker
            .finish()
            .map_err(|source| crate::error::BuildError::Invalid { shape_id: S::ID, source })
    }
}

/// How much memory the events that wait to be read may take, unless a subscription says otherwise: 16 MiB.
const DEFAULT_QUEUE_LIMIT: usize = 16 * 1024 * 1024;

/// What can be chosen for one subscription.
#[derive(Clone, Debug)]
pub struct SubscribeOptions {
    pub(crate) call: CallOptions,
    pub(crate) overflow: Overflow,
    /// In bytes.
    pub(crate) queue_limit: usize,
}

impl SubscribeOptions {
    /// How long to wait for the response. Default: what the connection was built with, 10 s.
    #[must_use]
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call = self.call.call_timeout(timeout);
        self
    }

    /// Whether the request must be what the model asks for (`length`, `range`, `pattern`, `uniqueItems`)
    /// before it is sent. Default: what the connection was built with, `false`.
    #[must_use]
    pub fn validate_request(mut self, validate: bool) -> Self {
        self.call = self.call.validate_request(validate);
        self
    }

    /// What happens when events come faster than they are read. Default: [`Overflow::End`].
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// How much memory the events that wait to be read may take, in bytes. Default: 16 MiB.
    ///
    /// It covers all that is allocated for them: the queue itself, which takes about 100 bytes for each event, and
    /// the buffers that the messages lie in. A message of more than 4 KiB may keep a buffer of up to 4 times its
    /// length, which it may share with others. An event that is larger than the limit by itself is still queued if
    /// nothing else waits.
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

/// What happens to a subscription whose queue is full.
///
/// The connection is read in any case: a slow subscriber affects nothing but its own events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// It ends: what is queued is delivered, then [`SdkError::Lagged`](crate::error::SdkError::Lagged)
    /// says how much was not. Nothing is lost silently.
    #[default]
    End,
    /// The oldest events are dropped, and counted.
    DropOldest,
    /// Only the latest event is kept; what it replaces is counted.
    LatestOnly,
}
