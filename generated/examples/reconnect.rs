//! Stays connected through outages, and says where events may be missing.
//!
//! This is not for a component that the nucleus has started: its token is refused after a restart of the
//! nucleus, and it should exit instead, as `exit_when_closed` does. It is for a process that gets its token
//! in some other way, for a core that keeps tokens, and for connections that drop while the nucleus stays.
//!
//! ```console
//! $ cargo run -p greengrass-core-ipc --example reconnect
//! ```

use std::{process::ExitCode, time::Duration};

use greengrass_core_ipc::{
    Client,
    client::{Notice, ReconnectPolicy, SubscriptionItem},
    error::ConnectionError,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    let policy = ReconnectPolicy::default()
        .initial_backoff(Duration::from_millis(50))
        .max_backoff(Duration::from_secs(10))
        // Three refusals mean that the token is no longer good.
        .max_rejections(3)
        .calls_wait(true);
    let connection = Client::builder()
        // Asked at each attempt, so that a token that has changed since is found.
        .token_provider(|| std::env::var("SVCUID"))
        .reconnect(policy)
        .connect()
        .await?;
    let client = Client::new(connection.clone());

    let subscription = client.subscribe_to_topic().topic("my/topic").send().await?;
    let mut items = subscription.with_notices();
    println!("subscribed");
    while let Some(item) = items.next().await {
        match item {
            Ok(SubscriptionItem::Event(event)) => println!("event: {event:?}"),
            Ok(SubscriptionItem::Notice(Notice::Disconnected)) => println!("disconnected"),
            // What was published in between did not arrive: whoever needs it asks for it now.
            Ok(SubscriptionItem::Notice(Notice::Resubscribed)) => println!("subscribed again"),
            Ok(SubscriptionItem::Notice(other)) => println!("{other:?}"),
            // The subscription alone: it may have been denied when it was opened again.
            Err(error) => println!("the subscription failed: {}", error.with_sources()),
        }
    }
    // It has ended for good: the policy has given up, or the server has ended this stream alone.
    match connection.closed().await {
        Err(ConnectionError::ReconnectRejected(error)) => {
            println!("refused: {}", error.with_sources())
        }
        Err(error) => println!("gone: {}", error.with_sources()),
        Ok(()) => {}
    }
    Ok(ExitCode::FAILURE)
}
