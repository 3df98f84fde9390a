//! A client and the scripted server that it talks to.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use serde_json::{Value, json};
use test_util::{
    socket_path,
    wire::{CONNECT, CONNECT_ACK, END, MESSAGE, MessageBuilder, Peer, Received},
};
use tokio::net::UnixListener;

use crate::{
    column::Column,
    process::Driver,
    verdict::{Problem, fails},
};

/// A client in its driver, and the server's end of its connection.
#[derive(Debug)]
pub struct Session {
    /// The process with the client.
    pub driver: Driver,
    /// The server.
    pub peer: Peer,
    listener: UnixListener,
    path: PathBuf,
    last_call: u32,
}

impl Session {
    /// Starts a driver and lets its client in.
    ///
    /// # Errors
    ///
    /// The driver cannot be built or started, or its client does not connect.
    pub async fn start(column: Column, logs: bool, patience: Duration) -> Result<Self> {
        let path = socket_path();
        let listener = UnixListener::bind(&path)?;
        let driver = Driver::start(column, &path, logs, patience).await?;
        Ok(Self { driver, peer: Peer::default(), listener, path, last_call: 0 })
    }

    /// Lets the client in, over a new connection.
    ///
    /// # Errors
    ///
    /// It does not connect.
    pub async fn connect(&mut self, command: Value) -> Result<(), Problem> {
        self.driver.tell(command).await?;
        self.accept().await?;
        let connected = self.driver.next(&["connected"], "connecting hangs").await?;
        if connected["connected"] == true { Ok(()) } else { fails("it does not connect") }
    }

    /// Accepts a connection and the client on it.
    ///
    /// # Errors
    ///
    /// What comes is not a client that introduces itself, or the driver has no such thing to offer.
    pub async fn accept(&mut self) -> Result<(), Problem> {
        let accepted = tokio::select! {
            accepted = self.listener.accept() => accepted?,
            // It may say why it does not come.
            problem = self.driver.next(&["connected"], "it does not connect") => {
                return match problem {
                    Err(problem) => Err(problem),
                    Ok(_) => fails("it does not connect"),
                };
            }
        };
        self.peer = Peer::new(accepted.0);
        let connect = self.receive().await?;
        if connect.kind != CONNECT {
            return fails("it does not introduce itself");
        }
        self.peer.send(&MessageBuilder::new(CONNECT_ACK, 1, 0)).await?;
        Ok(())
    }

    /// The next message of the client.
    ///
    /// # Errors
    ///
    /// There is none, or none comes for as long as the client may take.
    pub async fn receive(&mut self) -> Result<Received, Problem> {
        match tokio::time::timeout(self.driver.patience(), self.peer.message()).await {
            Ok(message) => match message? {
                Some(message) => Ok(message),
                None => fails("it closes the connection"),
            },
            Err(_) => fails("it sends nothing more"),
        }
    }

    /// Has the client make a call; its request, and its number for [`Driver::result`].
    ///
    /// # Errors
    ///
    /// It does not call.
    pub async fn call(&mut self, operation: &str) -> Result<(Received, u32), Problem> {
        self.last_call += 1;
        let number = self.last_call;
        self.driver.call(operation, number).await?;
        // Python ends streams twice, and others end what has been answered: that disturbs nobody here.
        loop {
            tokio::select! {
                request = self.peer.message() => match request? {
                    Some(request) if request.is_end() => {}
                    Some(request) => return Ok((request, number)),
                    None => return fails("the connection is lost"),
                },
                result = self.driver.result(number) => {
                    result?;
                    return fails("the connection is lost");
                }
            }
        }
    }

    /// The same, with what the client sends before it.
    ///
    /// # Errors
    ///
    /// It does not call.
    pub async fn call_after_anything(&mut self) -> Result<(Vec<Received>, Received, u32), Problem> {
        self.last_call += 1;
        self.driver.call("call", self.last_call).await?;
        let mut before = Vec::new();
        loop {
            let message = self.receive().await?;
            if message.text("operation").is_some() {
                return Ok((before, message, self.last_call));
            }
            before.push(message);
        }
    }

    /// The server goes away.
    pub fn disconnect(&mut self) {
        self.peer.close();
    }

    /// Has the client call, and answers with this message on the call's stream; what the client says to it.
    ///
    /// # Errors
    ///
    /// It does not call, or hangs.
    pub async fn answer(
        &mut self,
        operation: &str,
        reply: impl FnOnce(i32) -> MessageBuilder,
    ) -> Result<Value, Problem> {
        let (request, number) = self.call(operation).await?;
        self.peer.send(&reply(request.stream)).await?;
        self.driver.result(number).await
    }

    /// Finds out whether the client's connection is still of use.
    ///
    /// # Errors
    ///
    /// It is not.
    pub async fn next_call_works(&mut self) -> Result<(), Problem> {
        let result = self.answer("call", |stream| configuration(stream, "well")).await?;
        if result["ok"] == "well" { Ok(()) } else { fails("the next call fails") }
    }

    /// Opens a subscription to a topic, for a handler; the stream that it has.
    ///
    /// # Errors
    ///
    /// The client does not subscribe.
    pub async fn subscribe(&mut self, topic: &str, handler: &str) -> Result<i32, Problem> {
        self.driver.tell(json!({"do": "subscribe", "topic": topic, "handler": handler})).await?;
        let request = self.receive().await?;
        self.peer.send(&subscribed(request.stream)).await?;
        self.is_subscribed().await?;
        Ok(request.stream)
    }

    /// Waits until the client says that it has a subscription.
    ///
    /// # Errors
    ///
    /// It has none.
    pub async fn is_subscribed(&mut self) -> Result<(), Problem> {
        let keys = ["subscribed", "subscribe_failed"];
        let said = self.driver.next(&keys, "subscribing hangs").await?;
        match said.get("subscribe_failed") {
            None => Ok(()),
            Some(_) => fails("the subscription fails"),
        }
    }

    /// Waits for an event with this text, `null` for one that says nothing the client understands.
    ///
    /// # Errors
    ///
    /// Another comes, none comes, or the subscription ends.
    pub async fn sees(&mut self, text: Value, silence: &str) -> Result<(), Problem> {
        let keys = ["event", "stream_error", "stream_closed"];
        let said = self.driver.next(&keys, silence).await?;
        match said.get("event") {
            Some(event) if *event == text => Ok(()),
            Some(_) => fails(silence),
            None => fails("the subscription ends"),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It is of use to nobody else.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The response to `GetConfiguration` with this text as the value, which ends the stream.
pub fn configuration(stream: i32, text: &str) -> MessageBuilder {
    let payload = json!({"componentName": "c", "value": {"k": text}}).to_string();
    MessageBuilder::new(MESSAGE, END, stream)
        .shape("aws.greengrass#GetConfigurationResponse")
        .payload(payload)
}

/// The response that opens a subscription.
pub fn subscribed(stream: i32) -> MessageBuilder {
    MessageBuilder::new(MESSAGE, 0, stream)
        .shape("aws.greengrass#SubscribeToTopicResponse")
        .payload("{}")
}

/// An event of a subscription with this JSON.
pub fn event_json(stream: i32, payload: Value) -> MessageBuilder {
    MessageBuilder::new(MESSAGE, 0, stream)
        .shape("aws.greengrass#SubscriptionResponseMessage")
        .payload(payload.to_string())
}

/// An event of a subscription with this text.
pub fn event(stream: i32, text: &str) -> MessageBuilder {
    let message = json!({"message": {"text": text}, "context": {"topic": "t"}});
    event_json(stream, json!({"jsonMessage": message}))
}
