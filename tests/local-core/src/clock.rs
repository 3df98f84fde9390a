//! The time that a core goes by.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tokio::sync::watch;

/// The clock of a core: of timestamps, and of the time limits of lifecycles and deferred updates. Delays of calls, the
/// expiry of MQTT messages and the end of processes have the time of tokio. Default: the clock of the system.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<Manual>>);

/// A clock that stands still until it is advanced.
#[derive(Debug)]
struct Manual {
    start: (SystemTime, Instant),
    elapsed: watch::Sender<Duration>,
}

impl Clock {
    /// A clock that shows this time until a test advances it. Clones show the same time.
    pub fn manual(now: SystemTime) -> Self {
        let elapsed = watch::Sender::new(Duration::ZERO);
        Self(Some(Arc::new(Manual { start: (now, Instant::now()), elapsed })))
    }

    /// Advances the clock. What is due within this time happens now.
    ///
    /// # Panics
    ///
    /// If the clock is that of the system.
    pub fn advance(&self, time: Duration) {
        let manual = self.0.as_ref().expect("the clock of the system cannot be advanced");
        manual.elapsed.send_modify(|it| *it += time);
    }

    /// The current time.
    pub fn now(&self) -> SystemTime {
        match &self.0 {
            None => SystemTime::now(),
            Some(it) => it.start.0 + *it.elapsed.borrow(),
        }
    }

    /// The current time, to measure durations. That of the system is paused with the clock of tokio.
    pub(crate) fn instant(&self) -> Instant {
        match &self.0 {
            None => tokio::time::Instant::now().into_std(),
            Some(it) => it.start.1 + *it.elapsed.borrow(),
        }
    }

    /// Waits for a time.
    pub(crate) async fn sleep_until(&self, deadline: Instant) {
        let Some(manual) = &self.0 else { return tokio::time::sleep_until(deadline.into()).await };
        let start = manual.start.1;
        let mut elapsed = manual.elapsed.subscribe();
        // The sender is not dropped before this clock.
        let _ = elapsed.wait_for(|it| start + *it >= deadline).await;
    }

    /// Waits for a future until a time. Returns `None` if the time is over.
    pub(crate) async fn until<F: Future>(&self, deadline: Instant, future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = self.sleep_until(deadline) => None,
        }
    }

    /// Waits for a duration.
    pub(crate) async fn sleep(&self, time: Duration) {
        self.sleep_until(self.instant() + time).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use test_util::poll_once;

    use super::*;

    #[tokio::test]
    async fn a_manual_clock_moves_only_when_it_is_advanced() {
        let clock = Clock::manual(UNIX_EPOCH);
        let copy = clock.clone();
        let mut sleep = poll_once(copy.sleep(Duration::from_secs(3600))).await;
        for _ in 0..2 {
            clock.advance(Duration::from_secs(1200));
            poll_once(sleep.as_mut()).await;
        }
        clock.advance(Duration::from_secs(1200));
        test_util::in_time("the deadline", sleep).await;
        assert_eq!(copy.now(), UNIX_EPOCH + Duration::from_secs(3600));
        assert_eq!(copy.instant(), clock.instant());
    }

    #[tokio::test(start_paused = true)]
    async fn the_default_clock_is_that_of_the_system() {
        let before = SystemTime::now();
        let clock = Clock::default();
        assert!(clock.now() >= before);
        let start = clock.instant();
        clock.sleep(Duration::from_secs(60)).await;
        assert_eq!(clock.instant() - start, Duration::from_secs(60));
    }
}
