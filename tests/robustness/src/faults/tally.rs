//! Counting what was tried.

use std::{
    collections::BTreeMap,
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::faults::session::Report;

/// How many sessions there were, and how they went.
#[derive(Debug, Default)]
pub struct Tally {
    /// By what was done: sessions, those in which something failed, and the steps that failed.
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

    /// All sessions.
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
        write!(f, "{:<40} {:>9}", "in all", self.sessions())
    }
}

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Counts panics from now on: one in a task does not show otherwise.
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

/// How many panics there have been.
pub(crate) fn panics() -> usize {
    PANICS.load(Ordering::Relaxed)
}
