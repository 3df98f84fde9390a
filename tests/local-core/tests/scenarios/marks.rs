//! Events of the player that mark the end of a step on each open subscription.

use greengrass_core_ipc::{
    operation::{
        subscribe_to_component_updates::SubscribeToComponentUpdates,
        subscribe_to_configuration_update::SubscribeToConfigurationUpdate,
        subscribe_to_iot_core::SubscribeToIoTCore, subscribe_to_topic::SubscribeToTopic,
        subscribe_to_validate_configuration_updates::SubscribeToValidateConfigurationUpdates,
    },
    types::{
        BinaryMessage, ComponentUpdatePolicyEvents, ConfigurationUpdateEvent,
        ConfigurationUpdateEvents, IoTCoreMessage, MessageContext, MqttMessage,
        PreComponentUpdateEvent, SubscriptionResponseMessage, ValidateConfigurationUpdateEvent,
        ValidateConfigurationUpdateEvents,
    },
};
use greengrass_local_core::LocalCore;
use test_util::Received;

/// A text that all marks contain.
const MARK: &str = "mark of the player";

/// Whether the response is that of a subscription which receives marks.
pub(super) fn are_sent_after(response: &str) -> bool {
    let marked = [
        "SubscribeToComponentUpdatesResponse",
        "SubscribeToConfigurationUpdateResponse",
        "SubscribeToIoTCoreResponse",
        "SubscribeToTopicResponse",
        "SubscribeToValidateConfigurationUpdatesResponse",
    ];
    marked.contains(&response)
}

/// Sends a mark on each subscription of a component.
pub(super) fn send(core: &LocalCore, component: &str) {
    let context = MessageContext::builder().topic(MARK).build();
    let event = BinaryMessage::builder().message("").context(context).build();
    let event = SubscriptionResponseMessage::BinaryMessage(event);
    core.send_event(SubscribeToTopic, component, &event);
    let event = ConfigurationUpdateEvent::builder().component_name(MARK).key_path([""]).build();
    let event = ConfigurationUpdateEvents::ConfigurationUpdateEvent(event.unwrap());
    core.send_event(SubscribeToConfigurationUpdate, component, &event);
    let event = ValidateConfigurationUpdateEvent::builder().deployment_id(MARK).build();
    let event = ValidateConfigurationUpdateEvents::ValidateConfigurationUpdateEvent(event.unwrap());
    core.send_event(SubscribeToValidateConfigurationUpdates, component, &event);
    let event = PreComponentUpdateEvent::builder().deployment_id(MARK).is_ggc_restarting(false);
    let event = ComponentUpdatePolicyEvents::PreUpdateEvent(event.build().unwrap());
    core.send_event(SubscribeToComponentUpdates, component, &event);
    let event = MqttMessage::builder().topic_name(MARK).build();
    let event = IoTCoreMessage::Message(event.unwrap());
    core.send_event(SubscribeToIoTCore, component, &event);
}

/// Whether a message is a mark.
pub(super) fn is_mark(message: &Received) -> bool {
    message.payload().contains(MARK)
}
