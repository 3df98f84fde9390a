//! Answers every message on `requests` with a message on `answers`, from inside a handler.
//!
//! A handler may make calls and wait for them, because another task reads the socket. Use the examples `publish` and
//! `subscribe` to send messages and to show the answers.
//!
//! ```console
//! $ cargo run -p greengrass-core-ipc --example subscribe_handler
//! ```

use std::{ops::ControlFlow, process::ExitCode};

use greengrass_core_ipc::{
    Client, StreamHandler,
    error::SdkError,
    operation::subscribe_to_topic::{SubscribeToTopic, SubscribeToTopicError},
    types::{BinaryMessage, SubscriptionResponseMessage},
};

struct Answerer {
    client: Client,
}

impl StreamHandler<SubscribeToTopic> for Answerer {
    async fn on_stream_event(&mut self, event: SubscriptionResponseMessage) {
        let SubscriptionResponseMessage::BinaryMessage(request) = event else { return };
        let text = request.message.unwrap_or_default().to_ascii_uppercase();
        let answer = BinaryMessage::builder().message(text).build();
        let sent =
            self.client.publish_to_topic().topic("answers").publish_message(answer).send().await;
        if let Err(error) = sent {
            eprintln!("could not answer: {}", error.with_sources());
        }
    }

    async fn on_stream_error(&mut self, error: SdkError<SubscribeToTopicError>) -> ControlFlow<()> {
        eprintln!("the subscription failed: {}", error.with_sources());
        ControlFlow::Break(())
    }

    async fn on_stream_closed(&mut self) {
        println!("the subscription has ended");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    let client = Client::connect().await?;
    let subscription = client.subscribe_to_topic().topic("requests").send().await?;
    println!("answering");
    let handle = subscription.spawn_handler(Answerer { client });
    handle.closed().await;
    // The nucleus restarts a component that has failed.
    Ok(ExitCode::FAILURE)
}
