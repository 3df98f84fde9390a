//! What our client makes of everything that was tried on the official Python and JavaScript SDKs.
//!
//! `data/client-observations.json` holds what a scripted server sent; `data/client-outcomes.txt` is the
//! reviewed table of what our client does, with a note where the official SDKs differ from it or from each
//! other. `UPDATE_OUTCOMES=1` writes the outcomes again and keeps the notes: review what has changed.

use std::{
    collections::BTreeMap,
    error::Error,
    fmt::Write as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::BytesMut;
use eventstream_rpc::{
    client::{CallOptions, Connection, LifecycleHandler, SubscribeOptions, Subscription},
    error::ConnectionError,
    frame::{Decoder, Header, HeaderValue, Message},
    operation::{Operation, Shape, StreamingOperation},
};
use greengrass_core_ipc::operation::{
    get_configuration::GetConfiguration, get_secret_value::GetSecretValue,
    get_thing_shadow::GetThingShadow, list_components::ListComponents,
    list_named_shadows_for_thing::ListNamedShadowsForThing, publish_to_topic::PublishToTopic,
    subscribe_to_component_updates::SubscribeToComponentUpdates,
    subscribe_to_iot_core::SubscribeToIoTCore, subscribe_to_topic::SubscribeToTopic,
    validate_authorization_token::ValidateAuthorizationToken,
};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/client-outcomes.txt");

#[tokio::test(start_paused = true)]
async fn every_case_ends_as_the_table_says() {
    let data: Value =
        serde_json::from_str(include_str!("../data/client-observations.json")).unwrap();
    let expected = std::fs::read_to_string(TABLE).unwrap_or_default();
    let notes = notes(&expected);
    let mut actual = String::new();
    for case in data["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        writeln!(actual, "{name}").unwrap();
        for note in notes.get(name).into_iter().flatten() {
            writeln!(actual, "{note}").unwrap();
        }
        for line in run(case).await {
            writeln!(actual, "    {line}").unwrap();
        }
    }
    if std::env::var_os("UPDATE_OUTCOMES").is_some() {
        std::fs::write(TABLE, &actual).unwrap();
    }
    for (expected, actual) in blocks(&expected).zip(blocks(&actual)) {
        assert_eq!(actual, expected);
    }
    assert_eq!(actual.len(), expected.len(), "a case is missing in the table");
}

/// The lines of the table that explain a case; they begin with `#`.
fn notes(table: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut notes = BTreeMap::<_, Vec<_>>::new();
    let mut name = "";
    for line in table.lines() {
        match line.trim_start() {
            note if note.starts_with('#') => notes.entry(name).or_default().push(line),
            _ if line.starts_with(' ') => {}
            _ => name = line,
        }
    }
    notes
}

/// The table, case by case.
fn blocks(table: &str) -> impl Iterator<Item = String> {
    let mut lines = table.lines().peekable();
    std::iter::from_fn(move || {
        let mut block = format!("{}\n", lines.next()?);
        while let Some(line) = lines.next_if(|it| it.starts_with(' ')) {
            block.push_str(line);
            block.push('\n');
        }
        Some(block)
    })
}

/// Longer values are cut in the table.
const MAX_LEN: usize = 300;

async fn run(case: &Value) -> Vec<String> {
    let (io, server) = tokio::io::duplex(64 * 1024);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let server = tokio::spawn(serve(server, case.clone()));
    act(case, io, &seen).await;
    let sent = server.await.unwrap();
    let mut lines = std::mem::take(&mut *seen.lock().unwrap());
    lines.extend(sent);
    for line in &mut lines {
        if let Some((at, _)) = line.char_indices().nth(MAX_LEN) {
            line.truncate(at);
            line.push('…');
        }
    }
    lines
}

/// What the application does, and sees.
async fn act(case: &Value, io: DuplexStream, seen: &Seen) {
    let keeps = case["name"].as_str().unwrap().ends_with("_handler_keeps");
    let handler = Reporter { seen: Arc::clone(seen), ends: !keeps };
    let connecting = Connection::builder()
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
    connection.close().await;
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

fn frames(case: &Value) -> Vec<Vec<u8>> {
    let unhex = |hex: &str| -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    };
    let frame = |it: &Value| match it {
        Value::String(hex) => unhex(hex),
        parts => parts
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|part| {
                let count = usize::try_from(part[1].as_u64().unwrap()).unwrap();
                unhex(part[0].as_str().unwrap()).repeat(count)
            })
            .collect(),
    };
    case["frames"].as_array().unwrap().iter().map(frame).collect()
}

/// The server: sends the first frame when the client introduces itself and the others when it calls, and
/// says what the client sent after that.
async fn serve(mut io: DuplexStream, case: Value) -> Vec<String> {
    let mut client = Reader::default();
    let mut sent = Vec::new();
    client.message(&mut io).await;
    for (index, frame) in frames(&case).iter().enumerate() {
        let waits = match index {
            1 => case["request"].is_string(),
            // The client closes the stream once it has the response.
            2 => case["action"] == "subscribe_topic_close",
            _ => false,
        };
        if waits {
            let message = client.message(&mut io).await.unwrap();
            if index > 1 {
                sent.push(describe(&message));
            }
        }
        // A client that has had enough closes the socket.
        let _ = io.write_all(frame).await;
    }
    if case["server_closes"].as_bool().unwrap() {
        let _ = io.shutdown().await;
    }
    while let Some(message) = client.message(&mut io).await {
        sent.push(describe(&message));
    }
    sent
}

#[derive(Default)]
struct Reader {
    input: BytesMut,
    decoder: Decoder,
}

impl Reader {
    async fn message(&mut self, io: &mut DuplexStream) -> Option<Message> {
        loop {
            if let Some(message) = self.decoder.decode(&mut self.input).unwrap() {
                return Some(message);
            }
            if io.read_buf(&mut self.input).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }
}

/// A message of the client in a few words.
fn describe(message: &Message) -> String {
    let int = |name| match message.header(name) {
        Some(HeaderValue::Int32(value)) => *value,
        other => panic!("{name}: {other:?}"),
    };
    let kind = ["message", "error", "ping", "ping response", "connect", "connect ack"]
        .into_iter()
        .chain(["protocol error", "internal error"])
        .nth(usize::try_from(int(":message-type")).unwrap())
        .unwrap();
    let (flags, stream) = (int(":message-flags"), int(":stream-id"));
    let payload = String::from_utf8_lossy(&message.payload);
    format!("sent {kind}, flags {flags}, stream {stream}, payload {payload:?}")
}
