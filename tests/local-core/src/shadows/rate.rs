//! The limit of the number of requests.

use std::{
    collections::HashMap,
    hash::BuildHasher,
    time::{Duration, Instant},
};

/// The number of things from which on those without recent requests are forgotten.
const MAX_THINGS: usize = 1000;

/// The maximum numbers of requests per second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    pub(super) per_thing: f64,
    pub(super) total: f64,
}

/// Counts requests. In each second, as many are permitted as the rate says, also at once.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    total: Meter,
    /// By the hash of the name, which may be long.
    things: HashMap<u64, Meter>,
}

impl Limiter {
    /// Counts a request, if it is permitted.
    pub(super) fn permits(&mut self, thing: &str, rates: Rates, now: Instant) -> bool {
        if self.things.len() >= MAX_THINGS {
            self.things.retain(|_, it| it.is_busy(now));
        }
        let key = self.things.hasher().hash_one(thing);
        let of_thing = self.things.entry(key).or_default();
        of_thing.permits(rates.per_thing, now) && self.total.permits(rates.total, now)
    }
}

#[derive(Debug, Default)]
struct Meter {
    /// When the past requests are used up at the permitted rate.
    used_until: Option<Instant>,
}

impl Meter {
    fn permits(&mut self, rate: f64, now: Instant) -> bool {
        let interval = Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX);
        let start = self.used_until.map_or(now, |it| it.max(now));
        // Before that time, the requests of a second are used.
        let used = start.duration_since(now).saturating_add(interval);
        let is_permitted = used <= Duration::from_secs(1).max(interval);
        if is_permitted {
            self.used_until = start.checked_add(interval);
        }
        is_permitted
    }

    fn is_busy(&self, now: Instant) -> bool {
        self.used_until.is_some_and(|it| it > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_a_second_are_permitted_at_once_and_then_at_the_rate() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        let rates = Rates { per_thing: 20.0, total: 30.0 };
        let mut permitted = |thing: &str, millis: u64, count: usize| {
            let now = start + Duration::from_millis(millis);
            (0..count).filter(|_| limiter.permits(thing, rates, now)).count()
        };
        assert_eq!(permitted("a", 0, 100), 20);
        assert_eq!(permitted("b", 0, 100), 10, "the total is used up");
        assert_eq!(permitted("a", 49, 100), 0);
        assert_eq!(permitted("a", 50, 100), 1);
        assert_eq!(permitted("a", 10_000, 100), 20, "unused requests of earlier seconds are lost");
    }

    #[test]
    fn things_without_recent_requests_are_forgotten() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        let rates = Rates { per_thing: 20.0, total: 1e9 };
        for at in 0..5_000 {
            let now = start + Duration::from_millis(at);
            assert!(limiter.permits(&at.to_string(), rates, now));
        }
        assert!(limiter.things.len() <= MAX_THINGS, "{}", limiter.things.len());
    }
}
