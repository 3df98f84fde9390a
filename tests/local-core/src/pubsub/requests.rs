//! The operations of local publish/subscribe.

use greengrass_core_ipc::{
    error::Unhandled,
    operation::{
        publish_to_topic::{PublishToTopic, PublishToTopicError, PublishToTopicRequest},
        subscribe_to_topic::{
            SubscribeToTopic, SubscribeToTopicError, SubscribeToTopicRequest,
            SubscribeToTopicResponse,
        },
    },
    server::{RequestContext, StreamingResponse},
    types::PublishMessage,
};

use super::PubSub;
use crate::{
    permission::is_missing,
    service::{Nucleus, failed},
    topics::has_levels,
};

impl Nucleus {
    pub(crate) fn publish(
        &self,
        request: PublishToTopicRequest,
        context: &RequestContext,
    ) -> Result<(), PublishToTopicError> {
        let PublishToTopicRequest { topic, publish_message: mut message, .. } = request;
        self.authorize::<PublishToTopic>(context, &topic)?;
        if is_missing(context, "publishMessage") {
            return Err(failed("publishMessage is required").into());
        }
        let has_content = match &message {
            PublishMessage::JsonMessage(it) => it.message.as_ref().is_some_and(|it| !it.is_null()),
            PublishMessage::BinaryMessage(it) => it.message.is_some(),
            _ => true,
        };
        if !has_content {
            return Err(failed("publishMessage has no message").into());
        }
        self.pubsub.check_topic(&topic).map_err(|it| Unhandled::undeclared(&it))?;
        if !has_levels(&topic) {
            return Err(failed("the topic to publish to has no levels").into());
        }
        let component = &context.identity().0;
        if message == PublishMessage::Unknown {
            tracing::warn!(
                "{component} published to {topic:?} without jsonMessage or binaryMessage: subscribers receive an event \
                 without a message, as on a device"
            );
        }
        if let PublishMessage::JsonMessage(it) = &mut message {
            it.message = it.message.take().map(|it| self.numbers.received(it));
        }
        self.pubsub.publish(component, &topic, message);
        Ok(())
    }

    pub(crate) fn subscribe(
        &self,
        request: SubscribeToTopicRequest,
        context: &RequestContext,
    ) -> Result<StreamingResponse<SubscribeToTopic>, SubscribeToTopicError> {
        self.authorize::<SubscribeToTopic>(context, &request.topic)?;
        self.pubsub.check_len(&request.topic).map_err(|it| Unhandled::undeclared(&it))?;
        if self.pubsub.is_full() {
            return Err(failed("there are too many subscriptions").into());
        }
        let component = &context.identity().0;
        let (sender, events) = self.open(context);
        let guard =
            PubSub::subscribe(&self.pubsub, component, request.topic, request.receive_mode, sender);
        let response = SubscribeToTopicResponse::default();
        Ok(StreamingResponse::queued(response, events.keeping(guard)))
    }
}
