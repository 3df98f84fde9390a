//! A service whose behaviour the requests select.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use greengrass_core_ipc::{
    operation::{
        get_configuration::{
            GetConfigurationError, GetConfigurationRequest, GetConfigurationResponse,
        },
        publish_to_topic::{PublishToTopicError, PublishToTopicRequest, PublishToTopicResponse},
        subscribe_to_topic::{SubscribeToTopic, SubscribeToTopicError, SubscribeToTopicResponse},
        update_state::{UpdateStateError, UpdateStateRequest, UpdateStateResponse},
    },
    server::{
        GreengrassCoreIpc, OnFull, RequestContext, StreamingRequest, StreamingResponse, event_queue,
    },
    types::{JsonMessage, PublishMessage, SubscriptionResponseMessage, error::ServiceError},
};
use serde_json::json;
use tokio::sync::watch;
use tokio_stream::Stream;

/// The number of events that a subscription sends, unless its topic is `never` or `early`.
pub(super) const EVENTS: usize = 5_000;

/// The service. It counts the handlers and event streams that are dropped.
pub(super) struct Nucleus {
    dropped: watch::Sender<usize>,
}

impl Nucleus {
    pub(super) fn new() -> (Self, watch::Receiver<usize>) {
        let (dropped, receiver) = watch::channel(0);
        (Self { dropped }, receiver)
    }
}

/// Increments the count when it is dropped.
struct DropCounter(watch::Sender<usize>);

impl Drop for DropCounter {
    fn drop(&mut self) {
        self.0.send_modify(|it| *it += 1);
    }
}

/// A stream that never produces an event.
struct Never(#[expect(dead_code, reason = "counts the drop")] DropCounter);

impl Stream for Never {
    type Item = Result<SubscriptionResponseMessage, SubscribeToTopicError>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Pending
    }
}

fn numbered(number: usize) -> SubscriptionResponseMessage {
    let message = json!({"text": number.to_string(), "spare": "x".repeat(1_000)});
    JsonMessage::builder().message(message).build().into()
}

impl GreengrassCoreIpc for Nucleus {
    async fn get_configuration(
        &self,
        request: GetConfigurationRequest,
        _: RequestContext,
    ) -> Result<GetConfigurationResponse, GetConfigurationError> {
        match request.key_path.first().map(String::as_str) {
            Some("panic") => panic!("requested by the client"),
            Some("wait") => {
                let _counter = DropCounter(self.dropped.clone());
                std::future::pending().await
            }
            key => {
                let value = json!({"k": "SECRET-IN-A-REPLY", "key": key});
                Ok(GetConfigurationResponse::builder().value(value).build())
            }
        }
    }

    async fn update_state(
        &self,
        request: UpdateStateRequest,
        _: RequestContext,
    ) -> Result<UpdateStateResponse, UpdateStateError> {
        match request.state.as_str() {
            "POSTPONED" => Ok(UpdateStateResponse::default()),
            _ => Err(ServiceError::builder().message("SECRET-IN-AN-ERROR").build().into()),
        }
    }

    async fn publish_to_topic(
        &self,
        request: PublishToTopicRequest,
        _: RequestContext,
    ) -> Result<PublishToTopicResponse, PublishToTopicError> {
        let is_unknown = request.publish_message == PublishMessage::Unknown;
        if is_unknown == (request.topic == "unknown") {
            Ok(PublishToTopicResponse::default())
        } else {
            Err(ServiceError::builder().message("unexpected message").build().into())
        }
    }

    async fn subscribe_to_topic(
        &self,
        request: StreamingRequest<SubscribeToTopic>,
        _: RequestContext,
    ) -> Result<StreamingResponse<SubscribeToTopic>, SubscribeToTopicError> {
        let response = SubscribeToTopicResponse::default();
        match &*request.request.topic {
            "never" => {
                Ok(StreamingResponse::new(response, Never(DropCounter(self.dropped.clone()))))
            }
            // All events are queued before the response is sent.
            "early" => {
                let (sender, receiver) = event_queue(1 << 20, OnFull::DropOldest);
                for number in 0..3 {
                    let _ = sender.send(&numbered(number));
                }
                Ok(StreamingResponse::queued(response, receiver))
            }
            _ => {
                let events = tokio_stream::iter((0..EVENTS).map(|number| Ok(numbered(number))));
                Ok(StreamingResponse::new(response, events))
            }
        }
    }
}
