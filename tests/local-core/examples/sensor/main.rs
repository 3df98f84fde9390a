//! Publishes readings to local topics and AWS IoT Core, at an interval that its configuration has and that messages
//! change.

use std::{
    error::Error,
    io::{self, Write},
    time::{Duration, SystemTime},
};

use greengrass_core_ipc::{
    Client,
    types::{JsonMessage, Qos, SubscriptionResponseMessage},
};
use serde_json::{Value, json};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{MissedTickBehavior, interval},
};

const READINGS: &str = "example/readings";

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
    // A nucleus converts numbers to floating point.
    let millis =
        response.value.unwrap_or_default()["interval"].as_f64().unwrap_or(1000.0).clamp(1.0, 1e9);
    print(&format!("the interval is {millis} ms"));
    Ok(Duration::from_secs_f64(millis / 1000.0))
}

async fn publish(client: &Client, value: u64) -> Result<(), Box<dyn Error>> {
    let reading = json!({ "value": value });
    let message = JsonMessage::builder().message(reading.clone()).build();
    client.publish_to_topic().topic(READINGS).publish_message(message).send().await?;
    let publish = client.publish_to_iot_core().topic_name(READINGS).qos(Qos::AtMostOnce);
    if let Err(error) = publish.payload(reading.to_string()).send().await {
        // A reading is lost while there is no connection.
        print(&format!("not published to AWS IoT Core: {error}"));
    }
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
