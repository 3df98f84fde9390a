//! The driver of the crate `greengrass-ipc`.

use driver_common::{Failure, Item, failure};
use futures_util::StreamExt;
use greengrass_ipc::{Client, Error, EventStream};

#[derive(Clone)]
struct GreengrassIpc(Client);

impl driver_common::Client for GreengrassIpc {
    type Events = EventStream<greengrass_ipc::SubscriptionResponseMessage>;

    async fn connect() -> Result<Self, Failure> {
        Client::connect_from_env().await.map(Self).map_err(named)
    }

    async fn get(&self) -> Result<String, Failure> {
        let response = self.0.get_configuration(None, vec!["k".to_owned()]).await;
        let value = response.map_err(named)?.value.unwrap_or_default();
        Ok(value["k"].as_str().unwrap_or_default().chars().take(100).collect())
    }

    async fn restart(&self) -> Result<String, Failure> {
        let response = self.0.restart_component("c").await.map_err(named)?;
        Ok(response.restart_status.unwrap_or_default())
    }

    async fn publish(&self, text: &str) -> Result<String, Failure> {
        use greengrass_ipc::{JsonMessageOut, PublishMessage};
        let message = serde_json::json!({"text": text});
        let json_message = Some(JsonMessageOut { message });
        let message = PublishMessage { json_message, binary_message: None };
        self.0.publish_to_topic("t", message).await.map_err(named)?;
        Ok(String::new())
    }

    async fn subscribe(&self, topic: &str) -> Result<Self::Events, Failure> {
        self.0.subscribe_to_topic(topic).await.map_err(named)
    }

    async fn next(events: &mut Self::Events) -> Item {
        match events.next().await {
            None => Item::Closed,
            Some(Err(error)) => Item::Error(failure(error).0),
            Some(Ok(event)) => {
                let message = event.json_message.and_then(|it| it.message);
                Item::Event(message.and_then(|it| it["text"].as_str().map(str::to_owned)))
            }
        }
    }
}

/// The name and text of an error. The name of a service error is its class.
fn named(error: Error) -> Failure {
    match &error {
        Error::Service { model, .. } => (model.clone(), error.to_string()),
        _ => failure(error),
    }
}

#[tokio::main]
async fn main() {
    driver_common::run::<GreengrassIpc>().await;
}
