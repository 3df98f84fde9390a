//! Counting sessions and panics.

use std::{
    collections::BTreeMap,
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::faults::session::Report;

/// A table with the numbers of sessions and failures.
#[derive(Debug, Default)]
pub struct Tally {
    /// For each kind of fault: the sessions, those with failed steps, and the failed steps.
    rows: BTreeMap<String, [u64; 3]>,
}

impl Tally {
    pub(crate) fn add(&mut self, name: String, report: &Report) {
        let failed = report.steps.iter().filter(|it| it.outcome.is_err()).count() as u64;
        self.add_session(name, failed);
    }

    pub(crate) fn add_session(&mut self, name: String, failed: u64) {
        let row = self.rows.entry(name).or_default();
        row[0] += 1;
        row[1] += u64::from(failed > 0);
        row[2] += failed;
    }

    pub(crate) fn count(&mut self, name: &str, sessions: u64) {
        self.rows.entry(name.to_owned()).or_default()[0] += sessions;
    }

    /// The total number of sessions.
    pub fn sessions(&self) -> u64 {
        self.rows.values().map(|it| it[0]).sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<40} {:>9} {:>9} {:>12}", "", "sessions", "affected", "failed steps")?;
        for (name, [sessions, affected, failed]) in &self.rows {
            writeln!(f, "{name:<40} {sessions:>9} {affected:>9} {failed:>12}")?;
        }
        write!(f, "{:<40} {:>9}", "total", self.sessions())
    }
}

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Begins to count panics: a panic of a task would otherwise not be detected.
pub(crate) fn watch_panics() {
    static WATCH: std::sync::Once = std::sync::Once::new();
    WATCH.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.fetch_add(1, Ordering::Relaxed);
            before(info);
        }));
    });
}

/// The number of panics so far.
pub(crate) fn panics() -> usize {
    PANICS.load(Ordering::Relaxed)
}
