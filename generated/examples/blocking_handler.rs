//! Prints the messages for a topic filter on a separate thread, while the main thread publishes readings.
//!
//! ```console
//! $ cargo run -p greengrass-core-ipc --example blocking_handler --features blocking -- FILTER TOPIC COUNT
//! ```

use anyhow::Context;
use greengrass_core_ipc::{
    blocking::Client,
    types::{BinaryMessage, ReceiveMode, SubscriptionResponseMessage},
};

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let mut next = |what| args.next().with_context(|| format!("name {what}"));
    let (filter, topic) = (next("a filter to receive")?, next("a topic to publish to")?);
    let count: u32 = next("how many readings to publish")?.parse()?;

    let client = Client::connect()?;
    let subscription = client
        .subscribe_to_topic()
        .topic(filter)
        // By default, a filter with wildcards does not receive this component's own messages.
        .receive_mode(ReceiveMode::ReceiveAllMessages)
        .send()?;
    // The handler may be slow and may use the client. Dropping the handle unsubscribes.
    let _handle = subscription.spawn_handler(|event| {
        if let SubscriptionResponseMessage::BinaryMessage(message) = event {
            let text = message.message.unwrap_or_default();
            println!("received: {}", String::from_utf8_lossy(&text));
        }
    });
    for number in 1..=count {
        let reading = BinaryMessage::builder().message(format!("reading {number}")).build();
        client.publish_to_topic().topic(&topic).publish_message(reading).send()?;
    }
    // The call returns when the connection is closed.
    client.connection().closed()?;
    Ok(())
}
