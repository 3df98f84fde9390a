//! Receives messages until SIGTERM, then unsubscribes, publishes a last message and closes the connection.
//!
//! The nucleus stops a component by sending SIGTERM to its processes.
//!
//! ```console
//! $ cargo run -p greengrass-core-ipc --example graceful_stop
//! ```

use std::io::Write;

use greengrass_core_ipc::{Client, types::BinaryMessage};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;

    let client = Client::connect().await?;
    let mut subscription = client.subscribe_to_topic().topic("my/topic").send().await?;
    println!("subscribed");

    loop {
        tokio::select! {
            event = subscription.next() => match event {
                Some(event) => println!("{:?}", event?),
                None => break,
            },
            _ = terminate.recv() => break,
        }
    }

    subscription.close().await?;
    client
        .publish_to_topic()
        .topic("goodbye")
        .publish_message(BinaryMessage::builder().message("goodbye").build())
        .send()
        .await?;
    client.connection().close().await?;
    // Standard output may be closed, and `println!` would panic.
    let _ = writeln!(std::io::stdout(), "stopped");
    Ok(())
}
