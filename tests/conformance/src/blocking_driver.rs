//! The driver of this project's blocking client, with the same commands as [that of the asynchronous
//! client](crate::driver).

use std::{
    collections::HashMap,
    io::BufRead,
    ops::ControlFlow,
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use greengrass_core_ipc::{
    blocking::{BlockingStreamHandler, Client, ReconnectPolicy, SubscriptionHandle},
    error::SdkError,
    operation::subscribe_to_topic::{SubscribeToTopic, SubscribeToTopicError},
    types::{BinaryMessage, JsonMessage, SubscriptionResponseMessage},
};
use serde_json::{Value, json};

use crate::driver::{CALL_TIMEOUT, SLOW, log, name, print_json, text_prefix};

/// Executes the commands on the standard input until it ends.
///
/// # Errors
///
/// If a command is unknown or invalid.
pub fn run() -> Result<()> {
    log();
    let mut driver = Driver::default();
    print_json(&json!({"ready": true}));
    for line in std::io::stdin().lock().lines() {
        driver.run(&serde_json::from_str(&line?)?)?;
    }
    Ok(())
}

#[derive(Default)]
struct Driver {
    client: Option<Client>,
    subscriptions: HashMap<String, SubscriptionHandle>,
    signals: Arc<Signals>,
}

/// The signals that handlers wait for.
#[derive(Default)]
struct Signals {
    other_event: Signal,
    open: Signal,
}

#[derive(Default)]
struct Signal {
    is_set: Mutex<bool>,
    set: Condvar,
}

impl Signal {
    fn set(&self) {
        *self.is_set.lock().expect("the lock is not poisoned") = true;
        self.set.notify_one();
    }

    fn wait(&self) {
        let is_set = self.is_set.lock().expect("the lock is not poisoned");
        let mut is_set = self.set.wait_while(is_set, |it| !*it).expect("the lock is not poisoned");
        *is_set = false;
    }
}

impl Driver {
    fn run(&mut self, command: &Value) -> Result<()> {
        let topic = command["topic"].as_str().unwrap_or_default().to_owned();
        let number = command["n"].as_u64().unwrap_or_default();
        match command["do"].as_str().context("the command has no member `do`")? {
            "connect" => self.connect(command["reconnect"] == true),
            operation @ ("call" | "restart" | "publish" | "publish_secret") => {
                let (client, operation) = (self.client()?, operation.to_owned());
                thread::spawn(move || make_call(&client, &operation, number));
            }
            "cancel" => print_json(&json!({"unsupported": "a blocking call cannot be cancelled"})),
            "subscribe" => self.subscribe(topic, command)?,
            "unsubscribe" => {
                if let Some(handle) = self.subscriptions.remove(&topic) {
                    handle.close();
                }
                print_json(&json!({"unsubscribed": topic}));
            }
            "open" => self.signals.open.set(),
            other => bail!("unknown command {other}"),
        }
        Ok(())
    }

    fn client(&self) -> Result<Client> {
        self.client.clone().context("the client is not connected")
    }

    fn connect(&mut self, reconnect: bool) {
        self.subscriptions.clear();
        let mut builder = Client::builder().call_timeout(CALL_TIMEOUT);
        if reconnect {
            let policy = ReconnectPolicy::default();
            builder = builder.reconnect(policy.initial_backoff(Duration::from_millis(10)));
        }
        let connected = builder.connect();
        print_json(&json!({"connected": connected.is_ok()}));
        self.client = connected.ok();
    }

    fn subscribe(&mut self, topic: String, command: &Value) -> Result<()> {
        let client = self.client()?;
        match client.subscribe_to_topic().topic(&topic).send() {
            Ok(subscription) => {
                let handler = Handler {
                    topic: topic.clone(),
                    kind: command["handler"].as_str().unwrap_or("print").to_owned(),
                    count: usize::try_from(command["count"].as_u64().unwrap_or_default())?,
                    client,
                    signals: Arc::clone(&self.signals),
                    seen: 0,
                    in_order: true,
                };
                let handle = subscription.spawn_handler(handler);
                self.subscriptions.insert(topic.clone(), handle);
                print_json(&json!({"subscribed": topic}));
            }
            Err(error) => print_json(
                &json!({"subscribe_failed": name(&error), "text": error.with_sources().to_string()}),
            ),
        }
        Ok(())
    }
}

fn make_call(client: &Client, operation: &str, number: u64) {
    let publish = client.publish_to_topic().topic("t");
    let result = match operation {
        "call" => get(client),
        "restart" => client
            .restart_component()
            .component_name("c")
            .send()
            .map(|it| it.restart_status.as_str().to_owned())
            .map_err(|it| (name(&it), it.with_sources().to_string())),
        "publish" => {
            let message = BinaryMessage::builder().message(vec![b'x'; 4 * 1024 * 1024]).build();
            let sent = publish.publish_message(message).send();
            sent.map(|_| String::new()).map_err(|it| (name(&it), it.with_sources().to_string()))
        }
        _ => {
            let message = JsonMessage::builder().message(json!({"text": "SECRET-IN-A-REQUEST"}));
            let sent = publish.publish_message(message.build()).send();
            sent.map(|_| String::new()).map_err(|it| (name(&it), it.with_sources().to_string()))
        }
    };
    let key = format!("call {number}");
    print_json(&match result {
        Ok(value) => json!({key: true, "ok": value}),
        Err((name, text)) => json!({key: true, "failed": name, "text": text}),
    });
}

/// Reads a text of the configuration, truncated if it is long.
fn get(client: &Client) -> Result<String, (String, String)> {
    let response = client.get_configuration().key_path(["k"]).send();
    let response = response.map_err(|it| (name(&it), it.with_sources().to_string()))?;
    Ok(text_prefix(&response.value.unwrap_or_default()))
}

struct Handler {
    topic: String,
    kind: String,
    /// The number of events that a handler counts before it reports.
    count: usize,
    client: Client,
    signals: Arc<Signals>,
    seen: usize,
    in_order: bool,
}

impl BlockingStreamHandler<SubscribeToTopic> for Handler {
    fn on_stream_event(&mut self, event: SubscriptionResponseMessage) {
        let text = event
            .as_json_message()
            .and_then(|it| it.message.as_ref())
            .and_then(|it| it["text"].as_str());
        match &*self.kind {
            "call" => print_json(&json!({"called": get(&self.client).ok()})),
            "wait" => {
                print_json(&json!({"waiting": true}));
                self.signals.other_event.wait();
                print_json(&json!({"waited": true}));
            }
            "signal" => self.signals.other_event.set(),
            "slow" | "stuck" => self.count(text.unwrap_or_default()),
            _ => print_json(&json!({"event": text, "topic": self.topic})),
        }
    }

    fn on_stream_error(&mut self, error: SdkError<SubscribeToTopicError>) -> ControlFlow<()> {
        print_json(&json!({"stream_error": name(&error), "topic": self.topic}));
        ControlFlow::Break(())
    }

    fn on_stream_closed(&mut self) {
        print_json(&json!({"stream_closed": true, "topic": self.topic}));
    }
}

impl Handler {
    fn count(&mut self, text: &str) {
        let number: usize = text.parse().unwrap_or(usize::MAX);
        if number == 0 && self.kind == "slow" {
            thread::sleep(SLOW);
        }
        if number == 0 && self.kind == "stuck" {
            print_json(&json!({"stuck": true}));
            self.signals.open.wait();
        }
        self.in_order &= self.seen == number;
        self.seen += 1;
        if self.seen == self.count {
            print_json(&json!({"counted": self.count, "in_order": self.in_order}));
        }
    }
}
