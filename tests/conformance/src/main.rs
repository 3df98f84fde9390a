//! Runs the conformance tests and writes the table in the README. See the library's documentation.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use conformance::{
    blocking_driver, driver,
    process::TIMEOUT,
    row::Row,
    table::{self, Outcome, Subject},
};

const USAGE: &str = "\
Usage: cargo run -p conformance -- <command>

  table            tests each client and the server, and writes the table in README.md
  table --check    tests this project's clients and server, and compares the results with the table
  run <n> <m>      tests row n and column m of the table, counted from 1, and prints all messages
  driver           runs the driver of the asynchronous client: one JSON command per line
  driver blocking  runs the driver of the blocking client
";

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["table"] => write_table().await,
        ["table", "--check"] => check_table().await,
        ["run", row, subject] => run(row, subject).await,
        ["driver"] => driver::run().await.map(|()| ExitCode::SUCCESS),
        // May block this thread: no other task runs.
        ["driver", "blocking"] => blocking_driver::run().map(|()| ExitCode::SUCCESS),
        _ => bail!(USAGE),
    }
}

async fn write_table() -> Result<ExitCode> {
    let outcomes = table::run(&Subject::ALL, print).await?;
    let path = table::readme();
    let readme = std::fs::read_to_string(&path)?;
    std::fs::write(&path, table::replace(&readme, &table::render(&outcomes))?)?;
    println!("written to {}", path.display());
    Ok(ExitCode::SUCCESS)
}

async fn check_table() -> Result<ExitCode> {
    let outcomes = table::run(&Subject::ALL[..3], print).await?;
    let differences = table::differences(&std::fs::read_to_string(table::readme())?, &outcomes)?;
    for (outcome, cell) in &differences {
        println!("the table has {cell:?}, but the result is");
        print(outcome);
    }
    Ok(if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run(row: &str, subject: &str) -> Result<ExitCode> {
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG);
    subscriber.without_time().with_target(false).init();
    let index = |text: &str| text.parse::<usize>().ok().and_then(|it| it.checked_sub(1));
    let row = index(row).and_then(|it| Row::ALL.get(it)).context("no such row")?;
    let subject = index(subject).and_then(|it| Subject::ALL.get(it));
    let subject = *subject.context("no such column")?;
    print(&subject.run(*row, TIMEOUT).await?);
    Ok(ExitCode::SUCCESS)
}

fn print(outcome: &Outcome) {
    let verdict = match &outcome.verdict {
        Ok(()) => "pass".to_owned(),
        Err(problem) => problem.to_string(),
    };
    println!("{}, {}: {verdict}", outcome.row.title(), outcome.subject.title());
}
