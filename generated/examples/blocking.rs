//! Answers every message on `requests` with a message on `answers`, without an asynchronous runtime.
//!
//! One thread waits for the next event and makes calls in between. Use the examples `publish` and `subscribe` to send
//! messages and to show the answers.
//!
//! ```console
//! $ cargo run -p greengrass-core-ipc --example blocking --features blocking
//! ```

use greengrass_core_ipc::{
    blocking::Client,
    types::{BinaryMessage, SubscriptionResponseMessage},
};

fn main() -> anyhow::Result<()> {
    let client = Client::connect()?;
    let subscription = client.subscribe_to_topic().topic("requests").send()?;
    println!("answering");
    for event in subscription {
        let SubscriptionResponseMessage::BinaryMessage(request) = event? else { continue };
        let text = request.message.unwrap_or_default().to_ascii_uppercase();
        let answer = BinaryMessage::builder().message(text).build();
        client.publish_to_topic().topic("answers").publish_message(answer).send()?;
    }
    println!("the subscription has ended");
    Ok(())
}
