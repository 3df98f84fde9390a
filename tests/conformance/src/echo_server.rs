//! The echo server as a process, for clients in other languages.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};

/// An echo server that runs as a separate process on a free port.
#[derive(Debug)]
pub struct EchoServer {
    process: Child,
    port: u16,
}

impl EchoServer {
    /// Starts the server.
    ///
    /// # Errors
    ///
    /// If the server does not build or start.
    pub fn start() -> Result<Self> {
        let mut process = Command::new(crate::official::example("echo-server")?)
            .args(["--tcp", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the echo server")?;
        let output = process.stdout.take().context("the output is piped")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let port = line.trim_end().rsplit(':').next().and_then(|it| it.parse().ok());
        let port = port.with_context(|| format!("no port in {line:?}"))?;
        Ok(Self { process, port })
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        // Ignored: the process may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
