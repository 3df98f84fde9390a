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

/// How many drivers run at once.
const AT_ONCE: usize = 6;

/// How often a subject is put to a promise that it keeps by chance.
const BY_CHANCE_RUNS: u32 = 10;

const BEGIN: &str = "<!-- conformance: begin; written by `cargo run -p conformance -- table` -->\n";
const END: &str = "<!-- conformance: end -->\n";

/// What runs: one column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// This project's server.
    Server,
    /// A client.
    Client(Column),
}

impl Subject {
    /// All of them, in the order of the table.
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

    /// What the table calls it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Server => "server here",
            Self::Client(column) => column.title(),
        }
    }

    /// Puts it to a promise.
    ///
    /// # Errors
    ///
    /// Its driver cannot be built or started.
    pub async fn run(self, row: Row, patience: Duration) -> Result<Outcome> {
        let verdict = match self {
            Self::Server => row.of_server().await,
            Self::Client(column) => row.of_client(column, patience).await?,
        };
        Ok(Outcome { row, subject: self, verdict })
    }
}

impl Subject {
    /// Whether it keeps a promise in some runs and not in others, because its parts race.
    pub fn is_by_chance(self, row: Row) -> bool {
        // Its end of a stream and the event before are handed over in either order.
        matches!((self, row), (Self::Client(Column::JavaScript), Row::Terminate))
    }

    /// Puts it to a promise, several times if the outcome is chance: one failure is enough then.
    async fn run_often(self, row: Row) -> Result<Outcome> {
        let mut outcome = self.run(row, TIMEOUT).await?;
        if !self.is_by_chance(row) {
            return Ok(outcome);
        }
        let mut runs = 1;
        while outcome.verdict.is_ok() && runs < BY_CHANCE_RUNS {
            outcome = self.run(row, TIMEOUT).await?;
            runs += 1;
        }
        if let Err(Problem::Fails(how)) = &mut outcome.verdict {
            *how = format!("by chance: {how}");
        }
        Ok(outcome)
    }
}

/// What came of one promise with one subject.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The promise.
    pub row: Row,
    /// Who was asked to keep it.
    pub subject: Subject,
    /// Whether it was kept.
    pub verdict: Verdict,
}

/// Puts subjects to every promise; `progress` sees each outcome as it comes.
///
/// # Errors
///
/// A driver cannot be built or started.
pub async fn run(subjects: &[Subject], progress: fn(&Outcome)) -> Result<Vec<Outcome>> {
    for subject in subjects {
        // What has to be built or installed is, before anything is waited for.
        if let Subject::Client(column) = subject {
            column.driver()?;
        }
    }
    let turns = Rc::new(Semaphore::new(AT_ONCE));
    let tasks = LocalSet::new();
    let mut running = Vec::new();
    for row in Row::ALL.iter().copied() {
        for subject in subjects.iter().copied() {
            let turns = Rc::clone(&turns);
            running.push(tasks.spawn_local(async move {
                let _turn = turns.acquire().await?;
                let outcome = subject.run_often(row).await?;
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

/// The table in Markdown.
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

/// The README with another table.
///
/// # Errors
///
/// It has no place for one.
pub fn replace(readme: &str, table: &str) -> Result<String> {
    let (before, _, after) = parts(readme)?;
    Ok(format!("{before}{BEGIN}{table}{END}{after}"))
}

/// Which outcomes the table in a README does not have, and what it says instead. What counts is whether a
/// promise is kept, not the words for how it is broken.
///
/// # Errors
///
/// There is no table.
pub fn differences(readme: &str, outcomes: &[Outcome]) -> Result<Vec<(Outcome, String)>> {
    let (_, committed, _) = parts(readme)?;
    let mut differences = Vec::new();
    for outcome in outcomes {
        let title = outcome.row.title();
        let place = Subject::ALL.iter().position(|it| *it == outcome.subject);
        let says = committed
            .lines()
            .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
            .find(|cells| cells.get(1) == Some(&title))
            .and_then(|cells| Some(*cells.get(place? + 2)?));
        let expected = match &outcome.verdict {
            Ok(()) => "pass",
            Err(Problem::Fails(_)) => "fails",
            Err(Problem::NotApplicable(_)) => "n/a",
        };
        if !says.is_some_and(|it| it.starts_with(expected)) {
            differences.push((outcome.clone(), says.unwrap_or("nothing").to_owned()));
        }
    }
    Ok(differences)
}

fn parts(readme: &str) -> Result<(&str, &str, &str)> {
    let missing = "the README has no place for the table";
    let (before, rest) = readme.split_once(BEGIN).context(missing)?;
    let (table, after) = rest.split_once(END).context(missing)?;
    Ok((before, table, after))
}

/// The README of this package.
pub fn readme() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))
}
