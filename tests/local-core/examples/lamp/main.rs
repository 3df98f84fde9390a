//! A lamp that follows its shadow and is switched by local messages.

use std::{
    env,
    error::Error,
    io::{self, Write},
};

use greengrass_core_ipc::{
    Client,
    types::{JsonMessage, SubscriptionResponseMessage},
};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

const SHADOW: &str = "lamp";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let client = Client::connect().await?;
    let lamp = Lamp { client: client.clone(), thing: env::var("AWS_IOT_THING_NAME")? };
    let delta = format!("$aws/things/{}/shadow/name/{SHADOW}/update/delta", lamp.thing);
    let mut deltas = client.subscribe_to_topic().topic(delta).send().await?;
    let mut switch = client.subscribe_to_topic().topic("example/lamp/switch").send().await?;
    // What was desired before the start has no message.
    let desired = lamp.desired().await?;
    lamp.turn(desired, &["reported"]).await?;
    loop {
        tokio::select! {
            delta = deltas.next() => {
                // The core has ended. Another one starts its components with new tokens.
                let delta = content(delta.ok_or("the connection is closed")??);
                if let Some(is_on) = delta["state"]["on"].as_bool() {
                    lamp.turn(is_on, &["reported"]).await?;
                }
            }
            message = switch.next() => {
                let message = content(message.ok_or("the connection is closed")??);
                if let Some(is_on) = message["on"].as_bool() {
                    lamp.turn(is_on, &["desired", "reported"]).await?;
                }
            }
            _ = terminate.recv() => break,
        }
    }
    client.connection().close().await?;
    print("stopped");
    Ok(())
}

struct Lamp {
    client: Client,
    thing: String,
}

impl Lamp {
    /// Whether the lamp shall be on.
    async fn desired(&self) -> Result<bool, Box<dyn Error>> {
        let get = self.client.get_thing_shadow().thing_name(&self.thing).shadow_name(SHADOW);
        match get.send().await {
            Ok(response) => {
                let document: Value = serde_json::from_slice(&response.payload)?;
                Ok(document["state"]["desired"]["on"].as_bool().unwrap_or(false))
            }
            Err(error) if error.code() == Some("ResourceNotFoundError") => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Turns the lamp on or off. Writes this to sections of the shadow, and tells others.
    async fn turn(&self, is_on: bool, sections: &[&str]) -> Result<(), Box<dyn Error>> {
        let state: Value =
            sections.iter().map(|it| (it.to_string(), json!({ "on": is_on }))).collect();
        let document = json!({ "state": state }).to_string();
        let update = self.client.update_thing_shadow().thing_name(&self.thing).shadow_name(SHADOW);
        update.payload(document).send().await?;
        let message = JsonMessage::builder().message(json!({ "on": is_on })).build();
        let publish = self.client.publish_to_topic().topic("example/lamp/state");
        publish.publish_message(message).send().await?;
        print(if is_on { "the lamp is on" } else { "the lamp is off" });
        Ok(())
    }
}

/// The JSON of a message. Messages of shadows are binary.
fn content(message: SubscriptionResponseMessage) -> Value {
    match message {
        SubscriptionResponseMessage::JsonMessage(it) => it.message.unwrap_or_default(),
        SubscriptionResponseMessage::BinaryMessage(it) => {
            serde_json::from_slice(&it.message.unwrap_or_default()).unwrap_or_default()
        }
        _ => Value::Null,
    }
}

/// Prints a line. The output may be closed.
fn print(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
