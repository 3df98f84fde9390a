//! Finds out who keeps which promise; see the library.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use conformance::{column::Column, driver, row::Row};

const USAGE: &str = "\
Usage: cargo run -p conformance -- <command>

  run <n> <m>     runs promise n, counted from 1, with client m, counted from 1
  driver          makes calls as it is told, one JSON object per line
";

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["driver"] => driver::run().await?,
        ["run", row, column] => run(row, column).await?,
        _ => bail!(USAGE),
    }
    Ok(ExitCode::SUCCESS)
}

async fn run(row: &str, column: &str) -> Result<()> {
    let place = |text: &str| text.parse::<usize>().ok().and_then(|it| it.checked_sub(1));
    let row = place(row).and_then(|it| Row::ALL.get(it)).context("there is no such promise")?;
    let column =
        place(column).and_then(|it| Column::ALL.get(it)).context("there is no such client")?;
    println!("{}, {}: {:?}", row.title(), column.title(), row.of_client(*column).await?);
    Ok(())
}
