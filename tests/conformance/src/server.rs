//! What a scripted client does to this project's server.

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

/// A promise that a server has no part in.
pub async fn not_for_a_server() -> Verdict {
    Err(Problem::NotApplicable("a promise of clients".to_owned()))
}

/// A server at work.
struct Serving {
    path: PathBuf,
    /// How many handlers and streams of events have gone with their client.
    gone: watch::Receiver<usize>,
    _stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Serving {
    fn start() -> Result<Self, Problem> {
        let path = socket_path();
        let (stop, stopped) = oneshot::channel::<()>();
        let (nucleus, gone) = Nucleus::new();
        let server = Server::bind(&path)?.authenticator(authenticate);
        let task = tokio::spawn(server.serve(GreengrassCoreIpcService::new(nucleus), stopped));
        Ok(Self { path, gone, _stop: stop, task })
    }

    async fn connect(&self) -> Result<Caller, Problem> {
        Caller::connect(&self.path).await
    }

    /// Waits until a handler or stream of events has gone with its client.
    async fn something_is_gone(&mut self) -> Verdict {
        match self.gone.wait_for(|it| *it > 0).await {
            Ok(_) => Ok(()),
            Err(_) => fails("the server is gone"),
        }
    }
}

impl Drop for Serving {
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

/// A client that sends what a test says.
struct Caller {
    peer: Peer,
    last_stream: i32,
}

impl Caller {
    async fn connect(path: &Path) -> Result<Self, Problem> {
        let mut caller = Self { peer: Peer::new(UnixStream::connect(path).await?), last_stream: 0 };
        let connect = MessageBuilder::new(CONNECT, 0, 0).header(":version", "0.1.0");
        let token = serde_json::json!({"authToken": TOKEN}).to_string();
        caller.peer.send(&connect.payload(token)).await?;
        let answer = caller.receive().await?;
        if answer.flags == 1 { Ok(caller) } else { fails("the client is not let in") }
    }

    async fn receive(&mut self) -> Result<Received, Problem> {
        match self.peer.message().await? {
            Some(message) => Ok(message),
            None => fails("it closes the connection"),
        }
    }

    /// A request on a new stream that is to be sent.
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

    /// Calls, and waits for the reply.
    async fn call(&mut self, operation: &str, payload: &str) -> Result<Received, Problem> {
        let stream = self.send(operation, payload).await?;
        let reply = self.receive().await?;
        if reply.stream == stream { Ok(reply) } else { fails("a reply to nobody") }
    }

    /// Opens a subscription; its stream.
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

/// Whether it is the response that ends a call.
fn is_response(reply: &Received, shape: &str) -> Verdict {
    let expected = format!("aws.greengrass#{shape}");
    if reply.text("service-model-type") == Some(&*expected) && reply.flags == test_util::wire::END {
        Ok(())
    } else {
        fails(format!("answers {}", reply.payload()))
    }
}
