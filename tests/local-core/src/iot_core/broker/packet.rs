//! Messages in the form of the client.

use std::time::{Duration, Instant};

use eventstream_rpc::primitives::Blob;
use rumqttc::{ConnAck, Publish, PublishProperties, QoS};

use super::Message;

/// What a broker accepts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// In bytes.
    max_packet_len: usize,
    max_qos: u8,
    retains: bool,
    /// Whether subscriptions may have identifiers.
    pub(super) has_ids: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_packet_len: usize::MAX, max_qos: 2, retains: true, has_ids: true }
    }
}

impl Limits {
    pub(super) fn new(connack: &ConnAck) -> Self {
        let Some(it) = &connack.properties else { return Self::default() };
        let max_packet_len = it.max_packet_size.and_then(|it| it.try_into().ok());
        Self {
            max_packet_len: max_packet_len.unwrap_or(usize::MAX),
            max_qos: it.max_qos.unwrap_or(2),
            retains: it.retain_available != Some(0),
            has_ids: it.subscription_identifiers_available != Some(0),
        }
    }
}

/// The maximum number of bytes of a packet that [`Message::size`] does not count, without user properties.
const OVERHEAD: usize = 64;

/// The parts of a packet. The error says why the message cannot be sent.
pub(super) fn sent(
    message: &Message,
    now: Instant,
    limits: Limits,
) -> Result<(QoS, bool, PublishProperties), &'static str> {
    if message.is_expired(now) {
        return Err("it has expired");
    }
    let len = message.size() + OVERHEAD + 5 * message.user_properties.len();
    if len > limits.max_packet_len {
        return Err("it is too large for the broker");
    }
    if message.retain && !limits.retains {
        return Err("the broker retains no messages");
    }
    let properties = PublishProperties {
        payload_format_indicator: message.is_text.then_some(1),
        message_expiry_interval: message.seconds_left(now),
        response_topic: message.response_topic.clone(),
        correlation_data: message.correlation_data.clone().map(Blob::into_inner),
        user_properties: message.user_properties.clone(),
        content_type: message.content_type.clone(),
        ..PublishProperties::default()
    };
    Ok((qos(message.qos.min(limits.max_qos)), message.retain, properties))
}

/// A message from the broker, unless its topic is not a text.
pub(super) fn received(publish: &Publish, now: Instant) -> Option<Message> {
    let properties = publish.properties.clone().unwrap_or_default();
    let seconds = properties.message_expiry_interval;
    Some(Message {
        topic: std::str::from_utf8(&publish.topic).ok()?.to_owned(),
        payload: Blob::new(publish.payload.clone()),
        retain: publish.retain,
        user_properties: properties.user_properties,
        expiry: seconds.map(|it| now + Duration::from_secs(it.into())),
        correlation_data: properties.correlation_data.map(Blob::new),
        response_topic: properties.response_topic,
        is_text: properties.payload_format_indicator == Some(1),
        content_type: properties.content_type,
        ..Message::default()
    })
}

pub(super) fn qos(qos: u8) -> QoS {
    match qos {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}
