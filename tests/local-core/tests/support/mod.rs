//! A client that sends raw messages, and the program.

use std::process::Stdio;

use greengrass_core_ipc::{Client, client::ConnectionBuilder};
use greengrass_local_core::LocalCore;
use serde_json::Value;
use test_util::{CONNECT, ERROR, MESSAGE, MessageBuilder, Peer, Received, message::Message};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::UnixStream,
};

/// A component's connection to the socket of a core.
pub(crate) struct Raw {
    peer: Peer,
    last_stream: i32,
}

impl Raw {
    pub(crate) async fn connect(core: &LocalCore, component: &str) -> Self {
        Self::on(core.socket_path(), &core.auth_token(component)).await
    }

    /// Connects with a token.
    pub(crate) async fn on(socket: &std::path::Path, token: &str) -> Self {
        let io = UnixStream::connect(socket).await.unwrap();
        let mut raw = Self { peer: Peer::new(io), last_stream: 0 };
        let token = format!(r#"{{"authToken":"{token}"}}"#);
        raw.send(CONNECT, None, token).await;
        assert_eq!(raw.peer.expect().await.flags, 1, "the client is accepted");
        raw
    }

    /// Makes a call. Returns the JSON of the response, or the name of the error's shape, or its text if it has no shape.
    pub(crate) async fn call(
        &mut self,
        operation: &str,
        payload: impl Into<String>,
    ) -> Result<Value, String> {
        self.last_stream += 1;
        self.send(MESSAGE, Some(operation), payload.into()).await;
        let answer = self.peer.expect().await;
        match (answer.kind, answer.text("service-model-type")) {
            (MESSAGE, _) => Ok(serde_json::from_str(&answer.payload()).unwrap()),
            (_, Some(shape)) => Err(shape.trim_start_matches("aws.greengrass#").to_owned()),
            _ => Err(answer.payload()),
        }
    }

    /// Makes a call that fails. Returns the JSON of the error.
    pub(crate) async fn error(&mut self, operation: &str, payload: impl Into<String>) -> Value {
        self.last_stream += 1;
        self.send(MESSAGE, Some(operation), payload.into()).await;
        let answer = self.peer.expect().await;
        assert_eq!(answer.kind, ERROR, "{operation}");
        serde_json::from_str(&answer.payload()).unwrap()
    }

    /// Makes a call after which the core closes the connection.
    pub(crate) async fn call_refused(&mut self, operation: &str, payload: String) {
        self.last_stream += 1;
        self.send(MESSAGE, Some(operation), payload).await;
        while let Ok(Some(message)) = self.peer.message().await {
            assert_eq!(message.stream, 0, "the call has no answer");
        }
    }

    /// Reads events until an error ends their stream. Returns the number of events and the error.
    pub(crate) async fn events(&mut self) -> (usize, Message) {
        let mut count = 0;
        loop {
            let received = self.peer.expect().await;
            if received.kind != MESSAGE {
                return (count, received.message);
            }
            count += 1;
        }
    }

    /// Sends a request on a new stream, without waiting for the answer.
    pub(crate) async fn request(&mut self, operation_id: &str, payload: &str) {
        self.last_stream += 1;
        self.send(MESSAGE, Some(operation_id), payload.to_owned()).await;
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> Received {
        self.peer.expect().await
    }

    async fn send(&mut self, kind: i32, operation: Option<&str>, payload: String) {
        let mut message =
            MessageBuilder::new(kind, 0, self.last_stream).header(":version", "0.1.0");
        if let Some(operation) = operation {
            let id = if operation.contains('#') {
                operation.to_owned()
            } else {
                format!("aws.greengrass#{operation}")
            };
            message = message.header("operation", &*id);
        }
        self.peer.send(&message.payload(payload)).await.unwrap();
    }
}

/// Waits for something that processes do, which has no event.
pub(crate) async fn wait_until(what: &str, mut is_met: impl FnMut() -> bool) {
    let polls = async {
        while !is_met() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    test_util::in_time(what, polls).await;
}

/// The path of the program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_greengrass-local-core");

/// The program, run with some arguments on a socket of its own.
pub(crate) struct Program {
    pub(crate) child: tokio::process::Child,
    pub(crate) log: tokio::io::Lines<BufReader<tokio::process::ChildStderr>>,
    pub(crate) socket: std::path::PathBuf,
    _folder: tempfile::TempDir,
    /// Of each component in the order of their names.
    pub(crate) tokens: Vec<String>,
}

impl Program {
    /// Starts it, and waits until it serves.
    pub(crate) async fn start(args: &[String]) -> Self {
        Self::spawn(tokio::process::Command::new(PROGRAM), args).await
    }

    /// Starts it with a command that has its path, and waits until it serves.
    pub(crate) async fn spawn(mut command: tokio::process::Command, args: &[String]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("ipc.socket");
        let mut child = command
            .args(args)
            .arg("--socket")
            .arg(&socket)
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut tokens = Vec::new();
        loop {
            let line = lines.next_line().await.unwrap().expect("the core prints a line");
            if line.contains("Ctrl-C") {
                break;
            }
            tokens.extend(line.strip_prefix("export SVCUID=").map(str::to_owned));
        }
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, log, socket, _folder: folder, tokens }
    }

    /// A client of the component with this place in the order of names.
    pub(crate) async fn client(&self, component: usize) -> Client {
        Client::new(self.connection(&self.tokens[component]).connect().await.unwrap())
    }

    /// A builder of connections with a token.
    pub(crate) fn connection(&self, token: &str) -> ConnectionBuilder {
        ConnectionBuilder::default().socket_path(&self.socket).auth_token(token)
    }
}
