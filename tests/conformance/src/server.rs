//! Tests of this project's server with a scripted client.

pub mod calls;
pub mod connections;
mod service;
pub mod streams;

use std::path::{Path, PathBuf};

use greengrass_core_ipc::server::{
    ConnectRequest, GreengrassCoreIpcService, Identity, Rejected, Server,
};
use test_util::{
    socket_path,
    wire::{CONNECT, MESSAGE, MessageBuilder, Peer, Received},
};
use tokio::{
    net::UnixStream,
    sync::{oneshot, watch},
    task::JoinHandle,
};

use crate::{
    process::TOKEN,
    verdict::{Problem, Verdict, fails},
};
use service::Nucleus;

/// The verdict for a promise that does not concern servers.
pub async fn not_for_a_server() -> Verdict {
    Err(Problem::NotApplicable("a promise of clients".to_owned()))
}

/// A server on a socket of its own, which ends when it is dropped.
struct TestServer {
    path: PathBuf,
    /// The number of handlers and event streams that were dropped.
    dropped: watch::Receiver<usize>,
    _stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl TestServer {
    fn start() -> Result<Self, Problem> {
        let path = socket_path();
        let (stop, stopped) = oneshot::channel::<()>();
        let (nucleus, dropped) = Nucleus::new();
        let server = Server::bind(&path)?.authenticator(authenticate);
        let task = tokio::spawn(server.serve(GreengrassCoreIpcService::new(nucleus), stopped));
        Ok(Self { path, dropped, _stop: stop, task })
    }

    async fn connect(&self) -> Result<TestClient, Problem> {
        TestClient::connect(&self.path).await
    }

    /// Waits until a handler or event stream is dropped.
    async fn wait_for_drop(&mut self) -> Verdict {
        match self.dropped.wait_for(|it| *it > 0).await {
            Ok(_) => Ok(()),
            Err(_) => fails("the server has ended"),
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn authenticate(request: &ConnectRequest) -> Result<Identity, Rejected> {
    let payload = serde_json::from_slice::<serde_json::Value>(&request.payload);
    match payload {
        Ok(payload) if payload["authToken"] == TOKEN => Ok(Identity("com.example.A".to_owned())),
        _ => Err(Rejected),
    }
}

/// A scripted client.
struct TestClient {
    peer: Peer,
    last_stream: i32,
}

impl TestClient {
    async fn connect(path: &Path) -> Result<Self, Problem> {
        let mut client = Self { peer: Peer::new(UnixStream::connect(path).await?), last_stream: 0 };
        let connect = MessageBuilder::new(CONNECT, 0, 0).header(":version", "0.1.0");
        let token = serde_json::json!({"authToken": TOKEN}).to_string();
        client.peer.send(&connect.payload(token)).await?;
        let answer = client.receive().await?;
        if answer.flags == 1 { Ok(client) } else { fails("the client is rejected") }
    }

    async fn receive(&mut self) -> Result<Received, Problem> {
        match self.peer.message().await? {
            Some(message) => Ok(message),
            None => fails("closes the connection"),
        }
    }

    /// A request on a new stream. It is not sent yet.
    fn request(&mut self, flags: i32, operation: &str, payload: &str) -> MessageBuilder {
        self.last_stream += 1;
        let operation = format!("aws.greengrass#{operation}");
        let request =
            MessageBuilder::new(MESSAGE, flags, self.last_stream).header("operation", &*operation);
        request.payload(payload.to_owned())
    }

    async fn send(&mut self, operation: &str, payload: &str) -> Result<i32, Problem> {
        let request = self.request(0, operation, payload);
        self.peer.send(&request).await?;
        Ok(self.last_stream)
    }

    /// Makes a call and returns the reply.
    async fn call(&mut self, operation: &str, payload: &str) -> Result<Received, Problem> {
        let stream = self.send(operation, payload).await?;
        let reply = self.receive().await?;
        if reply.stream == stream { Ok(reply) } else { fails("replies on another stream") }
    }

    /// Opens a subscription and returns its stream.
    async fn subscribe(&mut self, topic: &str) -> Result<i32, Problem> {
        let payload = serde_json::json!({"topic": topic}).to_string();
        let response = self.call("SubscribeToTopic", &payload).await?;
        let shape = response.text("service-model-type");
        if shape == Some("aws.greengrass#SubscribeToTopicResponse") && response.flags == 0 {
            Ok(response.stream)
        } else {
            fails("the response does not come first")
        }
    }

    async fn next_call_works(&mut self) -> Verdict {
        let reply = self.call("GetConfiguration", r#"{"keyPath":["k"]}"#).await?;
        is_response(&reply, "GetConfigurationResponse")
    }
}

/// Checks that a reply is a response of this shape and ends its stream.
fn is_response(reply: &Received, shape: &str) -> Verdict {
    let expected = format!("aws.greengrass#{shape}");
    if reply.text("service-model-type") == Some(&*expected) && reply.flags == test_util::wire::END {
        Ok(())
    } else {
        fails(format!("answers {}", reply.payload()))
    }
}
