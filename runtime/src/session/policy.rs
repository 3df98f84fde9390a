//! How a connection comes back.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::error::{ConnectError, ConnectionError, Logged};

/// How a connection comes back after it was lost.
///
/// # Whether to use it
///
/// A nucleus that restarts hands out new tokens and starts its components again. A component that the
/// nucleus has started holds a token that will be refused then, and its replacement may already be
/// starting: the right thing for it is to exit when
/// [`Connection::closed`](crate::client::Connection::closed) resolves, which is what happens without a policy.
///
/// A policy is for processes that get a token in some other way (the
/// [`Credentials`](super::Credentials) are asked at each attempt), for servers that keep tokens, for
/// connections that drop without a restart, and for nucleus lite's connect by component name.
///
/// # What happens
///
/// Calls in flight fail with an error that says whether the request had been written. Calls made while the
/// connection is down fail at once with
/// [`ConnectionError::Reconnecting`](crate::error::ConnectionError::Reconnecting), or
/// [wait](Self::calls_wait). Subscriptions stay: they are opened again with their original request, in
/// their original order, and say so with a [`Notice`](super::Notice). Those on which this side has sent
/// events end. One that the server denies now ends with that denial.
///
/// When an attempt fails, the next waits longer, up to [`max_backoff`](Self::max_backoff), and so does the one
/// after a connection that is lost again before that time has passed; each wait is cut
/// by a random part, up to a half, so that the clients of one server do not come back all at once.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct ReconnectPolicy {
    pub(crate) initial_backoff: Duration,
    pub(crate) max_backoff: Duration,
    pub(crate) max_attempts: u32,
    pub(crate) max_rejections: u32,
    pub(crate) calls_wait: bool,
}

impl Default for ReconnectPolicy {
    fn default() -> Self {
        Self {
            initial_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(30),
            max_attempts: 30,
            max_rejections: 3,
            calls_wait: false,
        }
    }
}

impl ReconnectPolicy {
    /// How long to wait before the first attempt; each further one waits twice as long. Default: 100 ms.
    pub fn initial_backoff(mut self, backoff: Duration) -> Self {
        self.initial_backoff = backoff;
        self
    }

    /// How long to wait before an attempt at most. Default: 30 s.
    pub fn max_backoff(mut self, backoff: Duration) -> Self {
        self.max_backoff = backoff;
        self
    }

    /// How many attempts in a row may fail, at least one. After the last the connection ends with
    /// [`ConnectionError::ReconnectFailed`](crate::error::ConnectionError::ReconnectFailed). Default: 30,
    /// which takes between 6 and 12 minutes with the other defaults.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// How many times in one outage the server may refuse this side, at least once. After the last the
    /// connection ends with
    /// [`ConnectionError::ReconnectRejected`](crate::error::ConnectionError::ReconnectRejected). Default:
    /// 3.
    ///
    /// Only an answer that refuses counts. A server that closes the socket instead of answering may be about to
    /// stop, which says nothing about the token. Nucleus lite refuses in this way too: there
    /// [`max_attempts`](Self::max_attempts) ends the attempts.
    pub fn max_rejections(mut self, rejections: u32) -> Self {
        self.max_rejections = rejections;
        self
    }

    /// Lets calls that are made while the connection is down wait for it, until their own time is up.
    /// Default: they fail at once.
    pub fn calls_wait(mut self, wait: bool) -> Self {
        self.calls_wait = wait;
        self
    }

    /// How long to wait before the next attempt, after so many have failed.
    fn backoff(&self, failures: u32) -> Duration {
        let doubled = 1_u32.checked_shl(failures).filter(|it| *it > 0).unwrap_or(u32::MAX);
        let backoff = self.initial_backoff.saturating_mul(doubled).min(self.max_backoff);
        // Each has other keys, so that this is as random as a hash map.
        let random = RandomState::new().hash_one(failures) as u32;
        backoff - backoff.mul_f64(f64::from(random) / f64::from(u32::MAX) / 2.0)
    }
}

/// The attempts to come back, over all outages: how many have failed in this one, and how well the connection
/// held before.
#[derive(Debug)]
pub(crate) struct Attempts {
    policy: ReconnectPolicy,
    failures: u32,
    rejections: u32,
    /// Connections in a row that were lost soon after they were back.
    drops: u32,
    back: Option<Instant>,
}

impl Attempts {
    pub(crate) fn new(policy: ReconnectPolicy) -> Self {
        Self { policy, failures: 0, rejections: 0, drops: 0, back: None }
    }

    /// The connection is back.
    pub(crate) fn succeeded(&mut self, now: Instant) {
        self.failures = 0;
        self.rejections = 0;
        self.back = Some(now);
    }

    /// It is lost again: one that held starts afresh, one that did not waits longer.
    pub(crate) fn lost(&mut self, now: Instant) {
        let held_for = self.back.take().map(|it| now.duration_since(it));
        let held = held_for.is_none_or(|it| it >= self.policy.max_backoff);
        self.drops = if held { 0 } else { self.drops.saturating_add(1) };
    }

    /// How long to wait before the next.
    pub(crate) fn backoff(&self) -> Duration {
        self.policy.backoff(self.failures.saturating_add(self.drops))
    }

    /// Counts one that failed.
    ///
    /// # Errors
    ///
    /// There is no point in another.
    pub(crate) fn failed(&mut self, error: Arc<ConnectError>) -> Result<(), ConnectionError> {
        tracing::debug!(target: crate::LOG_TARGET, error = %Logged(&*error), "connect failed");
        self.failures += 1;
        if let ConnectError::Rejected = *error {
            self.rejections += 1;
            if self.rejections >= self.policy.max_rejections {
                return Err(ConnectionError::ReconnectRejected(error));
            }
        }
        match self.failures >= self.policy.max_attempts {
            true => Err(ConnectionError::ReconnectFailed(error)),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_limit_and_keep_at_least_half() {
        let policy = ReconnectPolicy::default();
        for (failures, millis) in [(0, 100), (1, 200), (5, 3_200), (9, 30_000), (40, 30_000)] {
            let longest = Duration::from_millis(millis);
            for _ in 0..50 {
                let backoff = policy.backoff(failures);
                assert!(backoff <= longest && backoff * 2 >= longest, "{failures}: {backoff:?}");
            }
        }
    }

    #[test]
    fn a_connection_that_is_dropped_at_once_is_waited_for_longer_each_time() {
        let mut attempts = Attempts::new(ReconnectPolicy::default());
        let now = Instant::now();
        for _ in 0..20 {
            attempts.lost(now);
            attempts.succeeded(now);
        }
        attempts.lost(now);
        assert!(attempts.backoff() >= Duration::from_secs(15), "{:?}", attempts.backoff());
        // One that holds is as good as new.
        attempts.succeeded(now);
        attempts.lost(now + attempts.policy.max_backoff);
        assert_eq!(attempts.drops, 0);
    }

    #[test]
    fn only_an_answer_that_refuses_counts_as_a_refusal() {
        let policy = ReconnectPolicy::default().max_attempts(5).max_rejections(2);
        let mut attempts = Attempts::new(policy);
        // A server that stops accepts and closes.
        for _ in 0..3 {
            attempts.failed(Arc::new(ConnectError::ClosedDuringHandshake)).unwrap();
        }
        attempts.failed(Arc::new(ConnectError::Rejected)).unwrap();
        let mut refused = Attempts { failures: 0, ..attempts };
        let error = refused.failed(Arc::new(ConnectError::Rejected)).unwrap_err();
        assert!(matches!(error, ConnectionError::ReconnectRejected(_)), "{error:?}");
        let mut closed = Attempts { failures: 4, rejections: 1, ..refused };
        let error = closed.failed(Arc::new(ConnectError::ClosedDuringHandshake)).unwrap_err();
        assert!(matches!(error, ConnectionError::ReconnectFailed(_)), "{error:?}");
    }

    #[test]
    fn waits_differ() {
        let policy = ReconnectPolicy::default();
        let first = policy.backoff(3);
        assert!((0..20).any(|_| policy.backoff(3) != first));
    }
}
