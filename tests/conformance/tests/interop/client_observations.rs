//! What our client makes of everything that was tried on the official Python and JavaScript SDKs.
//!
//! `data/client-observations.json` holds what a scripted server sent; `data/client-outcomes.txt` is the
//! reviewed table of what our client does, with a note where the official SDKs differ from it or from each
//! other. `UPDATE_OUTCOMES=1` writes the outcomes again and keeps the notes: review what has changed.

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
async fn every_case_ends_as_the_table_says() {
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
    let seen = Arc::new(Mutex::new(Vec::new()));
    let server = tokio::spawn(serve(server, case.clone()));
    act(case, io, &seen).await;
    let sent = server.await.unwrap();
    let mut lines = std::mem::take(&mut *seen.lock().unwrap());
    lines.extend(sent);
    lines
}

/// What the application does, and sees.
async fn act(case: &Value, io: DuplexStream, seen: &Seen) {
    let keeps = case["name"].as_str().unwrap().ends_with("_handler_keeps");
    let handler = Reporter { seen: Arc::clone(seen), ends: !keeps };
    let connecting = ConnectionBuilder::default()
        .auth_token("TOKEN0123456789")
        .lifecycle_handler(handler)
        .connect_over(io)
        .await;
    let connection = match connecting {
        Ok(connection) => connection,
        Err(error) => return say(seen, format!("connect failed: {}", chain(&error))),
    };
    let request = case["request"].as_str().unwrap_or_default();
    match case["action"].as_str().unwrap() {
        "connect_only" | "idle" => {}
        "publish_binary" | "publish_then_idle" => {
            call(PublishToTopic, &connection, request, seen).await
        }
        "list_named_shadows" => call(ListNamedShadowsForThing, &connection, request, seen).await,
        "get_configuration" => call(GetConfiguration, &connection, request, seen).await,
        "get_thing_shadow" => call(GetThingShadow, &connection, request, seen).await,
        "get_secret" => call(GetSecretValue, &connection, request, seen).await,
        "list_components" => call(ListComponents, &connection, request, seen).await,
        "validate_token" => call(ValidateAuthorizationToken, &connection, request, seen).await,
        "subscribe_topic" => subscribe(SubscribeToTopic, &connection, request, seen).await,
        "subscribe_topic_close" => {
            let subscription = open(SubscribeToTopic, &connection, request, seen).await.unwrap();
            let closed = subscription.close().await;
            say(seen, format!("close: {closed:?}"));
        }
        "subscribe_iot" => subscribe(SubscribeToIoTCore, &connection, request, seen).await,
        "subscribe_component_updates" => {
            subscribe(SubscribeToComponentUpdates, &connection, request, seen).await
        }
        other => panic!("unknown action {other}"),
    }
    // Time stands still while anything can still happen, so this is when nothing can.
    tokio::time::sleep(Duration::from_secs(1)).await;
    // Whether the server took the last of it does not matter.
    let _ = connection.close().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
}

type Seen = Arc<Mutex<Vec<String>>>;

fn say(seen: &Seen, line: String) {
    seen.lock().unwrap().push(line);
}

async fn call<O: Operation>(operation: O, connection: &Connection, request: &str, seen: &Seen) {
    let request = serde_json::from_str(request).unwrap();
    let line = match connection.call(operation, request, CallOptions::default()).await {
        Ok(response) => format!("response {}", json(&response)),
        Err(error) => format!("failed: {}", chain(&error)),
    };
    say(seen, line);
}

async fn subscribe<O: StreamingOperation>(
    operation: O,
    connection: &Connection,
    request: &str,
    seen: &Seen,
) {
    let Some(mut subscription) = open(operation, connection, request, seen).await else { return };
    loop {
        let line = match tokio::time::timeout(Duration::from_secs(1), subscription.next()).await {
            Err(_) => break,
            Ok(None) => {
                say(seen, "ended".to_owned());
                break;
            }
            Ok(Some(Ok(event))) => format!("event {}", json(&event)),
            Ok(Some(Err(error))) => format!("error: {}", chain(&error)),
        };
        say(seen, line);
    }
}

async fn open<O: StreamingOperation>(
    operation: O,
    connection: &Connection,
    request: &str,
    seen: &Seen,
) -> Option<Subscription<O>> {
    let request = serde_json::from_str(request).unwrap();
    match connection.subscribe(operation, request, SubscribeOptions::default()).await {
        Ok(subscription) => {
            say(seen, format!("response {}", json(subscription.response())));
            Some(subscription)
        }
        Err(error) => {
            say(seen, format!("failed: {}", chain(&error)));
            None
        }
    }
}

/// A shape that came; one of an unknown kind cannot be written again.
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

struct Reporter {
    seen: Seen,
    ends: bool,
}

impl LifecycleHandler for Reporter {
    fn on_connect(&mut self) {
        say(&self.seen, "connected".to_owned());
    }

    fn on_disconnect(&mut self, error: Option<&ConnectionError>) {
        let why = error.map_or("closed".to_owned(), |it| chain(it));
        say(&self.seen, format!("disconnected: {why}"));
    }

    fn on_error(&mut self, error: &(dyn Error + 'static)) -> bool {
        say(&self.seen, format!("on_error: {}", chain(error)));
        self.ends
    }

    fn on_ping(&mut self, headers: &[Header], payload: &[u8]) {
        let headers: Vec<_> = headers.iter().map(|it| &it.name).collect();
        let payload = String::from_utf8_lossy(payload);
        say(&self.seen, format!("ping with {headers:?} and {payload:?}"));
    }
}

/// The server: sends the first frame when the client introduces itself and the others when it calls, and
/// says what the client sent after that.
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
        // A client that has had enough closes the socket.
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
