//! Runs an endurance test and prints its measurements.

use std::{path::Path, process::ExitCode, time::Duration};

use anyhow::{Context, Result, bail};
use robustness::endurance::{Serve, kills, restarts, serve, soak};

const USAGE: &str = "usage: endurance restarts [--count 300] [--seed 1]
       endurance kills [--count 100]
       endurance soak [--minutes 10] [--seed 1]";

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    match run(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("endurance: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &[&str]) -> Result<()> {
    let program = std::env::current_exe()?;
    let [command, options @ ..] = args else { bail!(USAGE) };
    match *command {
        // The commands of the child processes.
        "serve" => return serve(Serve::from_args(options)?).await,
        "subscribe" => {
            let [path] = *options else { bail!("usage: endurance subscribe PATH") };
            return kills::subscribe(Path::new(path)).await;
        }
        _ => {}
    }
    let seed = option(options, "--seed", 1)?;
    match *command {
        "restarts" => {
            let count = option(options, "--count", 300)?;
            println!("{count} restarts that keep tokens valid, seed {seed}");
            println!("{}", restarts::with_valid_tokens(&program, count, seed).await?);
            println!("{count} restarts that invalidate tokens, seed {seed}");
            println!("{}", restarts::with_invalidated_tokens(&program, count, seed).await?);
        }
        "kills" => {
            let count = option(options, "--count", 100)?;
            println!("{count} rounds that each kill {} subscribers during a flood", kills::VICTIMS);
            println!("{}", kills::run(&program, count).await?);
        }
        "soak" => {
            let minutes = option(options, "--minutes", 10)?;
            println!("{minutes} minutes of mixed traffic, seed {seed}");
            let rounds = soak::Rounds { count: minutes * 6, length: Duration::from_secs(10) };
            println!("{}", soak::run(&program, rounds, seed).await?);
        }
        _ => bail!(USAGE),
    }
    Ok(())
}

fn option(options: &[&str], name: &str, default: u64) -> Result<u64> {
    match options.iter().position(|it| *it == name) {
        None => Ok(default),
        Some(index) => {
            let value = options.get(index + 1).context(USAGE)?;
            value.parse().with_context(|| format!("{name} {value} is not a number"))
        }
    }
}
