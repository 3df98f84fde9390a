//! The table of promises and clients in the README.

use std::{path::PathBuf, rc::Rc, time::Duration};

use anyhow::{Context, Result};
use tokio::{sync::Semaphore, task::LocalSet};

use crate::{
    column::Column,
    process::TIMEOUT,
    row::Row,
    verdict::{Problem, Verdict},
};

/// The number of drivers that run concurrently.
const CONCURRENCY: usize = 6;

/// The number of runs of a test whose result depends on a race.
const FLAKY_RUNS: u32 = 10;

const BEGIN: &str = "<!-- conformance: begin; written by `cargo run -p conformance -- table` -->\n";
const END: &str = "<!-- conformance: end -->\n";

/// A subject of the tests: a column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// This project's server.
    Server,
    /// A client.
    Client(Column),
}

impl Subject {
    /// All subjects, in the order of the table.
    pub const ALL: [Self; 8] = [
        Self::Client(Column::Ours),
        Self::Client(Column::OursBlocking),
        Self::Server,
        Self::Client(Column::PythonV1),
        Self::Client(Column::PythonV2),
        Self::Client(Column::JavaScript),
        Self::Client(Column::GreengrassIpcRust),
        Self::Client(Column::GreengrassIpc),
    ];

    /// The title of the column.
    pub fn title(self) -> &'static str {
        match self {
            Self::Server => "server here",
            Self::Client(column) => column.title(),
        }
    }

    /// Tests a promise.
    ///
    /// # Errors
    ///
    /// If the driver cannot be built or started.
    pub async fn run(self, row: Row, timeout: Duration) -> Result<Outcome> {
        let verdict = match self {
            Self::Server => row.of_server().await,
            Self::Client(column) => row.of_client(column, timeout).await?,
        };
        Ok(Outcome { row, subject: self, verdict })
    }
}

impl Subject {
    /// Whether the result of a test differs between runs because of a race in the subject.
    pub fn is_flaky(self, row: Row) -> bool {
        // The JavaScript SDK delivers the end of a stream and the event before it in any order.
        matches!((self, row), (Self::Client(Column::JavaScript), Row::Terminate))
    }

    /// Tests a promise. A flaky test is repeated until it fails once.
    async fn run_repeatedly(self, row: Row) -> Result<Outcome> {
        let mut outcome = self.run(row, TIMEOUT).await?;
        if !self.is_flaky(row) {
            return Ok(outcome);
        }
        let mut runs = 1;
        while outcome.verdict.is_ok() && runs < FLAKY_RUNS {
            outcome = self.run(row, TIMEOUT).await?;
            runs += 1;
        }
        if let Err(Problem::Fails(how)) = &mut outcome.verdict {
            *how = format!("sometimes: {how}");
        }
        Ok(outcome)
    }
}

/// The result of testing one promise of one subject.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The promise.
    pub row: Row,
    /// The subject.
    pub subject: Subject,
    /// Whether the promise is kept.
    pub verdict: Verdict,
}

/// Tests each promise of the subjects. `progress` is called with each outcome.
///
/// # Errors
///
/// If a driver cannot be built or started.
pub async fn run(subjects: &[Subject], progress: fn(&Outcome)) -> Result<Vec<Outcome>> {
    for subject in subjects {
        // Installs and builds the drivers before any test starts.
        if let Subject::Client(column) = subject {
            column.driver()?;
        }
    }
    let permits = Rc::new(Semaphore::new(CONCURRENCY));
    let tasks = LocalSet::new();
    let mut running = Vec::new();
    for row in Row::ALL.iter().copied() {
        for subject in subjects.iter().copied() {
            let permits = Rc::clone(&permits);
            running.push(tasks.spawn_local(async move {
                let _permit = permits.acquire().await?;
                let outcome = subject.run_repeatedly(row).await?;
                progress(&outcome);
                anyhow::Ok(outcome)
            }));
        }
    }
    let all = async {
        let mut outcomes = Vec::new();
        for task in running {
            outcomes.push(task.await??);
        }
        Ok(outcomes)
    };
    tasks.run_until(all).await
}

/// Renders the table in Markdown.
pub fn render(outcomes: &[Outcome]) -> String {
    let mut notes: Vec<&str> = Vec::new();
    let mut table = String::from("| promise |");
    for subject in Subject::ALL {
        table.push_str(&format!(" {} |", subject.title()));
    }
    table.push_str(&format!("\n|---|{}\n", "---|".repeat(Subject::ALL.len())));
    for row in Row::ALL {
        table.push_str(&format!("| {} |", row.title()));
        for subject in Subject::ALL {
            let outcome = outcomes.iter().find(|it| it.row == *row && it.subject == subject);
            let cell = match outcome.map(|it| &it.verdict) {
                None => "not run".to_owned(),
                Some(Ok(())) => "pass".to_owned(),
                Some(Err(Problem::Fails(how))) => format!("fails: {how}"),
                Some(Err(Problem::NotApplicable(why))) => {
                    let known = notes.iter().position(|it| it == why);
                    let note = known.unwrap_or_else(|| {
                        notes.push(why);
                        notes.len() - 1
                    });
                    format!("n/a <sup>{}</sup>", note + 1)
                }
            };
            table.push_str(&format!(" {cell} |"));
        }
        table.push('\n');
    }
    for (number, note) in notes.iter().enumerate() {
        table.push_str(&format!("\n<sup>{}</sup> {note}.\n", number + 1));
    }
    table
}

/// Replaces the table in a README.
///
/// # Errors
///
/// If the README has no table.
pub fn replace(readme: &str, table: &str) -> Result<String> {
    let (before, _, after) = parts(readme)?;
    Ok(format!("{before}{BEGIN}{table}{END}{after}"))
}

/// The outcomes that differ from the table in a README, each with the cell of the table. Only whether a promise is kept
/// is compared, not the description of a failure.
///
/// # Errors
///
/// If the README has no table.
pub fn differences(readme: &str, outcomes: &[Outcome]) -> Result<Vec<(Outcome, String)>> {
    let (_, committed, _) = parts(readme)?;
    let mut differences = Vec::new();
    for outcome in outcomes {
        let title = outcome.row.title();
        let column = Subject::ALL.iter().position(|it| *it == outcome.subject);
        let cell = committed
            .lines()
            .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
            .find(|cells| cells.get(1) == Some(&title))
            .and_then(|cells| Some(*cells.get(column? + 2)?));
        let expected = match &outcome.verdict {
            Ok(()) => "pass",
            Err(Problem::Fails(_)) => "fails",
            Err(Problem::NotApplicable(_)) => "n/a",
        };
        if !cell.is_some_and(|it| it.starts_with(expected)) {
            differences.push((outcome.clone(), cell.unwrap_or("nothing").to_owned()));
        }
    }
    Ok(differences)
}

fn parts(readme: &str) -> Result<(&str, &str, &str)> {
    let missing = "the README has no table";
    let (before, rest) = readme.split_once(BEGIN).context(missing)?;
    let (table, after) = rest.split_once(END).context(missing)?;
    Ok((before, table, after))
}

/// The path of this package's README.
pub fn readme() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))
}
