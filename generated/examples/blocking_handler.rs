//! Prints what arrives for a topic filter on a thread of its own, while the main thread publishes readings.
//!
//! Usage: `blocking_handler <filter> <topic> <number of readings>`. Run it with `--features blocking`.

use anyhow::Context;
use greengrass_core_ipc::{
    blocking::Client,
    types::{BinaryMessage, SubscriptionResponseMessage},
};

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let mut next = |what| args.next().with_context(|| format!("name {what}"));
    let (filter, topic) = (next("a filter to receive")?, next("a topic to publish to")?);
    let count: u32 = next("how many readings to publish")?.parse()?;

    let client = Client::connect()?;
    let subscription = client.subscribe_to_topic().topic(filter).send()?;
    // It may take its time, and may call the client too.
    let handle = subscription.spawn_handler(|event| {
        if let SubscriptionResponseMessage::BinaryMessage(message) = event {
            let text = message.message.unwrap_or_default();
            println!("received: {}", String::from_utf8_lossy(&text));
        }
    });
    for number in 1..=count {
        let reading = BinaryMessage::builder().message(format!("reading {number}")).build();
        client.publish_to_topic().topic(&topic).publish_message(reading).send()?;
    }
    // Until the subscription ends, which it does when the nucleus goes away.
    handle.closed();
    Ok(())
}
