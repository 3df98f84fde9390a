//! The operations of local publish/subscribe and of the MQTT proxy.

use greengrass_core_ipc::{
    error::{Unhandled, ViolationKind},
    operation::{
        publish_to_iot_core::{PublishToIoTCore, PublishToIoTCoreRequest},
        publish_to_topic::{PublishToTopic, PublishToTopicError, PublishToTopicRequest},
        subscribe_to_iot_core::{SubscribeToIoTCore, SubscribeToIoTCoreRequest},
        subscribe_to_topic::{
            SubscribeToTopic, SubscribeToTopicError, SubscribeToTopicRequest,
            SubscribeToTopicResponse,
        },
    },
    server::{RequestContext, StreamingResponse},
    types::{PublishMessage, Qos},
};

use crate::{
    pubsub::PubSub,
    service::{Nucleus, failed, invalid},
    topics::has_levels,
};

impl Nucleus {
    pub(crate) fn publish(
        &self,
        request: PublishToTopicRequest,
        context: &RequestContext,
    ) -> Result<(), PublishToTopicError> {
        let PublishToTopicRequest { topic, publish_message: message, .. } = request;
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

    /// Checks the permission and the arguments of a publication.
    pub(crate) fn check_publish_to_iot_core(
        &self,
        request: &PublishToIoTCoreRequest,
        context: &RequestContext,
    ) -> Result<(), Unhandled> {
        self.authorize::<PublishToIoTCore>(context, &request.topic_name)?;
        if request.payload.is_none() {
            return Err(Unhandled::undeclared(&invalid("payload is required")));
        }
        check_qos(&request.qos, context)
    }

    /// Checks the permission and the arguments of a subscription.
    pub(crate) fn check_subscribe_to_iot_core(
        &self,
        request: &SubscribeToIoTCoreRequest,
        context: &RequestContext,
    ) -> Result<(), Unhandled> {
        self.authorize::<SubscribeToIoTCore>(context, &request.topic_name)?;
        check_qos(&request.qos, context)
    }
}

fn check_qos(qos: &Qos, context: &RequestContext) -> Result<(), Unhandled> {
    let text = match qos {
        _ if is_missing(context, "qos") => "qos is required",
        Qos::Unknown(_) => "qos must be \"0\" or \"1\"",
        _ => return Ok(()),
    };
    Err(Unhandled::undeclared(&invalid(text)))
}

/// Whether a required member is missing or null.
fn is_missing(context: &RequestContext, member: &str) -> bool {
    let mut violations = context.violations().iter();
    violations.any(|it| it.kind == ViolationKind::Missing && it.path == member)
}
