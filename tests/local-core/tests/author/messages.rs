//! The module `messages`.

use greengrass_core_ipc::{
    operation::get_configuration::GetConfigurationResponse,
    types::{
        BinaryMessage, IoTCoreMessage, JsonMessage, MqttMessage, PublishMessage, Qos,
        SubscriptionResponseMessage, error::ResourceNotFoundError,
    },
};
use greengrass_local_core::LocalCore;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Reading {
    celsius: u32,
}

const READING: Reading = Reading { celsius: 21 };

#[tokio::test]
async fn typed_messages_pass_through_a_core() {
    let core = LocalCore::builder().component("a").start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    let mut readings = client.subscribe_to_topic().topic("readings").send().await.unwrap();
    let publish = || client.publish_to_topic().topic("readings");
    // The core turns the number into a floating-point number, as a nucleus does.
    publish().publish_message(JsonMessage::of(&READING).unwrap()).send().await.unwrap();
    publish().publish_message(json!({ "celsius": 21 })).send().await.unwrap();
    publish().publish_message(r#"{"celsius": 21}"#).send().await.unwrap();
    for _ in 0..3 {
        let message = readings.try_next().await.unwrap().unwrap();
        assert_eq!(message.json::<Reading>().unwrap(), READING);
        assert_eq!(message.topic(), Some("readings"));
    }
    publish().publish_message("hot").send().await.unwrap();
    let message = readings.try_next().await.unwrap().unwrap();
    assert_eq!(
        message.json::<Reading>().unwrap_err().to_string(),
        "expected value at line 1 column 1"
    );
    assert_eq!(&*message.into_binary_message().unwrap().message.unwrap(), b"hot");
    core.stop().await.unwrap();
    assert!(readings.try_next().await.is_err());
}

#[test]
fn what_has_no_content_is_an_error() {
    let expected = "invalid type: null, expected struct Reading";
    let error = |it: SubscriptionResponseMessage| it.json::<Reading>().unwrap_err().to_string();
    assert_eq!(error(SubscriptionResponseMessage::Unknown), expected);
    assert_eq!(error(JsonMessage::default().into()), expected);
    assert!(error(BinaryMessage::default().into()).starts_with("EOF"));
    assert_eq!(SubscriptionResponseMessage::Unknown.topic(), None);
    let configuration = GetConfigurationResponse::builder().value(json!({ "celsius": "hot" }));
    let error = configuration.build().value_as::<Reading>().unwrap_err().to_string();
    assert_eq!(error, "invalid type: string, expected u32 at celsius");
}

#[test]
fn messages_of_iot_core_have_topic_and_json() {
    let message = MqttMessage::builder().topic_name("t").payload(r#"{"celsius": 21.0}"#);
    let message = IoTCoreMessage::from(message.build().unwrap());
    assert_eq!(message.topic(), Some("t"));
    assert_eq!(message.json::<Reading>().unwrap(), READING);
    assert_eq!(IoTCoreMessage::Unknown.topic(), None);
    assert!(IoTCoreMessage::Unknown.json::<Reading>().is_err());
}

#[test]
fn bytes_and_documents_are_messages() {
    let binary = |it: PublishMessage| it.into_binary_message().unwrap().message.unwrap();
    for message in ["a".into(), "a".to_owned().into(), vec![b'a'].into(), b"a".as_slice().into()] {
        assert_eq!(&*binary(message), b"a");
    }
    let json = PublishMessage::from(json!({ "a": 1 })).into_json_message().unwrap();
    assert_eq!(json.message.unwrap()["a"], 1);
}

#[test]
fn a_quality_of_service_has_two_names() {
    for (text, expected) in [
        ("0", Qos::AtMostOnce),
        ("AT_MOST_ONCE", Qos::AtMostOnce),
        ("1", Qos::AtLeastOnce),
        ("AT_LEAST_ONCE", Qos::AtLeastOnce),
    ] {
        assert_eq!(Qos::from(text), expected);
        assert_eq!(Qos::try_parse(text).unwrap(), expected);
    }
    assert_eq!(Qos::from("2"), Qos::Unknown("2".to_owned()));
    let error = Qos::try_parse("2").unwrap_err();
    assert_eq!(error.to_string(), "not a value of Qos; expected one of 0, 1");
    assert_eq!(error.values(), ["0", "1"]);
    // On the wire, only the value counts.
    let read: Qos = serde_json::from_str(r#""AT_LEAST_ONCE""#).unwrap();
    assert_eq!(read, Qos::Unknown("AT_LEAST_ONCE".to_owned()));
}

#[tokio::test]
async fn an_error_that_is_not_declared_is_recognized() {
    let core = LocalCore::builder().component("a").start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    let error = client.restart_component().component_name("b").send().await.unwrap_err();
    assert!(error.is::<ResourceNotFoundError>(), "{error}");
    assert_eq!(
        error.to_string(),
        format!("the service answered with an error: {}", error.service_error().unwrap())
    );
    assert!(std::error::Error::source(&error).is_none());
    let error = client.publish_to_topic().send().await.unwrap_err();
    assert_eq!(
        error.with_sources().to_string(),
        "the request could not be built: aws.greengrass#PublishToTopicRequest$topic is required and was not set"
    );
    core.stop().await.unwrap();
}
