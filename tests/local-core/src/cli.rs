//! The command line program.

mod args;
mod check;
mod core;
mod env;
mod log;
mod watch;

use std::{error::Error, io::Write, process::ExitCode};

use args::Command;

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    let args = args::parse();
    log::start(args.verbose);
    let result = match args.command {
        Command::Serve(args) => core::serve(args),
        Command::Run(args) => core::run(args),
        Command::Env(args) => env::env(&args),
        Command::Check(args) => check::check(&args),
    };
    result.unwrap_or_else(|error| {
        eprintln!("greengrass-local-core: {error}");
        ExitCode::FAILURE
    })
}

/// The result of a command: the exit status, or the error that ends the program with status 1.
type Ended = Result<ExitCode, Box<dyn Error>>;

/// Prints text to standard output. A pipe that is closed is not an error.
fn print(text: impl std::fmt::Display) {
    let _ = write!(std::io::stdout(), "{text}");
}
