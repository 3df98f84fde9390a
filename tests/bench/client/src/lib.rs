//! The common part of all benchmark clients: arguments, messages and results.
//!
//! A client is a process that is started as `CLIENT MODE [COUNT [SIZE]]`, with the socket and the token in the
//! environment variables of Greengrass. It prints its results as one line of `key=value` pairs. This crate must not
//! have other dependencies, because the linked code is part of the measurement.

use std::{
    fs,
    time::{Duration, Instant},
};

/// The topic to publish to.
pub const TOPIC: &str = "my/topic";

/// The operation to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Connects and publishes once. Measures the time from the start of the process to the first response.
    First,
    /// Publishes messages one at a time.
    Sequential,
    /// Publishes with 64 calls in flight.
    InFlight,
    /// Receives events.
    Events,
}

/// The number of calls in flight with [`Mode::InFlight`].
pub const IN_FLIGHT: usize = 64;

/// The arguments of a client.
#[derive(Clone, Copy, Debug)]
pub struct Args {
    /// The operation.
    pub mode: Mode,
    /// The number of calls or events.
    pub count: usize,
    /// The length of a message before it is encoded, in bytes.
    pub size: usize,
}

impl Args {
    /// Reads the arguments of the process.
    ///
    /// # Panics
    ///
    /// If the arguments are invalid.
    pub fn read() -> Self {
        let mut args = std::env::args().skip(1);
        let mode = match args.next().as_deref() {
            Some("first") => Mode::First,
            Some("sequential") => Mode::Sequential,
            Some("in-flight") => Mode::InFlight,
            Some("events") => Mode::Events,
            other => panic!("the mode is first, sequential, in-flight or events, not {other:?}"),
        };
        let mut number = |default| args.next().map_or(default, |it| it.parse().expect("a number"));
        Self { mode, count: number(1), size: number(1024) }
    }

    /// The message to publish.
    pub fn message(&self) -> Vec<u8> {
        (0..self.size).map(|index| (index * 31 + 7) as u8).collect()
    }

    /// The number of calls before the measurement.
    pub fn warm_up(&self) -> usize {
        if self.size > 10_000 { 3 } else { 500 }
    }

    /// The topic on which the minimal server sends `count` events of `size` bytes.
    pub fn events_topic(&self) -> String {
        format!("bench/{}/{}", self.count, self.size)
    }
}

/// The path of the socket.
///
/// # Panics
///
/// If the environment variable is missing.
pub fn socket() -> String {
    std::env::var("AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT").expect("the socket's path")
}

/// The measurement of sequential calls.
#[derive(Debug)]
pub struct Latencies {
    start: Instant,
    each: Vec<Duration>,
}

impl Latencies {
    /// Starts the measurement of `count` calls.
    pub fn start(count: usize) -> Self {
        Self { start: Instant::now(), each: Vec::with_capacity(count) }
    }

    /// Records the end of a call that began at `since`.
    pub fn done(&mut self, since: Instant) {
        self.each.push(since.elapsed());
    }

    /// Prints the results.
    pub fn report(mut self) {
        let total = self.start.elapsed();
        self.each.sort_unstable();
        let at = |share: usize| {
            let last = self.each.len().saturating_sub(1);
            self.each.get(last * share / 100).copied().unwrap_or_default().as_nanos()
        };
        line(self.each.len(), total, &format!("p50_ns={} p99_ns={} ", at(50), at(99)));
    }
}

/// Prints the results of `count` operations since a point in time.
pub fn report(count: usize, since: Instant) {
    line(count, since.elapsed(), "");
}

fn line(count: usize, total: Duration, more: &str) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let number = |key: &str| {
        let line = status.lines().find_map(|it| it.strip_prefix(key));
        line.and_then(|it| it.split_whitespace().next()).unwrap_or("0").to_owned()
    };
    println!(
        "count={count} total_ns={} {more}peak_kib={} threads={}",
        total.as_nanos(),
        number("VmHWM:"),
        number("Threads:"),
    );
}
