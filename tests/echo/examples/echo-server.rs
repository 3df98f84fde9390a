//! An EchoTestRPC server that runs until it is interrupted.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use echo::server::{EchoTestRpcService, Server};
use test_util::{EchoService, authenticate};

const USAGE: &str = "usage: echo-server --tcp HOST:PORT | --socket PATH";

#[tokio::main]
async fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print(&format!("echo-server: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Vec<String>) -> Result<()> {
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let server = match args[..] {
        ["--tcp", address] => Server::bind_tcp(address)
            .await
            .with_context(|| format!("cannot listen on {address}"))?,
        ["--socket", path] => {
            Server::bind(path).with_context(|| format!("cannot listen on {path}"))?
        }
        _ => bail!(USAGE),
    };
    // With port 0, the parent process reads the selected port.
    match server.local_addr() {
        Ok(address) => print(&format!("listening on {address}")),
        Err(_) => print(&format!("listening on {}", args[1])),
    }
    let service = EchoTestRpcService::new(EchoService);
    server.authenticator(authenticate).serve(service, tokio::signal::ctrl_c()).await?;
    Ok(())
}

/// Prints a line for the parent process.
fn print(text: &str) {
    println!("{text}");
}
