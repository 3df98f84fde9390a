//! Running the measured processes.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    args::Args,
    programs::{Client, Programs},
};

const SOCKET: &str = "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT";
const TOKEN: &str = "SVCUID";

/// The `key=value` pairs that a process printed.
pub(crate) type Results = HashMap<String, f64>;

/// A server that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    socket: PathBuf,
    token: String,
}

impl Server {
    /// Starts a server of the workspace. With `prints_token`, its first line of output is the token.
    pub(crate) fn start(
        args: &Args,
        programs: &Programs,
        name: &str,
        arguments: &[&str],
        prints_token: bool,
    ) -> Result<Self> {
        let socket = std::env::temp_dir().join(format!("bench-{}-{name}", std::process::id()));
        let _ = fs::remove_file(&socket);
        let mut command = pinned(args, programs, &programs.binary(name));
        command.args(arguments).env(SOCKET, &socket).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot run {name}"))?;
        let mut token = String::new();
        if prints_token {
            let output = child.stdout.take().context("stdout is piped")?;
            BufReader::new(output).read_line(&mut token)?;
        } else {
            token.push_str("AAAAAAAAAAAAAAAA");
        }
        let server = Self { child, socket, token: token.trim().to_owned() };
        let start = Instant::now();
        while UnixStream::connect(&server.socket).is_err() {
            if start.elapsed() > Duration::from_secs(10) {
                bail!("{name} does not listen");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(server)
    }

    /// The command of a client that connects to this server.
    pub(crate) fn client(
        &self,
        args: &Args,
        programs: &Programs,
        client: &Client,
        tool: &[&str],
    ) -> Command {
        let mut parts: Vec<&Path> = tool.iter().map(Path::new).collect();
        parts.extend(client.command.iter().map(PathBuf::as_path));
        let mut command = pinned(args, programs, parts[0]);
        command.args(&parts[1..]).envs(client.variables.iter().map(|(name, path)| (name, path)));
        self.set_environment(&mut command);
        command
    }

    /// Sets the environment variables with the socket and the token of this server.
    pub(crate) fn set_environment(&self, command: &mut Command) {
        command.env(SOCKET, &self.socket).env(TOKEN, &self.token);
    }

    /// The resident memory of the server and its peak, in KiB.
    pub(crate) fn memory(&self) -> Result<(f64, f64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let number = |key: &str| -> Result<f64> {
            let line = status.lines().find_map(|it| it.strip_prefix(key)).context("no number")?;
            Ok(line.split_whitespace().next().context("no number")?.parse()?)
        };
        Ok((number("VmRSS:")?, number("VmHWM:")?))
    }

    /// The CPU time of the server's main thread, in nanoseconds.
    pub(crate) fn run_time(&self) -> Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/schedstat", self.child.id()))?;
        Ok(text.split_whitespace().next().context("no number")?.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.socket);
    }
}

/// A command that runs on the core of the measurement.
pub(crate) fn pinned(args: &Args, programs: &Programs, program: &Path) -> Command {
    if !programs.is_pinned {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.arg("--cpu-list").arg(args.core.to_string()).arg(program);
    command
}

/// Runs a command and parses the last line of its output.
pub(crate) fn results(command: &mut Command) -> Result<Results> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} failed: {}", errors.trim());
    }
    Ok(parse(text.lines().last().unwrap_or_default()))
}

pub(crate) fn parse(line: &str) -> Results {
    let pairs = line.split_whitespace().filter_map(|it| it.split_once('='));
    pairs.filter_map(|(key, value)| Some((key.to_owned(), value.parse().ok()?))).collect()
}

pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
