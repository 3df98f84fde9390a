//! Replays to this project's client what a scripted server sent to the official Python and JavaScript SDKs.
//!
//! `data/client-observations.json` contains the messages of the scripted server. `data/client-outcomes.txt` contains
//! the reviewed outcomes of this project's client, with notes where the official SDKs differ from it or from each
//! other. `UPDATE_OUTCOMES=1` rewrites the outcomes and keeps the notes; review the changes.

use std::{
    error::Error,
    fmt::Write as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use super::support::{check_table, describe, frame};
use eventstream_rpc::{
    client::{CallOptions, Connection, LifecycleHandler, SubscribeOptions, Subscription},
    error::ConnectionError,
    frame::Header,
    json::Shape,
    operation::{Operation, StreamingOperation},
};
use greengrass_core_ipc::{
    client::ConnectionBuilder,
    operation::{
        get_configuration::GetConfiguration, get_secret_value::GetSecretValue,
        get_thing_shadow::GetThingShadow, list_components::ListComponents,
        list_named_shadows_for_thing::ListNamedShadowsForThing, publish_to_topic::PublishToTopic,
        subscribe_to_component_updates::SubscribeToComponentUpdates,
        subscribe_to_iot_core::SubscribeToIoTCore, subscribe_to_topic::SubscribeToTopic,
        validate_authorization_token::ValidateAuthorizationToken,
    },
};
use serde_json::Value;
use test_util::Peer;
use tokio::io::DuplexStream;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/client-outcomes.txt");

#[tokio::test(start_paused = true)]
async fn every_case_has_the_outcome_of_the_table() {
    let data: Value =
        serde_json::from_str(include_str!("../../data/client-observations.json")).unwrap();
    let mut outcomes = Vec::new();
    for case in data["cases"].as_array().unwrap() {
        outcomes.push((case["name"].as_str().unwrap().to_owned(), run(case).await));
    }
    check_table(TABLE, &outcomes);
}

async fn run(case: &Value) -> Vec<String> {
    let (io, server) = tokio::io::duplex(64 * 1024);
    let log = Arc::new(Mutex::new(Vec::new()));
    let server = tokio::spawn(serve(server, case.clone()));
    act(case, io, &log).await;
    let sent = server.await.unwrap();
    let mut lines = std::mem::take(&mut *log.lock().unwrap());
    lines.extend(sent);
    lines
}

/// Performs the application's part of a case and records its results.
async fn act(case: &Value, io: DuplexStream, log: &Log) {
    let continues = case["name"].as_str().unwrap().ends_with("_handler_keeps");
    let handler = Reporter { log: Arc::clone(log), ends: !continues };
    let connecting = ConnectionBuilder::default()
        .auth_token("TOKEN0123456789")
        .lifecycle_handler(handler)
        .connect_over(io)
        .await;
    let connection = match connecting {
        Ok(connection) => connection,
        Err(error) => return record(log, format!("connect failed: {}", chain(&error))),
    };
    let request = case["request"].as_str().unwrap_or_default();
    match case["action"].as_str().unwrap() {
        "connect_only" | "idle" => {}
        "publish_binary" | "publish_then_idle" => {
            call(PublishToTopic, &connection, request, log).await
        }
        "list_named_shadows" => call(ListNamedShadowsForThing, &connection, request, log).await,
        "get_configuration" => call(GetConfiguration, &connection, request, log).await,
        "get_thing_shadow" => call(GetThingShadow, &connection, request, log).await,
        "get_secret" => call(GetSecretValue, &connection, request, log).await,
        "list_components" => call(ListComponents, &connection, request, log).await,
        "validate_token" => call(ValidateAuthorizationToken, &connection, request, log).await,
        "subscribe_topic" => subscribe(SubscribeToTopic, &connection, request, log).await,
        "subscribe_topic_close" => {
            let subscription = open(SubscribeToTopic, &connection, request, log).await.unwrap();
            let closed = subscription.close().await;
            record(log, format!("close: {closed:?}"));
        }
        "subscribe_iot" => subscribe(SubscribeToIoTCore, &connection, request, log).await,
        "subscribe_component_updates" => {
            subscribe(SubscribeToComponentUpdates, &connection, request, log).await
        }
        other => panic!("unknown action {other}"),
    }
    // The paused clock advances only when all tasks are idle.
    tokio::time::sleep(Duration::from_secs(1)).await;
    // Ignored: the server may not read the last messages.
    let _ = connection.close().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
}

type Log = Arc<Mutex<Vec<String>>>;

fn record(log: &Log, line: String) {
    log.lock().unwrap().push(line);
}

async fn call<O: Operation>(operation: O, connection: &Connection, request: &str, log: &Log) {
    let request = serde_json::from_str(request).unwrap();
    let line = match connection.call(operation, request, CallOptions::default()).await {
        Ok(response) => format!("response {}", json(&response)),
        Err(error) => format!("failed: {}", chain(&error)),
    };
    record(log, line);
}

async fn subscribe<O: StreamingOperation>(
    operation: O,
    connection: &Connection,
    request: &str,
    log: &Log,
) {
    let Some(mut subscription) = open(operation, connection, request, log).await else { return };
    loop {
        let line = match tokio::time::timeout(Duration::from_secs(1), subscription.next()).await {
            Err(_) => break,
            Ok(None) => {
                record(log, "ended".to_owned());
                break;
            }
            Ok(Some(Ok(event))) => format!("event {}", json(&event)),
            Ok(Some(Err(error))) => format!("error: {}", chain(&error)),
        };
        record(log, line);
    }
}

async fn open<O: StreamingOperation>(
    operation: O,
    connection: &Connection,
    request: &str,
    log: &Log,
) -> Option<Subscription<O>> {
    let request = serde_json::from_str(request).unwrap();
    match connection.subscribe(operation, request, SubscribeOptions::default()).await {
        Ok(subscription) => {
            record(log, format!("response {}", json(subscription.response())));
            Some(subscription)
        }
        Err(error) => {
            record(log, format!("failed: {}", chain(&error)));
            None
        }
    }
}

/// The JSON of a received shape, or an error for an unknown union member, which cannot be encoded.
fn json(shape: &impl Shape) -> String {
    shape.to_json().unwrap_or_else(|error| error.to_string())
}

/// An error and its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        write!(text, ": {error}").unwrap();
        source = error.source();
    }
    text
}

/// A lifecycle handler that records its callbacks.
struct Reporter {
    log: Log,
    ends: bool,
}

impl LifecycleHandler for Reporter {
    fn on_connect(&mut self) {
        record(&self.log, "connected".to_owned());
    }

    fn on_disconnect(&mut self, error: Option<&ConnectionError>) {
        let why = error.map_or("closed".to_owned(), |it| chain(it));
        record(&self.log, format!("disconnected: {why}"));
    }

    fn on_error(&mut self, error: &(dyn Error + 'static)) -> bool {
        record(&self.log, format!("on_error: {}", chain(error)));
        self.ends
    }

    fn on_ping(&mut self, headers: &[Header], payload: &[u8]) {
        let headers: Vec<_> = headers.iter().map(|it| &it.name).collect();
        let payload = String::from_utf8_lossy(payload);
        record(&self.log, format!("ping with {headers:?} and {payload:?}"));
    }
}

/// Runs the scripted server: sends the first frame after the connect message and the others after the request. Returns
/// descriptions of the messages that the client sends after that.
async fn serve(io: DuplexStream, case: Value) -> Vec<String> {
    let mut client = Peer::new(io);
    let mut sent = Vec::new();
    client.message().await.unwrap();
    for (index, recorded) in case["frames"].as_array().unwrap().iter().enumerate() {
        let waits = match index {
            1 => case["request"].is_string(),
            // The client closes the stream once it has the response.
            2 => case["action"] == "subscribe_topic_close",
            _ => false,
        };
        if waits {
            let message = client.expect().await;
            if index > 1 {
                sent.push(describe(&message));
            }
        }
        // Ignored: the client may have closed the socket.
        let _ = client.send_bytes(&frame(recorded)).await;
    }
    if case["server_closes"].as_bool().unwrap() {
        let _ = client.shutdown().await;
    }
    while let Ok(Some(message)) = client.message().await {
        sent.push(describe(&message));
    }
    sent
}
