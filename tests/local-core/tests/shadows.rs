//! Shadows: what the scenarios do not show.

use greengrass_core_ipc::{
    Client, Subscription,
    operation::subscribe_to_topic::SubscribeToTopic,
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

/// The next message, without its topic.
async fn next(messages: &mut Subscription<SubscribeToTopic>) -> Value {
    match in_time("a message", messages.next()).await.unwrap().unwrap() {
        SubscriptionResponseMessage::BinaryMessage(it) => {
            serde_json::from_slice(&it.message.unwrap()).unwrap()
        }
        other => panic!("{other:?}"),
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
        assert_eq!(next(&mut accepted).await["version"], version);
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
    let document = json!({ "state": { "reported": { "on": true } } });
    let json = JsonMessage::builder().message(document.clone()).build();
    let binary = BinaryMessage::builder().message(document.to_string()).build();
    for message in [PublishMessage::JsonMessage(json), PublishMessage::BinaryMessage(binary)] {
        let publish = client.publish_to_topic().topic(topic("update")).publish_message(message);
        publish.send().await.unwrap();
        assert_eq!(next(&mut messages).await["state"], document["state"]);
    }
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
