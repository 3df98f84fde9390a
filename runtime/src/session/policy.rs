//! Reconnecting: when a client opens a lost connection again.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::error::{ConnectError, ConnectionError, Logged};

/// A policy for reconnecting: when, and how many times, a client tries to open a lost connection again.
///
/// # When to use it
///
/// A component that the nucleus started should not use a policy. When the nucleus restarts it issues new tokens and
/// starts its components again: the old token is rejected, and a new instance of the component may already be starting.
/// Such a component should exit when [`Connection::closed`](crate::client::Connection::closed) resolves.
///
/// A policy is for processes that get a token in another way (the [`Credentials`](super::Credentials) are called at
/// each attempt), for servers that keep tokens, for connections that are lost without a restart, and for connections to
/// nucleus lite by component name, which need no token.
///
/// # What happens
///
/// Calls in flight fail with an error that says whether the request had been written. Calls made during the outage fail
/// immediately with [`ConnectionError::Reconnecting`](crate::error::ConnectionError::Reconnecting), or
/// [wait](Self::calls_wait). Subscriptions are opened again with their original request and in their original order,
/// and report it with a [`Notice`](super::Notice). A subscription on which this side has sent events ends. If the
/// server denies a subscription when it is opened again, the subscription ends with that error.
///
/// The time between attempts doubles with each failure, up to [`max_backoff`](Self::max_backoff), and also when a
/// connection is lost again before that time has passed. Each wait is reduced by a random part of up to a half, so that
/// the clients of one server do not connect all at the same time.
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
    /// Sets the time before the first attempt, which doubles with each further attempt. Default: 100 ms.
    pub fn initial_backoff(mut self, backoff: Duration) -> Self {
        self.initial_backoff = backoff;
        self
    }

    /// Sets the longest time before an attempt. Default: 30 s.
    pub fn max_backoff(mut self, backoff: Duration) -> Self {
        self.max_backoff = backoff;
        self
    }

    /// Sets the number of failed attempts in a row after which the connection ends with
    /// [`ConnectionError::ReconnectFailed`](crate::error::ConnectionError::ReconnectFailed). 0 counts as 1. Default:
    /// 30, which takes between 6 and 12 minutes with the other defaults.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// Sets the number of rejections in one outage after which the connection ends with
    /// [`ConnectionError::ReconnectRejected`](crate::error::ConnectionError::ReconnectRejected). 0 counts as 1.
    /// Default: 3.
    ///
    /// Only an answer of the server counts as a rejection. A server that closes the socket without an answer may be
    /// stopping, which says nothing about the token. Nucleus lite rejects a client in this way: there
    /// [`max_attempts`](Self::max_attempts) ends the attempts.
    pub fn max_rejections(mut self, rejections: u32) -> Self {
        self.max_rejections = rejections;
        self
    }

    /// Sets whether calls made during an outage wait until the connection is open again, limited by their own timeout.
    /// Default: they fail immediately.
    pub fn calls_wait(mut self, wait: bool) -> Self {
        self.calls_wait = wait;
        self
    }

    /// The time before the next attempt after this number of failures.
    fn backoff(&self, failures: u32) -> Duration {
        let doubled = 1_u32.checked_shl(failures).filter(|it| *it > 0).unwrap_or(u32::MAX);
        let backoff = self.initial_backoff.saturating_mul(doubled).min(self.max_backoff);
        // Each `RandomState` has other keys, so the hash is a random number.
        let random = RandomState::new().hash_one(failures) as u32;
        backoff - backoff.mul_f64(f64::from(random) / f64::from(u32::MAX) / 2.0)
    }
}

/// Counts the attempts to open a lost connection again.
#[derive(Debug)]
pub(crate) struct Attempts {
    policy: ReconnectPolicy,
    /// Failed attempts in this outage.
    failures: u32,
    /// Rejections in this outage.
    rejections: u32,
    /// Connections in a row that were lost less than `max_backoff` after they had been opened again.
    short_lived: u32,
    opened_at: Option<Instant>,
}

impl Attempts {
    pub(crate) fn new(policy: ReconnectPolicy) -> Self {
        Self { policy, failures: 0, rejections: 0, short_lived: 0, opened_at: None }
    }

    /// Records that the connection is open again.
    pub(crate) fn succeeded(&mut self, now: Instant) {
        self.failures = 0;
        self.rejections = 0;
        self.opened_at = Some(now);
    }

    /// Records that the connection is lost. If it was open for less than `max_backoff`, the next attempt is made later.
    pub(crate) fn lost(&mut self, now: Instant) {
        let open_for = self.opened_at.take().map(|it| now.duration_since(it));
        let is_short = open_for.is_some_and(|it| it < self.policy.max_backoff);
        self.short_lived = if is_short { self.short_lived.saturating_add(1) } else { 0 };
    }

    /// The time before the next attempt.
    pub(crate) fn backoff(&self) -> Duration {
        self.policy.backoff(self.failures.saturating_add(self.short_lived))
    }

    /// Counts a failed attempt.
    ///
    /// # Errors
    ///
    /// The policy allows no further attempt.
    pub(crate) fn failed(&mut self, error: Arc<ConnectError>) -> Result<(), ConnectionError> {
        tracing::debug!(target: crate::LOG_TARGET, error = %Logged(&*error), "connect failed");
        self.failures += 1;
        if let ConnectError::Rejected = *error {
            self.rejections += 1;
            if self.rejections >= self.policy.max_rejections {
                return Err(ConnectionError::ReconnectRejected(error));
            }
        }
        if self.failures >= self.policy.max_attempts {
            return Err(ConnectionError::ReconnectFailed(error));
        }
        Ok(())
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
    fn a_connection_that_is_lost_immediately_is_waited_for_longer_each_time() {
        let mut attempts = Attempts::new(ReconnectPolicy::default());
        let now = Instant::now();
        for _ in 0..20 {
            attempts.lost(now);
            attempts.succeeded(now);
        }
        attempts.lost(now);
        assert!(attempts.backoff() >= Duration::from_secs(15), "{:?}", attempts.backoff());
        // A connection that was open for `max_backoff` resets the count.
        attempts.succeeded(now);
        attempts.lost(now + attempts.policy.max_backoff);
        assert_eq!(attempts.short_lived, 0);
    }

    #[test]
    fn only_an_answer_of_the_server_counts_as_a_rejection() {
        let policy = ReconnectPolicy::default().max_attempts(5).max_rejections(2);
        let mut attempts = Attempts::new(policy);
        // A server that is stopping accepts a connection and closes it without an answer.
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
