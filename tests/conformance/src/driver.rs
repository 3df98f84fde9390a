//! The driver of this project's asynchronous client.
//!
//! Like the drivers of the other clients, it reads one command per line and writes one JSON object per line. It uses
//! the client as the client's documentation describes.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, bail};
use greengrass_core_ipc::{
    Client, StreamHandler, SubscriptionHandle,
    client::ReconnectPolicy,
    error::SdkError,
    operation::subscribe_to_topic::{SubscribeToTopic, SubscribeToTopicError},
    types::{BinaryMessage, SubscriptionResponseMessage},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    sync::Notify,
    task::JoinHandle,
};

/// The time that the slow handler takes for its first event.
pub(crate) const SLOW: Duration = Duration::from_millis(100);

/// The timeout of calls, long enough that a slow machine does not cause failures.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(100);

/// Executes the commands on the standard input until it ends.
///
/// # Errors
///
/// If a command is unknown or invalid.
pub async fn run() -> Result<()> {
    log();
    let mut driver = Driver::default();
    print_json(&json!({"ready": true}));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        driver.run(&serde_json::from_str(&line)?).await?;
    }
    Ok(())
}

/// Enables logging at all levels if `CONFORMANCE_LOGS` is set.
pub(crate) fn log() {
    if std::env::var("CONFORMANCE_LOGS").is_ok_and(|it| !it.is_empty()) {
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
        subscriber.with_writer(std::io::stderr).init();
    }
}

pub(crate) fn print_json(what: &Value) {
    println!("{what}");
}

#[derive(Default)]
struct Driver {
    client: Option<Client>,
    calls: HashMap<u64, JoinHandle<()>>,
    subscriptions: HashMap<String, SubscriptionHandle>,
    signals: Arc<Signals>,
}

/// The signals that handlers wait for.
#[derive(Default)]
struct Signals {
    other_event: Notify,
    open: Notify,
}

impl Driver {
    async fn run(&mut self, command: &Value) -> Result<()> {
        let topic = command["topic"].as_str().unwrap_or_default().to_owned();
        let number = command["n"].as_u64().unwrap_or_default();
        match command["do"].as_str().context("the command has no member `do`")? {
            "connect" => self.connect(command["reconnect"] == true).await?,
            operation @ ("call" | "restart" | "publish" | "publish_secret") => {
                let call = make_call(self.client()?, operation.to_owned(), number);
                self.calls.insert(number, tokio::spawn(call));
            }
            "cancel" => {
                let call = self.calls.remove(&number).context("unknown call")?;
                call.abort();
                let _ = call.await;
                print_json(&json!({"cancelled": number}));
            }
            "subscribe" => self.subscribe(topic, command).await?,
            "unsubscribe" => {
                if let Some(handle) = self.subscriptions.remove(&topic) {
                    handle.close().await;
                }
                print_json(&json!({"unsubscribed": topic}));
            }
            "open" => self.signals.open.notify_one(),
            other => bail!("unknown command {other}"),
        }
        Ok(())
    }

    fn client(&self) -> Result<Client> {
        self.client.clone().context("the client is not connected")
    }

    async fn connect(&mut self, reconnect: bool) -> Result<()> {
        self.subscriptions.clear();
        let mut builder = Client::builder().call_timeout(CALL_TIMEOUT);
        if reconnect {
            let policy = ReconnectPolicy::default();
            builder = builder.reconnect(policy.initial_backoff(Duration::from_millis(10)));
        }
        let connected = builder.connect().await;
        print_json(&json!({"connected": connected.is_ok()}));
        self.client = connected.ok();
        Ok(())
    }

    async fn subscribe(&mut self, topic: String, command: &Value) -> Result<()> {
        let client = self.client()?;
        match client.subscribe_to_topic().topic(&topic).send().await {
            Ok(subscription) => {
                let handler = Handler {
                    topic: topic.clone(),
                    kind: command["handler"].as_str().unwrap_or("print").to_owned(),
                    count: usize::try_from(command["count"].as_u64().unwrap_or_default())?,
                    client,
                    signals: Arc::clone(&self.signals),
                    seen: AtomicUsize::new(0),
                    in_order: Mutex::new(true),
                };
                self.subscriptions.insert(topic.clone(), subscription.spawn_handler(handler));
                print_json(&json!({"subscribed": topic}));
            }
            Err(error) => print_json(
                &json!({"subscribe_failed": name(&error), "text": error.with_sources().to_string()}),
            ),
        }
        Ok(())
    }
}

async fn make_call(client: Client, operation: String, number: u64) {
    let publish = |bytes: Vec<u8>| {
        let message = BinaryMessage::builder().message(bytes).build();
        client.publish_to_topic().topic("t").publish_message(message).send()
    };
    let result = match &*operation {
        "call" => get(&client).await,
        "restart" => {
            let result = client.restart_component().component_name("c").send().await;
            result
                .map(|it| it.restart_status.as_str().to_owned())
                .map_err(|it| (name(&it), it.with_sources().to_string()))
        }
        "publish" => published(publish(vec![b'x'; 4 * 1024 * 1024]).await),
        _ => {
            let message = json!({"text": "SECRET-IN-A-REQUEST"});
            let message = greengrass_core_ipc::types::JsonMessage::builder().message(message);
            let call = client.publish_to_topic().topic("t").publish_message(message.build());
            published(call.send().await)
        }
    };
    let key = format!("call {number}");
    print_json(&match result {
        Ok(value) => json!({key: true, "ok": value}),
        Err((name, text)) => json!({key: true, "failed": name, "text": text}),
    });
}

fn published<T, E: std::error::Error + eventstream_rpc::error::OperationError>(
    result: Result<T, SdkError<E>>,
) -> Result<String, (String, String)> {
    result.map(|_| String::new()).map_err(|it| (name(&it), it.with_sources().to_string()))
}

/// Reads a text of the configuration, truncated if it is long.
async fn get(client: &Client) -> Result<String, (String, String)> {
    let response = client.get_configuration().key_path(["k"]).send().await;
    let response = response.map_err(|it| (name(&it), it.with_sources().to_string()))?;
    Ok(text_prefix(&response.value.unwrap_or_default()))
}

pub(crate) fn text_prefix(configuration: &Value) -> String {
    configuration["k"].as_str().unwrap_or_default().chars().take(100).collect()
}

/// A short name of an error.
pub(crate) fn name<E: eventstream_rpc::error::OperationError>(error: &SdkError<E>) -> String {
    let text = match error {
        SdkError::ServiceError { .. } => error.code().unwrap_or("ServiceError"),
        SdkError::ConstructionFailure(_) => "ConstructionFailure",
        SdkError::DispatchFailure { .. } => "DispatchFailure",
        SdkError::Timeout { .. } => "Timeout",
        SdkError::ResponseError(_) => "ResponseError",
        SdkError::Lagged { .. } => "Lagged",
        _ => "other",
    };
    text.to_owned()
}

struct Handler {
    topic: String,
    kind: String,
    /// The number of events that a handler counts before it reports.
    count: usize,
    client: Client,
    signals: Arc<Signals>,
    seen: AtomicUsize,
    in_order: Mutex<bool>,
}

impl StreamHandler<SubscribeToTopic> for Handler {
    async fn on_stream_event(&mut self, event: SubscriptionResponseMessage) {
        let text = event
            .as_json_message()
            .and_then(|it| it.message.as_ref())
            .and_then(|it| it["text"].as_str());
        match &*self.kind {
            "call" => {
                let result = get(&self.client).await;
                print_json(&json!({"called": result.ok()}));
            }
            "wait" => {
                print_json(&json!({"waiting": true}));
                self.signals.other_event.notified().await;
                print_json(&json!({"waited": true}));
            }
            "signal" => self.signals.other_event.notify_one(),
            "slow" | "stuck" => self.count(text.unwrap_or_default()).await,
            _ => print_json(&json!({"event": text, "topic": self.topic})),
        }
    }

    async fn on_stream_error(&mut self, error: SdkError<SubscribeToTopicError>) -> ControlFlow<()> {
        print_json(&json!({"stream_error": name(&error), "topic": self.topic}));
        ControlFlow::Break(())
    }

    async fn on_stream_closed(&mut self) {
        print_json(&json!({"stream_closed": true, "topic": self.topic}));
    }
}

impl Handler {
    async fn count(&self, text: &str) {
        let number: usize = text.parse().unwrap_or(usize::MAX);
        if number == 0 && self.kind == "slow" {
            tokio::time::sleep(SLOW).await;
        }
        if number == 0 && self.kind == "stuck" {
            print_json(&json!({"stuck": true}));
            self.signals.open.notified().await;
        }
        let seen = self.seen.fetch_add(1, Ordering::Relaxed);
        let mut in_order = self.in_order.lock().expect("the lock is not poisoned");
        *in_order &= seen == number;
        if seen + 1 == self.count {
            print_json(&json!({"counted": self.count, "in_order": *in_order}));
        }
    }
}
