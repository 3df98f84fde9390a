//! The server, in a process of its own.

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

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct Serve {
    /// Where it listens.
    pub path: PathBuf,
    /// Whom it lets in.
    pub token: String,
    /// What tells its events from those of others.
    pub generation: u64,
}

impl Serve {
    /// From the arguments of the program.
    ///
    /// # Errors
    ///
    /// Other arguments.
    pub fn from_args(args: &[&str]) -> Result<Self> {
        let [path, token, generation] = *args else { bail!("serve takes PATH TOKEN GENERATION") };
        Ok(Self { path: path.into(), token: token.to_owned(), generation: generation.parse()? })
    }

    fn to_args(&self) -> [OsString; 3] {
        let generation = self.generation.to_string();
        [self.path.clone().into(), self.token.clone().into(), generation.into()]
    }
}

/// Serves until it is killed, and publishes all the time.
///
/// # Errors
///
/// The socket cannot be listened on.
pub async fn serve(what: Serve) -> Result<()> {
    let feed = Feed::new(what.generation);
    let expected = what.token;
    let authenticator = move |request: &ConnectRequest| match request.header("token") {
        Some(token) if token == expected => Ok(Identity(token.to_owned())),
        _ => Err(Rejected),
    };
    let server = Server::bind(&what.path)
        .with_context(|| format!("cannot listen on {}", what.path.display()))?
        .authenticator(authenticator);
    tokio::spawn(feed.clone().publish_steadily());
    // Whoever started the program reads it.
    println!("listening");
    let service = EchoTestRpcService::new(feed);
    server.serve(service, std::future::pending::<()>()).await?;
    Ok(())
}

/// A server in a process of its own.
#[derive(Debug)]
pub struct ServerProcess(Child);

impl ServerProcess {
    /// Starts the program, and waits until it listens.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub async fn start(program: &Path, what: &Serve) -> Result<Self> {
        let mut process = Command::new(program)
            .arg("serve")
            .args(what.to_args())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = process.stdout.take().context("it has an output")?;
        let line = in_time("the server starts", BufReader::new(output).lines().next_line()).await?;
        match line.as_deref() {
            Some("listening") => Ok(Self(process)),
            _ => bail!("the server does not start"),
        }
    }

    /// Its number.
    pub fn id(&self) -> Option<u32> {
        self.0.id()
    }

    /// Kills it, without a word to its clients.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub async fn kill(mut self) -> io::Result<()> {
        self.0.kill().await
    }
}
