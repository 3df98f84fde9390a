//! The command line program, which runs a local core until it is interrupted.

mod args;

use std::process::ExitCode;

use args::{Args, Parsed};
use greengrass_local_core::LocalCore;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::{Layer, SubscriberExt},
    util::SubscriberInitExt,
};

#[tokio::main]
async fn main() -> ExitCode {
    log();
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
            eprintln!("greengrass-local-core: {error}\n`--help` shows the usage");
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
    for (component, json) in args.configurations {
        builder = builder.config(component, configuration(json)?);
    }
    if args.denies_by_default {
        builder = builder.deny_by_default();
    }
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let core = builder.start().await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => format!("{error}; --socket PATH selects another socket"),
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

/// Logs to standard error, with the level of `RUST_LOG`. Default: `warn`.
fn log() {
    let directives = std::env::var("RUST_LOG").ok().and_then(|it| it.parse().ok());
    let targets = directives.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    tracing_subscriber::registry().with(lines.with_filter(targets)).init();
}

/// Parses a configuration argument: a JSON object, or the path of a file that contains one.
fn configuration(json: String) -> Result<serde_json::Value, String> {
    let (name, text) = if json.trim_start().starts_with('{') {
        ("the configuration", json.clone())
    } else {
        let text = std::fs::read_to_string(&json);
        (&*json, text.map_err(|error| format!("cannot read {json}: {error}"))?)
    };
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("{name} is not JSON: {error}"))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(format!("{name} does not contain a JSON object"))
    }
}

/// Quotes a value for a shell.
fn quoted(value: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "/._-+=:@%".contains(it);
    if value.chars().all(is_plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}
