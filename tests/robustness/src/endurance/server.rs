//! The server of the endurance tests, which runs as a separate process.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail};
use echo::server::{ConnectRequest, EchoTestRpcService, Identity, Rejected, Server};
use test_util::{Feed, in_time};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// The arguments of a server process.
#[derive(Clone, Debug)]
pub struct Serve {
    /// The path of the socket.
    pub path: PathBuf,
    /// The token that the server accepts.
    pub token: String,
    /// The number that tells its events from those of other servers.
    pub generation: u64,
}

impl Serve {
    /// Parses the arguments of the program.
    ///
    /// # Errors
    ///
    /// If the arguments are invalid.
    pub fn from_args(args: &[&str]) -> Result<Self> {
        let [path, token, generation] = *args else {
            bail!("usage: endurance serve PATH TOKEN GENERATION")
        };
        Ok(Self { path: path.into(), token: token.to_owned(), generation: generation.parse()? })
    }

    fn to_args(&self) -> [OsString; 3] {
        let generation = self.generation.to_string();
        [self.path.clone().into(), self.token.clone().into(), generation.into()]
    }
}

/// Serves and publishes events until the process is killed.
///
/// # Errors
///
/// If the server cannot listen on the socket.
pub async fn serve(options: Serve) -> Result<()> {
    let feed = Feed::new(options.generation);
    let expected = options.token;
    let authenticator = move |request: &ConnectRequest| match request.header("token") {
        Some(token) if token == expected => Ok(Identity(token.to_owned())),
        _ => Err(Rejected),
    };
    let server = Server::bind(&options.path)
        .with_context(|| format!("cannot listen on {}", options.path.display()))?
        .authenticator(authenticator);
    tokio::spawn(feed.clone().publish_steadily());
    // The parent process waits for this line.
    println!("listening");
    let service = EchoTestRpcService::new(feed);
    server.serve(service, std::future::pending::<()>()).await?;
    Ok(())
}

/// A server that runs as a separate process.
#[derive(Debug)]
pub struct ServerProcess(Child);

impl ServerProcess {
    /// Starts the program and waits until it listens.
    ///
    /// # Errors
    ///
    /// If the program does not start.
    pub async fn start(program: &Path, options: &Serve) -> Result<Self> {
        let mut process = Command::new(program)
            .arg("serve")
            .args(options.to_args())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = process.stdout.take().context("stdout is piped")?;
        let line = in_time("the server starts", BufReader::new(output).lines().next_line()).await?;
        match line.as_deref() {
            Some("listening") => Ok(Self(process)),
            _ => bail!("the server does not start"),
        }
    }

    /// The process id.
    pub fn id(&self) -> Option<u32> {
        self.0.id()
    }

    /// Kills the process. Its clients are not informed.
    ///
    /// # Errors
    ///
    /// If the process cannot be killed.
    pub async fn kill(mut self) -> io::Result<()> {
        self.0.kill().await
    }
}
