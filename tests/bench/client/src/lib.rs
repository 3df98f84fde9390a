//! What every measured client shares: its arguments, what it sends, and the line with which it reports.
//!
//! A client is a process: `CLIENT MODE [COUNT [SIZE]]`, with the socket and the token in the environment
//! variables of Greengrass. It prints one line of `key=value` pairs when it is done. Nothing here may
//! depend on another crate: what a client links is part of what is measured.

use std::{
    fs,
    time::{Duration, Instant},
};

/// The topic that is published to.
pub const TOPIC: &str = "my/topic";

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Connects and publishes once: from the start of the process to the first response.
    First,
    /// Publishes one message after the other.
    Sequential,
    /// Publishes with 64 calls in flight.
    InFlight,
    /// Receives events.
    Events,
}

/// How many calls are in flight with [`Mode::InFlight`].
pub const IN_FLIGHT: usize = 64;

/// The arguments of a client.
#[derive(Clone, Copy, Debug)]
pub struct Args {
    /// What to do.
    pub mode: Mode,
    /// How many calls or events.
    pub count: usize,
    /// The length of a message before it is encoded, in bytes.
    pub size: usize,
}

impl Args {
    /// Reads the arguments of the process.
    ///
    /// # Panics
    ///
    /// Arguments that are not of the form above.
    pub fn read() -> Self {
        let mut args = std::env::args().skip(1);
        let mode = match args.next().as_deref() {
            Some("first") => Mode::First,
            Some("sequential") => Mode::Sequential,
            Some("in-flight") => Mode::InFlight,
            Some("events") => Mode::Events,
            other => panic!("first, sequential, in-flight or events, not {other:?}"),
        };
        let mut number = |default| args.next().map_or(default, |it| it.parse().expect("a number"));
        Self { mode, count: number(1), size: number(1024) }
    }

    /// The message to publish.
    pub fn message(&self) -> Vec<u8> {
        (0..self.size).map(|index| (index * 31 + 7) as u8).collect()
    }

    /// How many calls to make before the clock starts.
    pub fn warm_up(&self) -> usize {
        if self.size > 10_000 { 3 } else { 500 }
    }

    /// The topic on which the minimal server sends so many events of that size.
    pub fn events_topic(&self) -> String {
        format!("bench/{}/{}", self.count, self.size)
    }
}

/// The path of the socket.
///
/// # Panics
///
/// Without the environment variable.
pub fn socket() -> String {
    std::env::var("AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT").expect("the socket's path")
}

/// Measures calls one after the other.
#[derive(Debug)]
pub struct Latencies {
    start: Instant,
    each: Vec<Duration>,
}

impl Latencies {
    /// Starts the clock for so many calls.
    pub fn start(count: usize) -> Self {
        Self { start: Instant::now(), each: Vec::with_capacity(count) }
    }

    /// A call that was started then is done.
    pub fn done(&mut self, since: Instant) {
        self.each.push(since.elapsed());
    }

    /// Prints the report.
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

/// Prints the report of so many operations since a point in time.
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
