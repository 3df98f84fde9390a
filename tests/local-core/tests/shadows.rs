//! Shadows: what the scenarios do not show.

use eventstream_rpc::json::to_vec;
use greengrass_core_ipc::{
    Client, Subscription,
    operation::subscribe_to_topic::SubscribeToTopic,
    primitives::Blob,
    types::{BinaryMessage, JsonMessage, PublishMessage, SubscriptionResponseMessage},
};
use greengrass_local_core::LocalCore;
use serde_json::{Value, json};
use test_util::in_time;

use crate::support::Raw;

const THING: &str = "lamp";

async fn update(client: &Client, document: Value) -> Value {
    let update = client.update_thing_shadow().thing_name(THING).payload(document.to_string());
    serde_json::from_slice(&update.send().await.unwrap().payload).unwrap()
}

async fn get(client: &Client) -> Value {
    let response = client.get_thing_shadow().thing_name(THING).send().await.unwrap();
    serde_json::from_slice(&response.payload).unwrap()
}

/// The topic and the document of the next message.
async fn next(messages: &mut Subscription<SubscribeToTopic>) -> (String, Value) {
    match in_time("a message", messages.next()).await.unwrap().unwrap() {
        SubscriptionResponseMessage::BinaryMessage(it) => {
            let document = serde_json::from_slice(&it.message.unwrap()).unwrap();
            (it.context.unwrap().topic.unwrap(), document)
        }
        other => panic!("{other:?}"),
    }
}

/// Replaces `{"$rep": N}` by a text of N characters.
fn repeated(value: &Value) -> Value {
    match value {
        Value::Object(it) => match it.get("$rep").and_then(Value::as_u64) {
            Some(count) => "x".repeat(count as usize).into(),
            None => it.iter().map(|(name, it)| (name.clone(), repeated(it))).collect(),
        },
        other => other.clone(),
    }
}

/// The names of the messages that a successful update publishes, in order.
fn messages_of(case: &Value) -> Vec<&'static str> {
    match case {
        _ if !case["error"].is_null() => vec!["rejected"],
        _ if case["update"].is_null() => vec!["accepted"],
        _ if case["delta"].is_null() => vec!["documents", "accepted"],
        _ => vec!["delta", "documents", "accepted"],
    }
}

/// The operation, the verb and the document of a case.
fn request(case: &Value) -> (&'static str, &'static str, String) {
    let document = match &case["update"] {
        Value::Null if case["delete"].is_null() => {
            return ("GetThingShadow", "get", String::new());
        }
        Value::Null => return ("DeleteThingShadow", "delete", String::new()),
        Value::String(text) => text.clone(),
        document => repeated(document).to_string(),
    };
    ("UpdateThingShadow", "update", document)
}

#[tokio::test]
async fn versions_deltas_and_messages_are_those_of_the_worked_examples() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("data/shadow-examples.json")).unwrap();
    // More than 20 requests in a second.
    let limits = json!({ "rateLimits": { "maxLocalRequestsPerSecondPerThing": 100 } });
    let core = LocalCore::builder().component("a").config("aws.greengrass.ShadowManager", limits);
    let core = core.start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    let mut raw = Raw::connect(&core, "a").await;
    let all = client.subscribe_to_topic().topic("$aws/things/+/shadow/#");
    let mut all = all.send().await.unwrap();
    for case in &cases {
        let (operation, verb, document) = request(case);
        let payload: Value =
            serde_json::from_slice(&to_vec(&Blob::new(document)).unwrap()).unwrap();
        let request = json!({ "thingName": THING, "payload": payload }).to_string();
        let answer = raw.call(operation, request).await;
        let expected = case["error"].as_str().map(str::to_owned);
        assert_eq!(answer.as_ref().err(), expected.as_ref(), "{case}");
        let mut last = Value::Null;
        for name in messages_of(case) {
            let (topic, message) = next(&mut all).await;
            assert_eq!(topic, format!("$aws/things/{THING}/shadow/{verb}/{name}"), "{case}");
            if name == "delta" {
                assert_eq!(message["state"], case["delta"], "{case}");
            }
            last = message;
        }
        assert_eq!(last["version"], case["version"], "{case}");
        assert_eq!(last["code"], case["code"], "{case}");
        if !case["get"].is_null() && expected.is_none() {
            assert_eq!(last["state"], case["get"], "{case}");
        }
        if let Ok(answer) = answer {
            let payload: Blob = serde_json::from_value(answer["payload"].clone()).unwrap();
            let expected = if verb == "delete" { String::new() } else { last.to_string() };
            assert_eq!(payload, Blob::new(expected), "{case}");
        }
    }
}

#[tokio::test]
async fn invalid_names_and_page_sizes_are_refused() {
    let core = LocalCore::builder().component("a").start().await.unwrap();
    let mut raw = Raw::connect(&core, "a").await;
    for (operation, request, is_valid) in [
        ("GetThingShadow", json!({ "thingName": THING, "shadowName": "a b" }), false),
        ("GetThingShadow", json!({ "thingName": THING, "shadowName": "x".repeat(65) }), false),
        ("ListNamedShadowsForThing", json!({ "thingName": THING, "pageSize": 0 }), false),
        ("ListNamedShadowsForThing", json!({ "thingName": THING, "pageSize": 1 }), true),
        ("ListNamedShadowsForThing", json!({ "thingName": THING, "pageSize": 100 }), true),
        ("ListNamedShadowsForThing", json!({ "thingName": THING, "pageSize": 101 }), false),
        ("ListNamedShadowsForThing", json!({ "thingName": "" }), false),
        ("ListNamedShadowsForThing", json!({}), false),
    ] {
        let answer = raw.call(operation, request.to_string()).await;
        let error = (!is_valid).then(|| "InvalidArgumentsError".to_owned());
        assert_eq!(answer.err(), error, "{operation} {request}");
    }
}

#[tokio::test]
async fn shadows_are_kept_in_the_state_folder() {
    let folder = tempfile::tempdir().unwrap();
    let start = || LocalCore::builder().component("a").state(folder.path()).start();
    let core = start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    let desired = json!({ "n": 1, "l": [1, { "x": null }], "o": { "e": {}, "t": "x" } });
    update(&client, json!({ "state": { "desired": desired, "reported": { "n": 1.0 } } })).await;
    for name in ["kept", "deleted"] {
        let update = client.update_thing_shadow().thing_name(THING).shadow_name(name);
        update.payload(r#"{"state":{}}"#).send().await.unwrap();
    }
    let delete = client.delete_thing_shadow().thing_name(THING).shadow_name("deleted");
    delete.send().await.unwrap();
    let mut before = get(&client).await;
    core.stop().await.unwrap();

    let core = start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    let mut after = get(&client).await;
    assert_eq!(before["timestamp"].take().is_u64(), after["timestamp"].take().is_u64());
    assert_eq!(before, after);
    let names = client.list_named_shadows_for_thing().thing_name(THING).send().await.unwrap();
    assert_eq!(names.results, ["kept"]);
    assert_eq!(update(&client, json!({ "state": {}, "version": 1 })).await["version"], 2);
    core.stop().await.unwrap();
}

#[tokio::test]
async fn the_messages_of_concurrent_updates_are_in_the_order_of_the_versions() {
    let folder = tempfile::tempdir().unwrap();
    let core = LocalCore::builder().component("a").state(folder.path()).start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    let topic = format!("$aws/things/{THING}/shadow/update/accepted");
    let mut accepted = client.subscribe_to_topic().topic(topic).send().await.unwrap();
    let updates = (0..15).map(|at| {
        let client = client.clone();
        tokio::spawn(async move {
            update(&client, json!({ "state": { "reported": { "at": at } } })).await
        })
    });
    let updates: Vec<_> = updates.collect();
    for version in 1..=15 {
        assert_eq!(next(&mut accepted).await.1["version"], version);
    }
    for it in updates {
        it.await.unwrap();
    }
    core.stop().await.unwrap();
}

#[tokio::test]
async fn a_request_by_a_message_needs_only_the_permission_to_publish() {
    const PUBSUB: &str = "aws.greengrass.ipc.pubsub";
    let core = LocalCore::builder().allow("a", PUBSUB, "*", "$aws/things/*").start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    let get = client.get_thing_shadow().thing_name(THING).send().await;
    assert_eq!(get.unwrap_err().code(), Some("UnauthorizedError"));
    let topic = |end: &str| format!("$aws/things/{THING}/shadow/{end}");
    let mut messages =
        client.subscribe_to_topic().topic(topic("update/accepted")).send().await.unwrap();
    let mut levels = Vec::new();
    let document = json!({ "state": { "reported": { "on": true, "level": 3 } } });
    let json = JsonMessage::builder().message(document.clone()).build();
    let binary = BinaryMessage::builder().message(document.to_string()).build();
    for message in [PublishMessage::JsonMessage(json), PublishMessage::BinaryMessage(binary)] {
        let publish = client.publish_to_topic().topic(topic("update")).publish_message(message);
        publish.send().await.unwrap();
        let state = next(&mut messages).await.1["state"]["reported"].clone();
        levels.push(state["level"].to_string());
        assert_eq!(state["on"], true);
    }
    // The numbers of a JSON message become doubles.
    assert_eq!(levels, ["3.0", "3"]);
}

#[tokio::test]
async fn the_token_of_a_page_is_of_its_component_and_thing() {
    let core = LocalCore::builder().component("a").component("b").start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    for name in ["x", "y", "z"] {
        let update = client.update_thing_shadow().thing_name(THING).shadow_name(name);
        update.payload(r#"{"state":{}}"#).send().await.unwrap();
    }
    let first = client.list_named_shadows_for_thing().thing_name(THING).page_size(2);
    let first = first.send().await.unwrap();
    assert_eq!(first.results, ["x", "y"]);
    let token = first.next_token.unwrap();
    let mut raw = [Raw::connect(&core, "a").await, Raw::connect(&core, "b").await];
    for (caller, thing, token, expected) in [
        (0, THING, &*token, Ok(json!(["z"]))),
        (1, THING, &*token, Err("InvalidArgumentsError")),
        (0, "other", &*token, Err("InvalidArgumentsError")),
        (0, THING, "*", Err("InvalidArgumentsError")),
        (0, THING, "ffffffffffffffff.0", Err("InvalidArgumentsError")),
    ] {
        let request = json!({ "thingName": thing, "nextToken": token });
        let answer = raw[caller].call("ListNamedShadowsForThing", request.to_string()).await;
        let names = answer.map(|it| it["results"].clone());
        assert_eq!(names, expected.map_err(str::to_owned), "{request}");
    }
}

#[tokio::test]
async fn messages_are_no_requests_in_nucleus_lite() {
    let core = LocalCore::builder().lite().component("a").start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    let topic = |end: &str| format!("$aws/things/{THING}/shadow/{end}");
    let all = client.subscribe_to_topic().topic(topic("#")).receive_mode("RECEIVE_ALL_MESSAGES");
    let mut all = all.send().await.unwrap();
    for end in ["get", "delete"] {
        let message = BinaryMessage::builder().message("{}").build();
        let publish = client.publish_to_topic().topic(topic(end)).publish_message(message);
        publish.send().await.unwrap();
        // The next message is the next request, not an answer.
        assert_eq!(next(&mut all).await.0, topic(end));
    }
}
