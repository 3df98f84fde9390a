//! A session of a client under test with a scripted server.

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

/// A driver, and the scripted server that its client connects to.
#[derive(Debug)]
pub struct Session {
    /// The process of the client.
    pub driver: Driver,
    /// The server's end of the connection.
    pub peer: Peer,
    listener: UnixListener,
    path: PathBuf,
    last_call: u32,
}

impl Session {
    /// Starts a driver. Its client is not connected yet.
    ///
    /// # Errors
    ///
    /// If the driver cannot be built or started.
    pub async fn start(column: Column, logs: bool, timeout: Duration) -> Result<Self> {
        let path = socket_path();
        let listener = UnixListener::bind(&path)?;
        let driver = Driver::start(column, &path, logs, timeout).await?;
        Ok(Self { driver, peer: Peer::default(), listener, path, last_call: 0 })
    }

    /// Sends a command that connects the client, and accepts it.
    ///
    /// # Errors
    ///
    /// If the client does not connect.
    pub async fn connect(&mut self, command: Value) -> Result<(), Problem> {
        self.driver.send(command).await?;
        self.accept().await?;
        let connected = self.driver.next(&["connected"], "connecting hangs").await?;
        if connected["connected"] == true { Ok(()) } else { fails("does not connect") }
    }

    /// Accepts a connection and performs the handshake.
    ///
    /// # Errors
    ///
    /// If the client does not send a connect message, or the driver does not support reconnecting.
    pub async fn accept(&mut self) -> Result<(), Problem> {
        let accepted = tokio::select! {
            accepted = self.listener.accept() => accepted?,
            // The driver may report why the client does not connect.
            problem = self.driver.next(&["connected"], "does not connect") => {
                return match problem {
                    Err(problem) => Err(problem),
                    Ok(_) => fails("does not connect"),
                };
            }
        };
        self.peer = Peer::new(accepted.0);
        let connect = self.receive().await?;
        if connect.kind != CONNECT {
            return fails("sends no connect message");
        }
        self.peer.send(&MessageBuilder::new(CONNECT_ACK, 1, 0)).await?;
        Ok(())
    }

    /// The next message of the client.
    ///
    /// # Errors
    ///
    /// If the client closes the connection or sends no message in time.
    pub async fn receive(&mut self) -> Result<Received, Problem> {
        match tokio::time::timeout(self.driver.timeout(), self.peer.message()).await {
            Ok(message) => match message? {
                Some(message) => Ok(message),
                None => fails("closes the connection"),
            },
            Err(_) => fails("sends nothing more"),
        }
    }

    /// Makes the client send a call. Returns the request, and the number of the call for [`Driver::result`].
    ///
    /// # Errors
    ///
    /// If no request arrives.
    pub async fn call(&mut self, operation: &str) -> Result<(Received, u32), Problem> {
        self.last_call += 1;
        let number = self.last_call;
        self.driver.call(operation, number).await?;
        // Some clients end streams twice or after the response. This test ignores that.
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

    /// Like [`call`](Self::call), but also returns the messages before the request.
    ///
    /// # Errors
    ///
    /// If no request arrives.
    pub async fn call_with_preceding(&mut self) -> Result<(Vec<Received>, Received, u32), Problem> {
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

    /// Closes the connection.
    pub fn disconnect(&mut self) {
        self.peer.close();
    }

    /// Makes the client send a call and answers it. `reply` builds the message for the stream of the call. Returns the
    /// result that the client reports.
    ///
    /// # Errors
    ///
    /// If no request arrives or the call hangs.
    pub async fn answer(
        &mut self,
        operation: &str,
        reply: impl FnOnce(i32) -> MessageBuilder,
    ) -> Result<Value, Problem> {
        let (request, number) = self.call(operation).await?;
        self.peer.send(&reply(request.stream)).await?;
        self.driver.result(number).await
    }

    /// Checks that the client's connection still works.
    ///
    /// # Errors
    ///
    /// If a call fails.
    pub async fn next_call_works(&mut self) -> Result<(), Problem> {
        let result = self.answer("call", |stream| configuration(stream, "well")).await?;
        if result["ok"] == "well" { Ok(()) } else { fails("the next call fails") }
    }

    /// Makes the client subscribe to a topic with a handler. Returns the stream of the subscription.
    ///
    /// # Errors
    ///
    /// If the client does not subscribe.
    pub async fn subscribe(&mut self, topic: &str, handler: &str) -> Result<i32, Problem> {
        self.driver.send(json!({"do": "subscribe", "topic": topic, "handler": handler})).await?;
        let request = self.receive().await?;
        self.peer.send(&subscribed(request.stream)).await?;
        self.expect_subscribed().await?;
        Ok(request.stream)
    }

    /// Waits until the client reports that the subscription is open.
    ///
    /// # Errors
    ///
    /// If the subscription fails.
    pub async fn expect_subscribed(&mut self) -> Result<(), Problem> {
        let keys = ["subscribed", "subscribe_failed"];
        let output = self.driver.next(&keys, "subscribing hangs").await?;
        match output.get("subscribe_failed") {
            None => Ok(()),
            Some(_) => fails("the subscription fails"),
        }
    }

    /// Waits until the client reports an event with this text, or `null` for an unknown event.
    ///
    /// # Errors
    ///
    /// `problem` if another event or no event arrives, or another problem if the subscription ends.
    pub async fn expect_event(&mut self, text: Value, problem: &str) -> Result<(), Problem> {
        let keys = ["event", "stream_error", "stream_closed"];
        let output = self.driver.next(&keys, problem).await?;
        match output.get("event") {
            Some(event) if *event == text => Ok(()),
            Some(_) => fails(problem),
            None => fails("the subscription ends"),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Ignored: the file may already be removed.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The response to `GetConfiguration` with this text as the value. It ends the stream.
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
