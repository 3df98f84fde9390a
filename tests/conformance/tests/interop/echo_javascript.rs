//! The test suite of the official JavaScript SDK passes against the echo server.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use conformance::{
    EchoServer,
    official::{self, Tool},
};
use serde_json::Value;

/// The number of tests in the suite of the pinned version.
const TESTS: u64 = 44;

#[test]
fn the_javascript_suite_passes() -> Result<()> {
    if !official::has(Tool::Node) {
        return Ok(());
    }
    let node = official::node_folder()?;
    let server = EchoServer::start()?;
    let report = run_suite(&node, &server)?;
    let count = |key: &str| report[key].as_u64().unwrap_or_default();
    let failed: Vec<_> = report["testResults"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|it| it["assertionResults"].as_array().into_iter().flatten())
        .filter(|it| it["status"] != "passed")
        .map(|it| format!("{}: {}", it["fullName"], it["failureMessages"]))
        .collect();
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    // The suite skips most tests, and still succeeds, if its environment variables are missing.
    assert_eq!((count("numPassedTests"), count("numPendingTests")), (TESTS, 0));
    Ok(())
}

/// Runs the suite and returns the report of the test runner.
fn run_suite(node: &Path, server: &EchoServer) -> Result<Value> {
    // The test runner ignores `node_modules`, so a file outside of it imports the suite.
    let wrapper = node.join("echo.spec.js");
    std::fs::write(&wrapper, "require('aws-iot-device-sdk-v2/dist/echotestrpc.spec.js');\n")?;
    let output = Command::new("node")
        .args(["node_modules/.bin/jest", "--rootDir", ".", "--json", "echo.spec.js"])
        .current_dir(node)
        .env("AWS_TEST_EVENT_STREAM_ECHO_SERVER_HOST", "127.0.0.1")
        .env("AWS_TEST_EVENT_STREAM_ECHO_SERVER_PORT", server.port().to_string())
        .output()
        .context("cannot run Node.js, version 20 or newer")?;
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("no report: {}", String::from_utf8_lossy(&output.stderr)))
}
