//! The smallest component with the asynchronous client: it connects, publishes once and exits.

use greengrass_core_ipc::{Client, types::BinaryMessage};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = Client::connect().await?;
        let message = BinaryMessage::builder().message("hello").build();
        client.publish_to_topic().topic("my/topic").publish_message(message).send().await?;
        if std::env::args().nth(1).is_some() {
            bench_client::report(1, std::time::Instant::now());
        }
        Ok(())
    })
}
