//! Publishes a JSON message and a binary one to a local topic.
//!
//! ```console
//! $ cargo run -p greengrass-core-ipc --example publish -- TOPIC TEXT
//! ```

use greengrass_core_ipc::{
    Client,
    types::{BinaryMessage, JsonMessage},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let topic = args.next().unwrap_or_else(|| "my/topic".to_owned());
    let text = args.next().unwrap_or_else(|| "hello".to_owned());

    let client = Client::connect().await?;

    let json = serde_json::json!({ "text": text });
    client
        .publish_to_topic()
        .topic(&topic)
        .publish_message(JsonMessage::builder().message(json).build())
        .send()
        .await?;

    client
        .publish_to_topic()
        .topic(&topic)
        .publish_message(BinaryMessage::builder().message(text).build())
        .send()
        .await?;

    println!("published two messages to {topic}");
    Ok(())
}
