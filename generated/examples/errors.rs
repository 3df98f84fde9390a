//! Publishes one message and explains the error if it fails.
//!
//! ```console
//! $ cargo run -p greengrass-core-ipc --example errors -- TOPIC
//! ```

use std::time::Duration;

use greengrass_core_ipc::{
    Client,
    error::SdkError,
    operation::publish_to_topic::PublishToTopicError,
    types::{BinaryMessage, error::InvalidArgumentsError},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let topic = std::env::args().nth(1).unwrap_or_else(|| "my/topic".to_owned());
    let client = Client::connect().await?;

    let result = client
        .publish_to_topic()
        .topic(&topic)
        .publish_message(BinaryMessage::builder().message("hello").build())
        .call_timeout(Duration::from_secs(2))
        .send()
        .await;

    let Err(error) = result else {
        println!("published to {topic}");
        return Ok(());
    };
    match &error {
        SdkError::ServiceError {
            error: PublishToTopicError::UnauthorizedError(denied), ..
        } => {
            println!("denied; the recipe's accessControl must allow {topic}: {denied}");
        }
        SdkError::ServiceError { error: PublishToTopicError::ServiceError(failed), .. } => {
            println!("the nucleus failed: {failed}");
        }
        SdkError::Timeout { request_written: true, .. } => {
            println!("no answer in time; the message may or may not have been published");
        }
        SdkError::Timeout { .. } => println!("it could not be sent in time; safe to try again"),
        SdkError::DispatchFailure { source, request_written, .. } => {
            let reason = source.with_sources();
            println!("the connection was lost ({reason}); request written: {request_written}");
        }
        // A nucleus also sends errors that the model does not declare for the operation.
        _ => match error.service_error().and_then(|it| it.decode::<InvalidArgumentsError>()) {
            Some(invalid) => println!("{topic} is not a topic to publish to: {invalid}"),
            None => println!("failed: {}", error.with_sources()),
        },
    }
    Err(error.into())
}
