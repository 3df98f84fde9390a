//! Driver processes that use a client under test.

use std::{
    path::Path,
    process::ExitStatus,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdin, ChildStdout},
    task::JoinHandle,
};

use crate::{
    column::Column,
    verdict::{Problem, fails},
};

/// The timeout for the start of a driver.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// The timeout of this project's clients, long enough that a slow machine does not cause failures.
const OWN_TIMEOUT: Duration = Duration::from_secs(120);

/// The default timeout of other clients, after which they count as hanging.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// How much earlier the wait of a handler ends than the timeout of the driver, so that the driver can report it.
const HANDLER_MARGIN: Duration = Duration::from_secs(2);

/// The token that drivers authenticate with. It must not appear in logs.
pub const TOKEN: &str = "TOKEN0SECRET0000";

/// A running driver.
#[derive(Debug)]
pub struct Driver {
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    process: Child,
    log: Arc<Mutex<String>>,
    log_reader: JoinHandle<()>,
    /// Output that was read while waiting for other output.
    pending: Vec<Value>,
    timeout: Duration,
}

impl Driver {
    /// Starts a driver that connects to `socket`. With `logs`, it logs at all levels to its standard error. Clients of
    /// other projects count as hanging after `timeout`.
    ///
    /// # Errors
    ///
    /// If the driver cannot be built or started.
    pub async fn start(
        column: Column,
        socket: &Path,
        logs: bool,
        timeout: Duration,
    ) -> Result<Self> {
        let mut command = column.driver()?;
        command.env("AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT", socket);
        command.env("SVCUID", TOKEN).env("CONFORMANCE_LOGS", if logs { "1" } else { "" });
        let handler_timeout = timeout.saturating_sub(HANDLER_MARGIN).as_secs().to_string();
        command.env("CONFORMANCE_HANDLER_TIMEOUT", handler_timeout).env("RUST_BACKTRACE", "0");
        let mut process = command.spawn().with_context(|| format!("cannot run {command:?}"))?;
        let output = process.stdout.take().context("stdout is piped")?;
        let errors = process.stderr.take().context("stderr is piped")?;
        let log = Arc::new(Mutex::new(String::new()));
        let mut driver = Self {
            input: process.stdin.take(),
            output: BufReader::new(output).lines(),
            process,
            log_reader: tokio::spawn(collect(errors, Arc::clone(&log))),
            log,
            pending: Vec::new(),
            timeout: START_TIMEOUT,
        };
        let ready = driver.next(&["ready"], "does not start").await;
        ready.map_err(|problem| anyhow::anyhow!("{column:?} {problem}: {}", driver.log()))?;
        driver.timeout = if matches!(column, Column::Ours | Column::OursBlocking) {
            OWN_TIMEOUT
        } else {
            timeout
        };
        Ok(driver)
    }

    /// The time after which the client counts as hanging.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sends a command to the driver.
    ///
    /// # Errors
    ///
    /// If the process has ended.
    pub async fn send(&mut self, command: Value) -> Result<(), Problem> {
        tracing::debug!("{command}");
        let line = format!("{command}\n");
        let is_sent = match &mut self.input {
            Some(input) => input.write_all(line.as_bytes()).await.is_ok(),
            None => false,
        };
        if is_sent { Ok(()) } else { fails(self.end().await) }
    }

    /// The next output that has one of these members. Other output is kept for later calls.
    ///
    /// # Errors
    ///
    /// `on_timeout` if the driver prints no such output in time, or another problem if the process ends.
    pub async fn next(&mut self, keys: &[&str], on_timeout: &str) -> Result<Value, Problem> {
        let matches = |output: &Value| keys.iter().any(|key| output.get(key).is_some());
        if let Some(index) = self.pending.iter().position(matches) {
            return Ok(self.pending.remove(index));
        }
        loop {
            let line = match tokio::time::timeout(self.timeout, self.output.next_line()).await {
                Err(_) if self.log().contains("panicked at") => {
                    return fails(format!("{on_timeout}, its reader has panicked"));
                }
                Err(_) => return fails(on_timeout),
                Ok(Ok(Some(line))) => line,
                Ok(_) => return fails(self.end().await),
            };
            tracing::debug!("{line}");
            let Ok(value) = serde_json::from_str::<Value>(&line) else {
                // A log line of the client.
                self.log.lock().expect("the lock is not poisoned").push_str(&line);
                continue;
            };
            if let Some(why) = value.get("unsupported").and_then(Value::as_str) {
                return Err(Problem::NotApplicable(why.to_owned()));
            }
            if matches(&value) {
                return Ok(value);
            }
            self.pending.push(value);
        }
    }

    /// Starts a call with this number.
    ///
    /// # Errors
    ///
    /// If the process has ended.
    pub async fn call(&mut self, operation: &str, number: u32) -> Result<(), Problem> {
        self.send(json!({"do": operation, "n": number})).await
    }

    /// The result of a call: a member `ok`, or members `failed` and `text`.
    ///
    /// # Errors
    ///
    /// If the call hangs or the process has ended.
    pub async fn result(&mut self, number: u32) -> Result<Value, Problem> {
        self.next(&[&*format!("call {number}")], "the call hangs").await
    }

    /// The standard error so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("the lock is not poisoned").clone()
    }

    /// Ends the process and returns its standard error.
    pub async fn finish(&mut self) -> String {
        self.input = None;
        if tokio::time::timeout(self.timeout, self.process.wait()).await.is_err() {
            let _ = self.process.kill().await;
        }
        let _ = (&mut self.log_reader).await;
        self.log()
    }

    /// Describes how the process has ended.
    async fn end(&mut self) -> String {
        match tokio::time::timeout(self.timeout, self.process.wait()).await {
            Ok(Ok(status)) => format!("the process ends with {}", describe(status)),
            _ => "the driver prints nothing more".to_owned(),
        }
    }
}

fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no status".to_owned(),
    }
}

async fn collect(mut errors: ChildStderr, log: Arc<Mutex<String>>) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = errors.read(&mut bytes).await {
        let text = String::from_utf8_lossy(&bytes[..count]);
        log.lock().expect("the lock is not poisoned").push_str(&text);
    }
}
