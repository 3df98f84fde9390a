//! Publishes readings, at an interval that its configuration has and that messages change.

use std::{
    error::Error,
    io::{self, Write},
    time::{Duration, SystemTime},
};

use greengrass_core_ipc::{
    Client,
    types::{JsonMessage, SubscriptionResponseMessage},
};
use serde_json::{Value, json};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{MissedTickBehavior, interval},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let client = Client::connect().await?;
    let mut changes =
        client.subscribe_to_configuration_update().key_path(["interval"]).send().await?;
    let mut commands = client.subscribe_to_topic().topic("example/commands").send().await?;
    let mut ticks = interval(configured_interval(&client).await?);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut value = 0;
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                value += 1;
                publish(&client, value).await?;
            }
            command = commands.next() => {
                // The core has ended. Another one starts its components with new tokens.
                let command = command.ok_or("the connection is closed")??;
                merge(&client, command).await?;
            }
            change = changes.next() => {
                change.ok_or("the connection is closed")??;
                ticks = interval(configured_interval(&client).await?);
            }
            _ = terminate.recv() => break,
        }
    }
    client.connection().close().await?;
    print("stopped");
    Ok(())
}

async fn configured_interval(client: &Client) -> Result<Duration, Box<dyn Error>> {
    let response = client.get_configuration().key_path(["interval"]).send().await?;
    let value = response.value.unwrap_or_default()["interval"].as_u64().unwrap_or(1000).max(1);
    print(&format!("the interval is {value} ms"));
    Ok(Duration::from_millis(value))
}

async fn publish(client: &Client, value: u64) -> Result<(), Box<dyn Error>> {
    let message = JsonMessage::builder().message(json!({ "value": value })).build();
    client.publish_to_topic().topic("example/readings").publish_message(message).send().await?;
    Ok(())
}

/// Merges the interval of a command into the configuration.
async fn merge(
    client: &Client,
    command: SubscriptionResponseMessage,
) -> Result<(), Box<dyn Error>> {
    let SubscriptionResponseMessage::JsonMessage(command) = command else { return Ok(()) };
    let command: Value = command.message.unwrap_or_default();
    let update = client.update_configuration().timestamp(SystemTime::now());
    update.value_to_merge(json!({ "interval": command["interval"] })).send().await?;
    Ok(())
}

/// Prints a line. The output may be closed.
fn print(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
