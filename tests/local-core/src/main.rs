//! Runs a local core until it is interrupted.

mod args;

use std::process::ExitCode;

use args::{Args, Parsed};
use greengrass_local_core::LocalCore;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    match Args::parse(std::env::args_os().skip(1)) {
        Ok(Parsed::Run(args)) => match run(args).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("greengrass-local-core: {error}");
                ExitCode::FAILURE
            }
        },
        Ok(Parsed::Help) => {
            println!("{}", args::USAGE);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("greengrass-local-core: {error}\n\n{}", args::USAGE);
            ExitCode::from(2)
        }
    }
}

async fn run(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = LocalCore::builder().record_calls(false);
    builder = match args.socket {
        Some(path) => builder.socket_path(path),
        None => builder.user_socket(),
    };
    for component in args.components {
        builder = builder.component(component);
    }
    for (component, file) in args.configurations {
        let text = std::fs::read_to_string(&file)
            .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        let value: serde_json::Value = serde_json::from_str(&text)
            .map_err(|error| format!("{} is not JSON: {error}", file.display()))?;
        if !value.is_object() {
            return Err(format!("{} does not hold a JSON object", file.display()).into());
        }
        builder = builder.config(component, value);
    }
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let core = builder.start().await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => format!("{error}; --socket PATH takes another one"),
        _ => error.to_string(),
    })?;
    for component in core.components() {
        println!("# {component}");
        for (name, value) in core.environment(component) {
            println!("export {name}={}", quoted(&value));
        }
    }
    println!("# serving; Ctrl-C ends it");
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    core.stop().await?;
    Ok(())
}

/// A value as a shell takes it.
fn quoted(value: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "/._-+=:@%".contains(it);
    match value.chars().all(is_plain) {
        true => value.to_owned(),
        false => format!("'{}'", value.replace('\'', r"'\''")),
    }
}
