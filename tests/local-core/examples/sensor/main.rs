//! Publishes readings to local topics and AWS IoT Core, at an interval that its configuration has and that messages
//! change.

use std::{process::ExitCode, time::Duration};

use greengrass_core_ipc::{Client, component, config, types::Qos};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};

const READINGS: &str = "example/readings";

/// The configuration. Commands contain a new one.
#[derive(Serialize, Deserialize)]
struct Settings {
    /// In milliseconds.
    interval: u64,
}

fn main() -> ExitCode {
    component::run(async |client, shutdown| {
        let mut settings = config::watch::<Settings>(&client).await?;
        let mut commands = client.subscribe_to_topic().topic("example/commands").send().await?;
        let (mut ticks, mut value) = (interval(Duration::from_secs(1)), 0);
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    value += 1;
                    publish(&client, json!({ "value": value })).await?;
                }
                Some(command) = commands.next() => match command?.json::<Settings>() {
                    Ok(settings) => config::merge(&client, &settings).await?,
                    Err(error) => println!("a command is ignored: {error}"),
                },
                Some(settings) = settings.next() => {
                    let millis = settings?.interval;
                    println!("the interval is {millis} ms");
                    ticks = interval(Duration::from_millis(millis.max(1)));
                    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
                }
                () = shutdown.requested() => break,
            }
        }
        println!("stopped");
        Ok(())
    })
}

async fn publish(client: &Client, reading: Value) -> component::Result {
    let payload = reading.to_string();
    client.publish_to_topic().topic(READINGS).publish_message(reading).send().await?;
    let publish = client.publish_to_iot_core().topic_name(READINGS).qos(Qos::AtMostOnce);
    if let Err(error) = publish.payload(payload).send().await {
        // A reading is lost while there is no connection.
        println!("not published to AWS IoT Core: {error}");
    }
    Ok(())
}
