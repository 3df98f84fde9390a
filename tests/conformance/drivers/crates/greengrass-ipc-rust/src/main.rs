//! The driver of the crate `greengrass-ipc-rust`.

use std::sync::Arc;

use driver_common::{Client, Failure, Item, failure};
use greengrass_ipc_rust::{
    GetConfigurationRequest, GreengrassCoreIPCClient, Message, RestartComponentRequest,
    StreamOperation, SubscriptionResponseMessage,
};

#[derive(Clone)]
struct GreengrassIpcRust(Arc<GreengrassCoreIPCClient>);

impl Client for GreengrassIpcRust {
    type Events = StreamOperation<SubscriptionResponseMessage>;

    async fn connect() -> Result<Self, Failure> {
        let client = GreengrassCoreIPCClient::connect().await.map_err(failure)?;
        Ok(Self(Arc::new(client)))
    }

    async fn get(&self) -> Result<String, Failure> {
        let request =
            GetConfigurationRequest { component_name: None, key_path: vec!["k".to_owned()] };
        let value = self.0.get_configuration(request).await.map_err(failure)?.value;
        Ok(value["k"].as_str().unwrap_or_default().chars().take(100).collect())
    }

    async fn restart(&self) -> Result<String, Failure> {
        let request = RestartComponentRequest { component_name: "c".to_owned() };
        let response = self.0.restart_component(request).await.map_err(failure)?;
        Ok(format!("{:?}", response.restart_status))
    }

    async fn publish(&self, text: &str) -> Result<String, Failure> {
        self.0.publish_to_topic("t", text.as_bytes().to_vec()).await.map_err(failure)?;
        Ok(String::new())
    }

    async fn subscribe(&self, topic: &str) -> Result<Self::Events, Failure> {
        self.0.subscribe_to_topic(topic).await.map_err(failure)
    }

    async fn next(events: &mut Self::Events) -> Item {
        match events.recv().await {
            None => Item::Closed,
            Some(event) => Item::Event(match event.message {
                Message::Json(message) => message.message["text"].as_str().map(str::to_owned),
                Message::Binary(_) => None,
            }),
        }
    }
}

#[tokio::main]
async fn main() {
    driver_common::run::<GreengrassIpcRust>().await;
}
