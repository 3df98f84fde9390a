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
    let result = log::start(args.verbose).map_err(Into::into).and_then(|()| match args.command {
        Command::Serve(args) => core::serve(args),
        Command::Run(args) => core::run(args),
        Command::Env(args) => env::env(&args),
        Command::Check(args) => check::check(&args),
    });
    let status = result.unwrap_or_else(|error| {
        log::error(&*error);
        ExitCode::FAILURE
    });
    log::finish();
    status
}

/// The result of a command: the exit status, or the error that ends the program with status 1.
type Ended = Result<ExitCode, Box<dyn Error>>;

/// Prints text to standard output. A pipe that is closed is not an error.
fn print(text: impl std::fmt::Display) {
    let _ = write!(std::io::stdout(), "{text}");
}
