//! Finds out who keeps which promise; see the library.

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

  table           puts every client and the server to every promise, and writes the table in its README.md
  table --check   puts this project's clients and server to every promise, and compares
  run <n> <m>     one promise and one column of the table, both counted from 1, with what is said
  driver          makes calls as it is told, one JSON object per line
  driver blocking the same with the blocking client
";

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["table"] => write_table().await,
        ["table", "--check"] => check_table().await,
        ["run", row, subject] => run(row, subject).await,
        ["driver"] => driver::run().await.map(|()| ExitCode::SUCCESS),
        // It may block this thread: nothing else is to run.
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
    for (outcome, says) in &differences {
        println!("the table says {says:?} where the run said");
        print(outcome);
    }
    Ok(if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run(row: &str, subject: &str) -> Result<ExitCode> {
    let said = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG);
    said.without_time().with_target(false).init();
    let place = |text: &str| text.parse::<usize>().ok().and_then(|it| it.checked_sub(1));
    let row = place(row).and_then(|it| Row::ALL.get(it)).context("there is no such promise")?;
    let subject = place(subject).and_then(|it| Subject::ALL.get(it));
    let subject = *subject.context("there is no such column")?;
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
