//! The smallest component with the blocking client: it connects, publishes once and exits.

use greengrass_core_ipc::{blocking::Client, types::BinaryMessage};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::connect()?;
    let message = BinaryMessage::builder().message("hello").build();
    client.publish_to_topic().topic("my/topic").publish_message(message).send()?;
    if std::env::args().nth(1).is_some() {
        bench_client::report(1, std::time::Instant::now());
    }
    Ok(())
}
