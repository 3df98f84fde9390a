//! AWS IoT Core within the core.

use std::time::Duration;

use greengrass_core_ipc::{
    Client, Subscription,
    error::SdkError,
    operation::{
        publish_to_iot_core::PublishToIoTCoreError, subscribe_to_iot_core::SubscribeToIoTCore,
        subscribe_to_iot_core_connection_status::SubscribeToIoTCoreConnectionStatus,
    },
    primitives::Blob,
    types::{
        ConnectionStatus, IoTCoreConnectionStatusEvent, IoTCoreMessage, MqttMessage, PayloadFormat,
        Qos, UserProperty, error::ServiceError,
    },
};
use greengrass_local_core::{Builder, LocalCore};
use serde_json::json;

use crate::support::Raw;

pub(crate) async fn start(builder: Builder) -> (LocalCore, Client) {
    let core = builder.component("a").start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    (core, client)
}

pub(crate) async fn publish(
    client: &Client,
    topic: &str,
    payload: impl Into<Blob>,
) -> Result<(), SdkError<PublishToIoTCoreError>> {
    let publish = client.publish_to_iot_core().topic_name(topic).qos(Qos::AtLeastOnce);
    publish.payload(payload).send().await.map(|_| ())
}

pub(crate) async fn retain(client: &Client, topic: &str, payload: &str, expiry: Option<i64>) {
    let publish = client.publish_to_iot_core().topic_name(topic).qos(Qos::AtLeastOnce);
    let publish = publish.payload(payload).retain(true);
    publish.set_message_expiry_interval_seconds(expiry).send().await.unwrap();
}

pub(crate) async fn subscribe(client: &Client, filter: &str) -> Subscription<SubscribeToIoTCore> {
    client.subscribe_to_iot_core().topic_name(filter).qos(Qos::AtLeastOnce).send().await.unwrap()
}

pub(crate) async fn next(subscription: &mut Subscription<SubscribeToIoTCore>) -> MqttMessage {
    match test_util::in_time("a message", subscription.next()).await.unwrap().unwrap() {
        IoTCoreMessage::Message(message) => message,
        other => panic!("{other:?}"),
    }
}

/// The topic and the text of the next message.
pub(crate) async fn text(subscription: &mut Subscription<SubscribeToIoTCore>) -> (String, String) {
    let message = next(subscription).await;
    (message.topic_name, String::from_utf8(message.payload.unwrap().to_vec()).unwrap())
}

pub(crate) fn pair(topic: &str, text: &str) -> (String, String) {
    (topic.to_owned(), text.to_owned())
}

pub(crate) async fn status(
    subscription: &mut Subscription<SubscribeToIoTCoreConnectionStatus>,
) -> ConnectionStatus {
    match test_util::in_time("a status", subscription.next()).await.unwrap().unwrap() {
        IoTCoreConnectionStatusEvent::ConnectionStatusEvent(event) => event.status,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn messages_reach_each_matching_subscription_in_order() {
    let (core, client) = start(LocalCore::builder().component("b")).await;
    let other = core.connect("b").await.unwrap();
    let mut exact = subscribe(&client, "a/b").await;
    let mut plus = subscribe(&other, "+/b").await;
    let mut hash = subscribe(&other, "a/#").await;
    for topic in ["a", "$aws/b", "a/b", "a/c"] {
        publish(&client, topic, topic).await.unwrap();
    }
    for subscription in [&mut exact, &mut plus, &mut hash] {
        assert_eq!(text(subscription).await, pair("a/b", "a/b"));
    }
    assert_eq!(text(&mut hash).await, pair("a/c", "a/c"));
    exact.close().await.unwrap();
    publish(&client, "c/b", "end").await.unwrap();
    assert_eq!(text(&mut plus).await, pair("c/b", "end"));
    // Another client of AWS IoT Core.
    let message = MqttMessage::builder().topic_name("a/d").payload("cloud").build().unwrap();
    core.publish_to_iot_core(message);
    assert_eq!(text(&mut hash).await, pair("a/d", "cloud"));
}

#[tokio::test]
async fn events_have_the_members_of_the_message_except_its_content_type() {
    let (_core, client) = start(LocalCore::builder()).await;
    let mut received = subscribe(&client, "t").await;
    let property = |key: &str, value: &str| UserProperty::builder().key(key).value(value).build();
    let publish = client.publish_to_iot_core().topic_name("t").qos(Qos::AtMostOnce);
    let properties = vec![property("k", "1"), property("j", ""), property("k", "1")];
    let publish = publish
        .payload(&[0, 255])
        .retain(true)
        .user_properties(properties.clone())
        .message_expiry_interval_seconds(100)
        .correlation_data("id")
        .response_topic("answers")
        .payload_format(PayloadFormat::Utf8)
        .content_type("text/plain");
    publish.send().await.unwrap();
    let message = MqttMessage::builder()
        .topic_name("t")
        .payload(&[0, 255])
        .retain(false)
        .user_properties(properties)
        .message_expiry_interval_seconds(100)
        .correlation_data("id")
        .response_topic("answers")
        .payload_format(PayloadFormat::Utf8);
    assert_eq!(next(&mut received).await, message.build().unwrap());
    self::publish(&client, "t", "").await.unwrap();
    let message = MqttMessage::builder().topic_name("t").payload("").retain(false);
    let message = message.payload_format(PayloadFormat::Bytes).build().unwrap();
    assert_eq!(next(&mut received).await, message);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_begins_with_the_retained_messages() {
    let (_core, client) = start(LocalCore::builder()).await;
    for (topic, payload, expiry) in [
        ("r/b", "old", None),
        ("r/b", "new", None),
        ("r/c", "removed", None),
        ("r/c", "", None),
        ("r/d", "expires", Some(10)),
        ("r/a", "stays", Some(100)),
    ] {
        retain(&client, topic, payload, expiry).await;
    }
    publish(&client, "r/b", "not retained").await.unwrap();
    tokio::time::advance(Duration::from_secs(50)).await;
    let mut received = subscribe(&client, "r/+").await;
    let first = next(&mut received).await;
    assert_eq!((&*first.topic_name, first.retain), ("r/a", Some(true)));
    let left = first.message_expiry_interval_seconds.unwrap();
    assert!((1..=50).contains(&left), "{left}");
    assert_eq!(text(&mut received).await, pair("r/b", "new"));
    retain(&client, "r/b", "live", None).await;
    let live = next(&mut received).await;
    assert_eq!((&*live.topic_name, live.retain), ("r/b", Some(false)));
}

#[tokio::test]
async fn one_of_the_subscribers_of_a_shared_subscription_receives_a_message() {
    let (_core, client) = start(LocalCore::builder()).await;
    let mut all = subscribe(&client, "t/+").await;
    let mut first = subscribe(&client, "$share/group/t/+").await;
    let mut second = subscribe(&client, "$share/group/t/+").await;
    let mut alone = subscribe(&client, "$share/other/t/+").await;
    for payload in ["1", "2"] {
        publish(&client, "t/x", payload).await.unwrap();
        for subscription in [&mut all, &mut alone] {
            assert_eq!(text(subscription).await, pair("t/x", payload));
        }
    }
    let mut shared = [text(&mut first).await.1, text(&mut second).await.1];
    shared.sort();
    assert_eq!(shared, ["1", "2"]);
    // Also when there are other messages in between.
    for payload in ["1", "2"] {
        publish(&client, "t/x", payload).await.unwrap();
        publish(&client, "other", "x").await.unwrap();
    }
    let mut shared = [text(&mut first).await.1, text(&mut second).await.1];
    shared.sort();
    assert_eq!(shared, ["1", "2"]);
}

#[tokio::test]
async fn messages_with_qos_1_wait_for_the_connection() {
    let (core, client) = start(LocalCore::builder()).await;
    let mut statuses = client.subscribe_to_iot_core_connection_status().send().await.unwrap();
    assert_eq!(status(&mut statuses).await, ConnectionStatus::Connected);
    let mut received = subscribe(&client, "t").await;
    core.connect_iot_core(false);
    core.connect_iot_core(false);
    assert_eq!(status(&mut statuses).await, ConnectionStatus::Disconnected);
    let mut late = client.subscribe_to_iot_core_connection_status().send().await.unwrap();
    assert_eq!(status(&mut late).await, ConnectionStatus::Disconnected);
    for index in 0..20 {
        publish(&client, "t", vec![index; 128 * 1024]).await.unwrap();
    }
    let error = publish(&client, "t", "no space").await.unwrap_err();
    assert_eq!(error.code(), Some("ServiceError"));
    let qos0 = client.publish_to_iot_core().topic_name("t").qos(Qos::AtMostOnce).payload("x");
    assert_eq!(qos0.send().await.unwrap_err().code(), Some("ServiceError"));
    core.connect_iot_core(true);
    for subscription in [&mut statuses, &mut late] {
        assert_eq!(status(subscription).await, ConnectionStatus::Connected);
    }
    publish(&client, "t", "last").await.unwrap();
    for index in 0..20 {
        assert_eq!(next(&mut received).await.payload.unwrap()[0], index);
    }
    assert_eq!(text(&mut received).await, pair("t", "last"));
}

#[tokio::test(start_paused = true)]
async fn a_subscription_waits_for_the_connection_for_some_time() {
    let (core, client) = start(LocalCore::builder()).await;
    core.connect_iot_core(false);
    let subscribing = client.subscribe_to_iot_core().topic_name("t").qos(Qos::AtLeastOnce);
    let error = subscribing.send().await.unwrap_err();
    assert_eq!(error.message(), Some("subscribe to topic t failed: there is no connection"));
    let connect = async {
        core.next_call_of("SubscribeToIoTCore").await;
        core.next_call_of("SubscribeToIoTCore").await;
        core.connect_iot_core(true);
    };
    let (mut received, ()) = tokio::join!(subscribe(&client, "t"), connect);
    publish(&client, "t", "x").await.unwrap();
    assert_eq!(text(&mut received).await, pair("t", "x"));
}

#[tokio::test]
async fn errors_have_the_shapes_and_the_order_of_the_nucleus() {
    let core = LocalCore::builder().component("a").deny_by_default();
    let service = "aws.greengrass.ipc.mqttproxy";
    let core = ["PublishToIoTCore", "SubscribeToIoTCore"].iter().fold(core, |core, operation| {
        core.allow("a", service, &format!("aws.greengrass#{operation}"), "#")
    });
    let core = core.start().await.unwrap();
    let mut raw = Raw::connect(&core, "a").await;
    let (long, big) = ("x".repeat(257), "A".repeat(4 * (128 * 1024 / 3 + 1)));
    for (request, error) in [
        (r#"{"payload":"","qos":"7"}"#.to_owned(), "InvalidArgumentsError"),
        (r#"{"topicName":"","payload":"","qos":"1"}"#.to_owned(), "UnauthorizedError"),
        (r#"{"topicName":"a/+","qos":"7"}"#.to_owned(), "InvalidArgumentsError"),
        (r#"{"topicName":"a/+","payload":""}"#.to_owned(), "InvalidArgumentsError"),
        (r#"{"topicName":"a/+","payload":"","qos":"2"}"#.to_owned(), "InvalidArgumentsError"),
        (r#"{"topicName":"a/+","payload":"","qos":"0"}"#.to_owned(), "ServiceError"),
        (r#"{"topicName":"a/b/c/d/e/f/g/h/i","payload":"","qos":"0"}"#.to_owned(), "ServiceError"),
        (format!(r#"{{"topicName":"{long}","payload":"","qos":"0"}}"#), "ServiceError"),
        (format!(r#"{{"topicName":"a","payload":"{big}","qos":"0"}}"#), "ServiceError"),
        (
            r#"{"topicName":"a","payload":"","qos":"0","responseTopic":"a/#"}"#.to_owned(),
            "ServiceError",
        ),
    ] {
        assert_eq!(
            raw.call("PublishToIoTCore", &*request).await,
            Err(error.to_owned()),
            "{request}"
        );
    }
    for (request, error) in [
        (r#"{"qos":"7"}"#, "InvalidArgumentsError"),
        (r#"{"topicName":"","qos":"1"}"#, "UnauthorizedError"),
        (r#"{"topicName":"a#"}"#, "InvalidArgumentsError"),
        (r#"{"topicName":"a#","qos":"2"}"#, "InvalidArgumentsError"),
        (r#"{"topicName":"a/b/c/d/e/f/g/h/#","qos":"1"}"#, "ServiceError"),
    ] {
        assert_eq!(
            raw.call("SubscribeToIoTCore", request).await,
            Err(error.to_owned()),
            "{request}"
        );
    }
    // A broker refuses it.
    let client = core.connect("a").await.unwrap();
    let refused = client.subscribe_to_iot_core().topic_name("a#").qos(Qos::AtLeastOnce);
    let error = refused.send().await.unwrap_err();
    let error = error.service_error().unwrap().decode::<ServiceError>().unwrap();
    assert_eq!(error.context.unwrap()["reasonCode"], 0x8F);
}

#[tokio::test]
async fn a_device_that_is_configured_to_run_offline_refuses_calls() {
    let (_core, client) = start(LocalCore::builder().offline()).await;
    let error = publish(&client, "t", "x").await.unwrap_err();
    assert_eq!(error.code(), Some("ServiceError"));
    let refused = client.subscribe_to_iot_core().topic_name("t").qos(Qos::AtLeastOnce);
    assert_eq!(refused.send().await.unwrap_err().code(), Some("ServiceError"));
    let mut statuses = client.subscribe_to_iot_core_connection_status().send().await.unwrap();
    assert_eq!(status(&mut statuses).await, ConnectionStatus::Disconnected);
}

#[tokio::test]
async fn nucleus_lite_forwards_topic_and_payload_only() {
    let (core, client) = start(LocalCore::builder().lite()).await;
    let mut received = subscribe(&client, "t/#").await;
    let publish = client.publish_to_iot_core().topic_name("t").qos(Qos::AtLeastOnce);
    let publish = publish.payload("x").retain(true).response_topic("answers");
    publish.send().await.unwrap();
    let message = MqttMessage::builder().topic_name("t").payload("x").build().unwrap();
    assert_eq!(next(&mut received).await, message);
    let mut raw = Raw::connect(&core, "a").await;
    for request in [r#"{"topicName":"t"}"#, r#"{"topicName":"t","qos":"2"}"#] {
        assert_eq!(raw.call("PublishToIoTCore", request).await, Ok(json!({})));
        assert_eq!(text(&mut received).await, pair("t", ""));
    }
    let request = r#"{"topicName":"t","qos":"3"}"#;
    assert_eq!(raw.call("PublishToIoTCore", request).await, Err("ServiceError".to_owned()));
}
