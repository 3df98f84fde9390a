//! Messages of MQTT 5.

use std::time::{Duration, Instant};

use eventstream_rpc::primitives::Blob;
use greengrass_core_ipc::{
    operation::{
        publish_to_iot_core::PublishToIoTCoreRequest, subscribe_to_iot_core::SubscribeToIoTCore,
    },
    server::EncodedEvent,
    types::{IoTCoreMessage, MqttMessage, PayloadFormat, Qos, UserProperty},
};

use crate::edition::Edition;

/// A message to AWS IoT Core, or from it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Message {
    pub(crate) topic: String,
    /// 0 or 1; 2 only in nucleus lite.
    pub(crate) qos: u8,
    pub(crate) payload: Blob,
    pub(crate) retain: bool,
    /// Keys and values, in their order.
    pub(crate) user_properties: Vec<(String, String)>,
    pub(crate) expiry: Option<Instant>,
    pub(crate) correlation_data: Option<Blob>,
    pub(crate) response_topic: Option<String>,
    pub(crate) is_text: bool,
    pub(crate) content_type: Option<String>,
    /// The number of times that it could not be sent.
    pub(crate) attempts: u8,
}

impl Message {
    /// The message that a component publishes.
    pub(crate) fn published(
        request: PublishToIoTCoreRequest,
        edition: Edition,
        now: Instant,
    ) -> Self {
        let topic = MqttMessage::builder().topic_name(request.topic_name);
        let message = topic.set_payload(request.payload);
        let message = match edition {
            // Without the content type, which the Java nucleus does not forward.
            Edition::Java => message
                .set_retain(request.retain)
                .set_user_properties(request.user_properties)
                .set_message_expiry_interval_seconds(request.message_expiry_interval_seconds)
                .set_correlation_data(request.correlation_data)
                .set_response_topic(request.response_topic)
                .set_payload_format(request.payload_format),
            Edition::Lite => message,
        };
        let qos = qos(&request.qos);
        Self { qos, ..Self::new(message.build().expect("the topic is set"), now) }
    }

    /// A message with QoS 1.
    pub(super) fn new(message: MqttMessage, now: Instant) -> Self {
        let seconds = message.message_expiry_interval_seconds;
        let expiry = seconds.map(|it| {
            let seconds = u32::try_from(it.max(0)).unwrap_or(u32::MAX);
            now + Duration::from_secs(seconds.into())
        });
        let properties = message.user_properties.unwrap_or_default().into_iter();
        let properties =
            properties.map(|it| (it.key.unwrap_or_default(), it.value.unwrap_or_default()));
        Self {
            topic: message.topic_name,
            qos: 1,
            payload: message.payload.unwrap_or_default(),
            retain: message.retain.unwrap_or_default(),
            user_properties: properties.collect(),
            expiry,
            correlation_data: message.correlation_data,
            response_topic: message.response_topic,
            is_text: message.payload_format == Some(PayloadFormat::Utf8),
            content_type: message.content_type,
            attempts: 0,
        }
    }

    /// The number of bytes that the message takes in memory, without what is small.
    pub(super) fn size(&self) -> usize {
        let properties = self.user_properties.iter().map(|(key, value)| key.len() + value.len());
        let data = self.correlation_data.as_ref().map_or(0, |it| it.len());
        let texts = [&self.response_topic, &self.content_type].into_iter().flatten();
        self.topic.len()
            + self.payload.len()
            + properties.sum::<usize>()
            + data
            + texts.map(String::len).sum::<usize>()
    }

    pub(crate) fn is_expired(&self, now: Instant) -> bool {
        self.expiry.is_some_and(|it| it < now)
    }

    /// The number of seconds until the message expires, if it does.
    pub(crate) fn seconds_left(&self, now: Instant) -> Option<u32> {
        let left = self.expiry?.saturating_duration_since(now);
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        Some(u32::try_from(seconds).unwrap_or(u32::MAX))
    }

    /// The event for subscribers. `retain`: whether it is from before the subscription.
    pub(super) fn event(
        &self,
        edition: Edition,
        retain: bool,
        now: Instant,
    ) -> Option<EncodedEvent<SubscribeToIoTCore>> {
        let builder = MqttMessage::builder().topic_name(&*self.topic).payload(self.payload.clone());
        let builder = match edition {
            Edition::Java => {
                let property = |(key, value): &(String, String)| {
                    UserProperty::builder().key(key).value(value).build()
                };
                let properties: Vec<_> = self.user_properties.iter().map(property).collect();
                let format = if self.is_text { PayloadFormat::Utf8 } else { PayloadFormat::Bytes };
                let left = self.seconds_left(now).map(i64::from);
                builder
                    .retain(retain)
                    .set_user_properties((!properties.is_empty()).then_some(properties))
                    .set_message_expiry_interval_seconds(left)
                    .set_correlation_data(self.correlation_data.clone())
                    .set_response_topic(self.response_topic.clone())
                    .payload_format(format)
                    .set_content_type(self.content_type.clone())
            }
            Edition::Lite => builder,
        };
        let message = builder.build().expect("the topic is set");
        EncodedEvent::new(&IoTCoreMessage::Message(message)).ok()
    }
}

/// The number of a quality of service. Nucleus lite accepts 2, and an absent one is 0.
pub(super) fn qos(qos: &Qos) -> u8 {
    match qos {
        Qos::Unknown(text) if text == "2" => 2,
        Qos::AtLeastOnce => 1,
        _ => 0,
    }
}
