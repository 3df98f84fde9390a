//! The official Python SDK against the echo server.

use std::{path::Path, process::Command};

use anyhow::{Result, ensure};
use conformance::{
    EchoServer,
    official::{self, Tool},
};

#[test]
fn the_python_sdk_receives_the_servers_protocol_error() -> Result<()> {
    if !official::has(Tool::Python) {
        return Ok(());
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/violations.py");
    let server = EchoServer::start()?;
    let output = Command::new("python3")
        .arg(script)
        .args(["127.0.0.1", &server.port().to_string(), "100"])
        .env("PYTHONPATH", official::python_folder()?)
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
