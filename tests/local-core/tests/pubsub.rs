//! Local publish/subscribe with the rules of the Java nucleus.

use crate::support::Raw;
use eventstream_rpc::frame::HeaderValue;
use greengrass_core_ipc::{
    Client, Subscription,
    error::SdkError,
    operation::{publish_to_topic::PublishToTopicError, subscribe_to_topic::SubscribeToTopic},
    types::{
        BinaryMessage, JsonMessage, PublishMessage, ReceiveMode, SubscriptionResponseMessage,
        error::InvalidArgumentsError,
    },
};
use greengrass_local_core::LocalCore;
use serde_json::json;

async fn publish(
    client: &Client,
    topic: &str,
    message: impl Into<PublishMessage>,
) -> Result<(), SdkError<PublishToTopicError>> {
    client.publish_to_topic().topic(topic).publish_message(message).send().await.map(|_| ())
}

fn binary(text: &str) -> BinaryMessage {
    BinaryMessage::builder().message(text).build()
}

/// The topic and the text of the next message.
async fn next(subscription: &mut Subscription<SubscribeToTopic>) -> (String, String) {
    match subscription.next().await.unwrap().unwrap() {
        SubscriptionResponseMessage::BinaryMessage(event) => {
            let text = String::from_utf8(event.message.unwrap().to_vec()).unwrap();
            (event.context.unwrap().topic.unwrap(), text)
        }
        SubscriptionResponseMessage::JsonMessage(event) => {
            (event.context.unwrap().topic.unwrap(), event.message.unwrap().to_string())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn messages_arrive_in_order_with_their_topic_and_kind() {
    let core = LocalCore::builder().component("a").component("b").start().await.unwrap();
    let (a, b) = (core.connect("a").await.unwrap(), core.connect("b").await.unwrap());
    let mut received = b.subscribe_to_topic().topic("x/+/#").send().await.unwrap();
    for index in 0..100 {
        publish(&a, "x/y/z", binary(&index.to_string())).await.unwrap();
    }
    let json = json!({"a": [1.0, 2.5, null], "": "\u{1F600}"});
    publish(&a, "x//z", JsonMessage::builder().message(json.clone()).build()).await.unwrap();
    for index in 0..100 {
        assert_eq!(next(&mut received).await, ("x/y/z".to_owned(), index.to_string()));
    }
    assert_eq!(next(&mut received).await, ("x//z".to_owned(), json.to_string()));
}

#[tokio::test]
async fn the_receive_mode_decides_about_own_messages() {
    use ReceiveMode::{ReceiveAllMessages as All, ReceiveMessagesFromOthers as Others};
    let core = LocalCore::builder().component("a").component("b").start().await.unwrap();
    let (a, b) = (core.connect("a").await.unwrap(), core.connect("b").await.unwrap());
    for (filter, mode, receives_own) in [
        ("t", None, true),
        ("+", None, false),
        ("#", None, false),
        ("t", Some(Others), false),
        ("+", Some(All), true),
        ("t", Some(ReceiveMode::from("SOMETHING_NEW")), true),
    ] {
        let subscribing = a.subscribe_to_topic().topic(filter).set_receive_mode(mode.clone());
        let mut received = subscribing.send().await.unwrap();
        // Another connection of the same component counts as the same publisher.
        publish(&core.connect("a").await.unwrap(), "t", binary("own")).await.unwrap();
        publish(&b, "t", binary("other")).await.unwrap();
        if receives_own {
            assert_eq!(next(&mut received).await.1, "own", "{filter} {mode:?}");
        }
        assert_eq!(next(&mut received).await.1, "other", "{filter} {mode:?}");
    }
}

#[tokio::test]
async fn each_subscription_receives_a_message_once_until_it_ends() {
    let core = LocalCore::builder().component("a").start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    let mut first = client.subscribe_to_topic().topic("t").send().await.unwrap();
    let mut second = client.subscribe_to_topic().topic("t").send().await.unwrap();
    publish(&client, "t", binary("1")).await.unwrap();
    assert_eq!(next(&mut first).await.1, "1");
    first.close().await.unwrap();
    publish(&client, "t", binary("2")).await.unwrap();
    assert_eq!(next(&mut second).await.1, "1");
    assert_eq!(next(&mut second).await.1, "2");
    // Publishing without a subscriber is not an error.
    publish(&client, "unused", binary("3")).await.unwrap();
}

#[tokio::test]
async fn invalid_topics_fail_with_the_errors_of_the_nucleus() {
    let core = LocalCore::builder().component("a").start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    for topic in ["a/+", "a/#", "a*b", &"/x".repeat(1_000)] {
        let error = publish(&client, topic, binary("x")).await.unwrap_err();
        let invalid = error.service_error().unwrap().decode::<InvalidArgumentsError>();
        assert!(invalid.is_some(), "{topic}: {error:?}");
    }
    for topic in ["/", "//"] {
        let error = publish(&client, topic, binary("x")).await.unwrap_err();
        assert_eq!(error.code(), Some("ServiceError"), "{topic}");
    }
    let error = publish(&client, "", binary("x")).await.unwrap_err();
    assert_eq!(error.code(), Some("UnauthorizedError"));
    let error = client.subscribe_to_topic().topic("").send().await.unwrap_err();
    assert_eq!(error.code(), Some("UnauthorizedError"));
    let deep = "/x".repeat(1_000);
    let error = client.subscribe_to_topic().topic(deep).send().await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidArgumentsError"));
    // The connection is not affected, and there is no other limit.
    for topic in ["x/".repeat(1_000), "x".repeat(100_000)] {
        let mut received = client.subscribe_to_topic().topic(&*topic).send().await.unwrap();
        publish(&client, &topic, binary("x")).await.unwrap();
        assert_eq!(next(&mut received).await, (topic, "x".to_owned()));
    }
}

#[tokio::test]
async fn the_authorizer_receives_the_terms_of_access_control() {
    let core = LocalCore::builder()
        .component("a")
        .authorizer(|request| {
            assert_eq!((request.component, request.service), ("a", "aws.greengrass.ipc.pubsub"));
            request.operation == "aws.greengrass#PublishToTopic" && request.resource == "allowed"
        })
        .start()
        .await
        .unwrap();
    let client = core.connect("a").await.unwrap();
    publish(&client, "allowed", binary("x")).await.unwrap();
    let error = publish(&client, "denied", binary("x")).await.unwrap_err();
    assert_eq!(
        error.message(),
        Some(
            "principal a is not authorized to perform \
             aws.greengrass.ipc.pubsub:aws.greengrass#PublishToTopic on resource denied"
        )
    );
    let error = client.subscribe_to_topic().topic("allowed").send().await.unwrap_err();
    assert_eq!(error.code(), Some("UnauthorizedError"));
    let long = format!("a\nb{}", "x".repeat(2_000));
    let error = publish(&client, &long, binary("x")).await.unwrap_err();
    let text = error.message().unwrap();
    assert!(text.contains("on resource a\\nbxxx") && text.ends_with("x…"), "{text}");
    assert!(text.len() < 400, "{}", text.len());
}

#[tokio::test]
async fn a_subscriber_that_does_not_read_is_disconnected_without_delaying_others() {
    let core = LocalCore::builder().component("a").component("b").start().await.unwrap();
    let a = core.connect("a").await.unwrap();
    let mut reads = a.subscribe_to_topic().topic("t").send().await.unwrap();
    let mut slow = Raw::connect(&core, "b").await;
    slow.call("SubscribeToTopic", r#"{"topic":"t"}"#).await.unwrap();
    let megabyte = "x".repeat(1024 * 1024);
    for _ in 0..40 {
        publish(&a, "t", binary(&megabyte)).await.unwrap();
        assert_eq!(next(&mut reads).await.1.len(), megabyte.len());
    }
    let (received, error) = slow.events().await;
    // The queue holds 16 MiB of payloads, in which Base64 takes a third more.
    assert!((11..40).contains(&received), "{received}");
    let text: serde_json::Value = serde_json::from_slice(&error.payload).unwrap();
    assert_eq!(text["message"], "the subscriber is too slow");
    assert_eq!(
        error.header(":message-flags"),
        Some(&HeaderValue::Int32(2)),
        "the stream has ended"
    );
}
