//! Prints every message on the topics that match a filter, until the connection is closed.
//!
//! ```console
//! $ cargo run -p greengrass-core-ipc --example subscribe -- FILTER
//! ```

use greengrass_core_ipc::{
    Client,
    types::{ReceiveMode, SubscriptionResponseMessage},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let filter = std::env::args().nth(1).unwrap_or_else(|| "my/topic".to_owned());

    let client = Client::connect().await?;
    let mut subscription = client
        .subscribe_to_topic()
        .topic(&filter)
        // By default, a filter with wildcards does not receive this component's own messages.
        .receive_mode(ReceiveMode::ReceiveAllMessages)
        .send()
        .await?;
    println!("subscribed to {filter}");

    while let Some(event) = subscription.next().await {
        match event? {
            SubscriptionResponseMessage::JsonMessage(json) => {
                let topic = json.context.and_then(|it| it.topic).unwrap_or_default();
                println!("{topic}: {}", json.message.unwrap_or_default());
            }
            SubscriptionResponseMessage::BinaryMessage(binary) => {
                let topic = binary.context.and_then(|it| it.topic).unwrap_or_default();
                let bytes = binary.message.unwrap_or_default();
                println!("{topic}: {} bytes: {}", bytes.len(), String::from_utf8_lossy(&bytes));
            }
            // A newer nucleus may have kinds of messages that this version does not know.
            _ => println!("a message of an unknown kind"),
        }
    }
    Ok(())
}
