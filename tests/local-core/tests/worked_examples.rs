//! Worked examples of the behaviour of a nucleus, from data files.

use crate::support::Raw;
use greengrass_core_ipc::{
    Client, Subscription,
    operation::{
        subscribe_to_configuration_update::SubscribeToConfigurationUpdate,
        subscribe_to_topic::SubscribeToTopic,
    },
    types::{BinaryMessage, ConfigurationUpdateEvents, ReceiveMode, SubscriptionResponseMessage},
};
use greengrass_local_core::LocalCore;
use serde_json::{Value, json};

fn cases(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

async fn publish(client: &Client, topic: &str) {
    let message = BinaryMessage::builder().message("published").build();
    client.publish_to_topic().topic(topic).publish_message(message).send().await.unwrap();
}

/// Whether a subscription has received a published message.
///
/// An event of the test, sent through the same queue, marks the end.
async fn has_received(
    core: &LocalCore,
    component: &str,
    subscription: &mut Subscription<SubscribeToTopic>,
) -> bool {
    let end = BinaryMessage::builder().message("end").build();
    let end = SubscriptionResponseMessage::BinaryMessage(end);
    assert_eq!(core.send_event(SubscribeToTopic, component, &end), 1);
    let mut count = 0;
    while subscription.next().await.unwrap().unwrap() != end {
        count += 1;
    }
    assert!(count <= 1, "received {count} times");
    count == 1
}

#[tokio::test]
async fn filters_match_like_those_of_the_nucleus() {
    for case in cases(include_str!("data/topic-matches.json")) {
        let core = LocalCore::builder().component("a").component("b").start().await.unwrap();
        let publisher = Client::new(core.connection("a").connect().await.unwrap());
        let subscriber = Client::new(core.connection("b").connect().await.unwrap());
        let filter = case["filter"].as_str().unwrap();
        let mut subscription = subscriber.subscribe_to_topic().topic(filter).send().await.unwrap();
        publish(&publisher, case["topic"].as_str().unwrap()).await;
        let matches = has_received(&core, "b", &mut subscription).await;
        assert_eq!(Value::from(matches), case["matches"], "{case}");
    }
}

#[tokio::test]
async fn own_messages_depend_on_the_mode_or_the_filter() {
    for case in cases(include_str!("data/own-messages.json")) {
        let core = LocalCore::builder().component("a").component("b").start().await.unwrap();
        let own = Client::new(core.connection("a").connect().await.unwrap());
        let other = Client::new(core.connection("b").connect().await.unwrap());
        let (filter, topic) = (case["filter"].as_str().unwrap(), case["topic"].as_str().unwrap());
        let mode = case["mode"].as_str().map(ReceiveMode::from);
        let subscribing = own.subscribe_to_topic().topic(filter).set_receive_mode(mode);
        let mut subscription = subscribing.send().await.unwrap();
        publish(&own, topic).await;
        let is_received = has_received(&core, "a", &mut subscription).await;
        assert_eq!(Value::from(is_received), case["own"], "{case}");
        publish(&other, topic).await;
        assert!(
            has_received(&core, "a", &mut subscription).await,
            "{case}: from another component"
        );
    }
}

#[tokio::test]
async fn values_are_wrapped_like_those_of_the_nucleus() {
    let data: Value = serde_json::from_str(include_str!("data/configuration-get.json")).unwrap();
    let configuration = data["configuration"].clone();
    let core = LocalCore::builder().config("a", configuration).start().await.unwrap();
    let mut raw = Raw::connect(&core, "a").await;
    for case in data["cases"].as_array().unwrap() {
        let request = json!({"keyPath": case["path"]}).to_string();
        let expected = match &case["value"] {
            Value::Null => Err("ResourceNotFoundError".to_owned()),
            value => Ok(json!({"componentName": "a", "value": value})),
        };
        assert_eq!(raw.call("GetConfiguration", request).await, expected, "{case}");
    }
    // A missing path is equivalent to an empty path.
    let whole = raw.call("GetConfiguration", "{}").await.unwrap();
    assert_eq!(whole["value"], data["cases"][0]["value"]);
}

/// The request of an update. A value "absent" is left out. The time is in milliseconds.
fn update(path: &Value, value: &Value, time: &Value) -> String {
    let mut request = json!({"keyPath": path});
    if value != "absent" {
        request["valueToMerge"] = value.clone();
    }
    if let Some(millis) = time.as_f64() {
        request["timestamp"] = (millis / 1000.0).into();
    }
    request.to_string()
}

async fn next_path(watch: &mut Subscription<SubscribeToConfigurationUpdate>) -> Value {
    match test_util::in_time("an event", watch.next()).await.unwrap().unwrap() {
        ConfigurationUpdateEvents::ConfigurationUpdateEvent(event) => event.key_path.into(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn updates_merge_and_notify_like_those_of_the_nucleus() {
    let data: Value = serde_json::from_str(include_str!("data/configuration-update.json")).unwrap();
    for case in data["cases"].as_array().unwrap() {
        let older = json!({"a": 0, "b": {"c": "", "d": 0}});
        let core = LocalCore::builder().config("a", older).exact_numbers().start().await.unwrap();
        let mut raw = Raw::connect(&core, "a").await;
        // `d` is written at 200 ms, all other values at 100 ms.
        let mut first = data["before"].clone();
        let d = first["b"].as_object_mut().unwrap().remove("d").unwrap();
        for request in [
            update(&json!([]), &first, &100.into()),
            update(&json!(["b"]), &json!({"d": d}), &200.into()),
        ] {
            raw.call("UpdateConfiguration", request).await.unwrap();
        }
        let client = core.connect("a").await.unwrap();
        let everything = Vec::<String>::new();
        let watching = client.subscribe_to_configuration_update().key_path(everything).send();
        let mut watch = watching.await.unwrap();

        let request = update(&case["path"], &case["value"], &case["time"]);
        let answer = raw.call("UpdateConfiguration", request).await;
        let expected = match case["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(json!({})),
        };
        assert_eq!(answer, expected, "{case}");
        let after = raw.call("GetConfiguration", "{}").await.unwrap();
        assert_eq!(after["value"], case["after"], "{case}");

        // Another change marks the end of the events.
        let end = update(&json!(["end"]), &json!({"end": null}), &1.into());
        raw.call("UpdateConfiguration", end).await.unwrap();
        let mut events = Vec::new();
        loop {
            match next_path(&mut watch).await {
                path if path == json!(["end", "end"]) => break,
                path => events.push(path),
            }
        }
        assert_eq!(Value::from(events), case["events"], "{case}");
    }
}

#[tokio::test]
async fn every_operation_that_is_not_served_fails() {
    let core = LocalCore::builder().config("a", json!({})).start().await.unwrap();
    let mut raw = Raw::connect(&core, "a").await;
    let operations: Vec<&str> = include_str!("data/not-served.txt").lines().collect();
    for line in operations {
        let (operation, request) = line.split_once(' ').unwrap();
        let answer = raw.call(operation, request).await;
        assert_eq!(answer, Err("ServiceError".to_owned()), "{operation}");
    }
    // An unknown operation fails with an unmodelled error and does not end the connection.
    let unknown = raw.call("NoSuchOperation", "{}").await.unwrap_err();
    assert_ne!(unknown, "ServiceError");
    raw.call("GetConfiguration", "{}").await.unwrap();
}
