//! The common part of the drivers of other crates, which read commands and write one JSON object per line.
//!
//! Neither crate has callbacks, so each subscription has a task that reads its events in a loop.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    sync::Notify,
    task::JoinHandle,
};

/// The time that the slow loop takes for its first event.
const SLOW: Duration = Duration::from_millis(100);

/// The name of an error and its text.
pub type Failure = (String, String);

/// An item of a subscription.
pub enum Item {
    /// The text of an event, or `None` if the crate does not know its type.
    Event(Option<String>),
    /// An error of the subscription.
    Error(String),
    /// The end of the subscription.
    Closed,
}

/// The client of a crate.
pub trait Client: Clone + Send + Sync + Sized + 'static {
    /// An open subscription.
    type Events: Send + 'static;

    /// Connects with the settings of the environment variables.
    fn connect() -> impl Future<Output = Result<Self, Failure>> + Send;
    /// Reads the text of a configuration.
    fn get(&self) -> impl Future<Output = Result<String, Failure>> + Send;
    /// Restarts a component and returns the status.
    fn restart(&self) -> impl Future<Output = Result<String, Failure>> + Send;
    /// Publishes a text.
    fn publish(&self, text: &str) -> impl Future<Output = Result<String, Failure>> + Send;
    /// Subscribes to a topic.
    fn subscribe(&self, topic: &str) -> impl Future<Output = Result<Self::Events, Failure>> + Send;
    /// Waits for the next item.
    fn next(events: &mut Self::Events) -> impl Future<Output = Item> + Send;
}

/// The name and the text of an error.
pub fn failure(error: impl std::fmt::Debug + std::fmt::Display) -> Failure {
    let debug = format!("{error:?}");
    let end = debug.find(|it: char| !it.is_alphanumeric()).unwrap_or(debug.len());
    (debug[..end].to_owned(), error.to_string())
}

#[derive(Default)]
struct Signals {
    other_event: Notify,
    open: Notify,
}

fn print_json(what: &Value) {
    println!("{what}");
}

/// Executes the commands on the standard input until it ends.
pub async fn run<D: Client>() {
    if std::env::var("CONFORMANCE_LOGS").is_ok_and(|it| !it.is_empty()) {
        let level = tracing_subscriber::filter::LevelFilter::TRACE;
        tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).init();
    }
    let signals = Arc::new(Signals::default());
    let mut client: Option<D> = None;
    let mut calls = HashMap::<u64, JoinHandle<()>>::new();
    let mut subscriptions = HashMap::<String, JoinHandle<()>>::new();
    print_json(&json!({"ready": true}));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let command: Value = serde_json::from_str(&line).expect("a command is JSON");
        let number = command["n"].as_u64().unwrap_or_default();
        let topic = command["topic"].as_str().unwrap_or_default().to_owned();
        match command["do"].as_str().unwrap_or_default() {
            "connect" if command["reconnect"] == true => {
                print_json(&json!({"unsupported": "reconnecting is not supported"}));
            }
            "connect" => {
                let connected = D::connect().await;
                print_json(&json!({"connected": connected.is_ok()}));
                client = connected.ok();
            }
            "cancel" => {
                if let Some(call) = calls.remove(&number) {
                    call.abort();
                    let _ = call.await;
                }
                print_json(&json!({"cancelled": number}));
            }
            "subscribe" => {
                let Some(client) = &client else { continue };
                match client.subscribe(&topic).await {
                    Ok(events) => {
                        print_json(&json!({"subscribed": topic}));
                        let task = listen(client.clone(), events, command, Arc::clone(&signals));
                        subscriptions.insert(topic, tokio::spawn(task));
                    }
                    Err((name, text)) => print_json(&json!({"subscribe_failed": name, "text": text})),
                }
            }
            "unsubscribe" => {
                if let Some(task) = subscriptions.remove(&topic) {
                    task.abort();
                    let _ = task.await;
                }
                print_json(&json!({"unsubscribed": topic}));
            }
            "open" => signals.open.notify_one(),
            operation => {
                let Some(client) = client.clone() else { continue };
                let call = call(client, operation.to_owned(), number);
                calls.insert(number, tokio::spawn(call));
            }
        }
    }
}

async fn call<D: Client>(client: D, operation: String, number: u64) {
    let result = match &*operation {
        "call" => client.get().await,
        "restart" => client.restart().await,
        "publish" => client.publish(&"x".repeat(4 * 1024 * 1024)).await,
        _ => client.publish("SECRET-IN-A-REQUEST").await,
    };
    let key = format!("call {number}");
    print_json(&match result {
        Ok(value) => json!({key: true, "ok": value}),
        Err((name, text)) => json!({key: true, "failed": name, "text": text}),
    });
}

async fn listen<D: Client>(
    client: D,
    mut events: D::Events,
    command: Value,
    signals: Arc<Signals>,
) {
    let topic = command["topic"].as_str().unwrap_or_default();
    let counting = Mutex::new((0, true));
    loop {
        let text = match D::next(&mut events).await {
            Item::Event(text) => text,
            Item::Error(name) => {
                print_json(&json!({"stream_error": name, "topic": topic}));
                continue;
            }
            Item::Closed => {
                print_json(&json!({"stream_closed": true, "topic": topic}));
                // The subscription is dropped by the command `unsubscribe`.
                return std::future::pending().await;
            }
        };
        match command["handler"].as_str().unwrap_or_default() {
            "call" => print_json(&json!({"called": client.get().await.ok()})),
            "wait" => {
                print_json(&json!({"waiting": true}));
                signals.other_event.notified().await;
                print_json(&json!({"waited": true}));
            }
            "signal" => signals.other_event.notify_one(),
            kind @ ("slow" | "stuck") => {
                let number: u64 = text.and_then(|it| it.parse().ok()).unwrap_or(u64::MAX);
                if number == 0 && kind == "slow" {
                    tokio::time::sleep(SLOW).await;
                }
                if number == 0 && kind == "stuck" {
                    print_json(&json!({"stuck": true}));
                    signals.open.notified().await;
                }
                let mut counting = counting.lock().expect("the lock is not poisoned");
                counting.1 &= counting.0 == number;
                counting.0 += 1;
                if command["count"] == counting.0 {
                    print_json(&json!({"counted": counting.0, "in_order": counting.1}));
                }
            }
            _ => print_json(&json!({"event": text, "topic": topic})),
        }
    }
}
