//! Reports the events of the connection's lifecycle, and exits when the connection is closed.
//!
//! A nucleus that restarts issues new tokens and starts its components again, so a component should exit when its
//! connection is closed.
//!
//! ```console
//! $ cargo run -p greengrass-core-ipc --example lifecycle
//! ```

use greengrass_core_ipc::{
    Client,
    client::LifecycleHandler,
    error::{ConnectionError, with_sources},
};

struct Reporter;

impl LifecycleHandler for Reporter {
    fn on_connect(&mut self) {
        println!("connected");
    }

    fn on_disconnect(&mut self, error: Option<&ConnectionError>) {
        match error {
            // The socket was closed, or the nucleus sent an internal error while it stopped.
            Some(error) if error.is_peer_gone() => {
                println!("disconnected: the nucleus has stopped")
            }
            Some(error) => println!("disconnected: {}", error.with_sources()),
            None => println!("disconnected, as we wished"),
        }
    }

    fn on_error(&mut self, error: &(dyn std::error::Error + 'static)) -> bool {
        println!("the connection reported: {}", with_sources(error));
        // `true` closes the connection.
        true
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let client = Client::builder().lifecycle_handler(Reporter).connect().await?;
    client.connection().closed().await?;
    Ok(())
}
