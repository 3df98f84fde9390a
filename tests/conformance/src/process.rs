//! A driver: a process that makes calls with one of the clients and says what it sees.

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

/// How long a driver may take to start.
const START: Duration = Duration::from_secs(120);

/// How long this project's client may take to do anything: it never counts as hanging because a machine is
/// slow.
const COMPONENT_TIMEOUT: Duration = Duration::from_secs(120);

/// How long another client may take, as a rule, before it counts as hanging.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// How much less a driver waits in a handler, so that it can still say so.
const LESS: Duration = Duration::from_secs(2);

/// The token with which drivers introduce themselves; no log may have it.
pub const TOKEN: &str = "TOKEN0SECRET0000";

/// A driver at work.
#[derive(Debug)]
pub struct Driver {
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    process: Child,
    log: Arc<Mutex<String>>,
    log_reader: JoinHandle<()>,
    /// What came while something else was waited for.
    early: Vec<Value>,
    patience: Duration,
}

impl Driver {
    /// Starts a driver that connects to `socket`, and logs as much as it can to its error output if it is
    /// told to. Another client that says nothing for as long as `patience` hangs.
    ///
    /// # Errors
    ///
    /// It cannot be built or started.
    pub async fn start(
        column: Column,
        socket: &Path,
        logs: bool,
        patience: Duration,
    ) -> Result<Self> {
        let mut command = column.driver()?;
        command.env("AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT", socket);
        command.env("SVCUID", TOKEN).env("CONFORMANCE_LOGS", if logs { "1" } else { "" });
        let stuck = patience.saturating_sub(LESS).as_secs().to_string();
        command.env("CONFORMANCE_STUCK", stuck).env("RUST_BACKTRACE", "0");
        let mut process = command.spawn().with_context(|| format!("cannot run {command:?}"))?;
        let output = process.stdout.take().context("stdout is piped")?;
        let errors = process.stderr.take().context("stderr is piped")?;
        let log = Arc::new(Mutex::new(String::new()));
        let mut driver = Self {
            input: process.stdin.take(),
            output: BufReader::new(output).lines(),
            process,
            log_reader: tokio::spawn(keep(errors, Arc::clone(&log))),
            log,
            early: Vec::new(),
            patience: START,
        };
        let ready = driver.next(&["ready"], "does not start").await;
        ready.map_err(|problem| anyhow::anyhow!("{column:?} {problem}: {}", driver.log()))?;
        driver.patience = if matches!(column, Column::Ours | Column::OursBlocking) {
            COMPONENT_TIMEOUT
        } else {
            patience
        };
        Ok(driver)
    }

    /// How long the client may take before it counts as hanging.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// Has the driver do something.
    ///
    /// # Errors
    ///
    /// The process is gone.
    pub async fn tell(&mut self, command: Value) -> Result<(), Problem> {
        tracing::debug!("{command}");
        let line = format!("{command}\n");
        let told = match &mut self.input {
            Some(input) => input.write_all(line.as_bytes()).await.is_ok(),
            None => false,
        };
        if told { Ok(()) } else { fails(self.end().await) }
    }

    /// The next that it says with one of these members; others are kept.
    ///
    /// # Errors
    ///
    /// It says nothing of the kind: `silence` is what that means.
    pub async fn next(&mut self, keys: &[&str], silence: &str) -> Result<Value, Problem> {
        let is_wanted = |it: &Value| keys.iter().any(|key| it.get(key).is_some());
        if let Some(at) = self.early.iter().position(is_wanted) {
            return Ok(self.early.remove(at));
        }
        loop {
            let line = match tokio::time::timeout(self.patience, self.output.next_line()).await {
                Err(_) if self.log().contains("panicked at") => {
                    return fails(format!("{silence}, its reader has panicked"));
                }
                Err(_) => return fails(silence),
                Ok(Ok(Some(line))) => line,
                Ok(_) => return fails(self.end().await),
            };
            tracing::debug!("{line}");
            let Ok(value) = serde_json::from_str::<Value>(&line) else {
                // Not what the driver says but what its client logs.
                self.log.lock().expect("nobody panics with it").push_str(&line);
                continue;
            };
            if let Some(why) = value.get("unsupported").and_then(Value::as_str) {
                return Err(Problem::NotApplicable(why.to_owned()));
            }
            if is_wanted(&value) {
                return Ok(value);
            }
            self.early.push(value);
        }
    }

    /// Makes a call, and returns its number.
    ///
    /// # Errors
    ///
    /// The process is gone.
    pub async fn call(&mut self, operation: &str, number: u32) -> Result<(), Problem> {
        self.tell(json!({"do": operation, "n": number})).await
    }

    /// What came of a call: `ok` or `failed` and `text`.
    ///
    /// # Errors
    ///
    /// It hangs, or the process is gone.
    pub async fn result(&mut self, number: u32) -> Result<Value, Problem> {
        self.next(&[&*format!("call {number}")], "the call hangs").await
    }

    /// What has been written to the error output so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("nobody panics with it").clone()
    }

    /// Ends the process, and returns everything that it wrote to its error output.
    pub async fn finish(&mut self) -> String {
        self.input = None;
        if tokio::time::timeout(self.patience, self.process.wait()).await.is_err() {
            let _ = self.process.kill().await;
        }
        let _ = (&mut self.log_reader).await;
        self.log()
    }

    /// How the process has ended.
    async fn end(&mut self) -> String {
        match tokio::time::timeout(self.patience, self.process.wait()).await {
            Ok(Ok(status)) => format!("the process ends with {}", in_words(status)),
            _ => "it says no more".to_owned(),
        }
    }
}

fn in_words(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no status".to_owned(),
    }
}

async fn keep(mut errors: ChildStderr, log: Arc<Mutex<String>>) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = errors.read(&mut bytes).await {
        let text = String::from_utf8_lossy(&bytes[..count]);
        log.lock().expect("nobody panics with it").push_str(&text);
    }
}
