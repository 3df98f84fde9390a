//! Reconnects after outages, and reports where events may have been missed.
//!
//! This is not for a component that the nucleus has started: the nucleus rejects its token after a restart, so it should
//! exit instead, as `exit_when_closed` does. It is for processes that get their token in another way, for a core that
//! keeps tokens, and for connections that are lost while the nucleus keeps running.
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
        // Three rejections mean that the token is no longer valid.
        .max_rejections(3)
        .calls_wait(true);
    let client = Client::builder()
        // The token is read at each attempt, because it may have changed.
        .token_provider(|| std::env::var("SVCUID"))
        .reconnect(policy)
        .connect()
        .await?;

    let subscription = client.subscribe_to_topic().topic("my/topic").send().await?;
    let mut items = subscription.with_notices();
    println!("subscribed");
    while let Some(item) = items.next().await {
        match item {
            Ok(SubscriptionItem::Event(event)) => println!("event: {event:?}"),
            Ok(SubscriptionItem::Notice(Notice::Disconnected)) => println!("disconnected"),
            // Messages that were published during the outage are lost. Read the current state here if necessary.
            Ok(SubscriptionItem::Notice(Notice::Resubscribed)) => println!("subscribed again"),
            Ok(SubscriptionItem::Notice(other)) => println!("{other:?}"),
            // Only the subscription failed, for example because it was denied when it was reopened.
            Err(error) => println!("the subscription failed: {}", error.with_sources()),
        }
    }
    // The subscription will not return: the policy has given up, or the server has ended this stream.
    match client.connection().closed().await {
        Err(ConnectionError::ReconnectRejected(error)) => {
            println!("refused: {}", error.with_sources())
        }
        Err(error) => println!("gone: {}", error.with_sources()),
        Ok(()) => {}
    }
    Ok(ExitCode::FAILURE)
}
