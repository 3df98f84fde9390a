//! The limits, operations and errors of nucleus lite.

use crate::support::{Program, Raw};
use greengrass_local_core::LocalCore;
use serde_json::{Value, json};

const DENIED: &str = "UnauthorizedError";
const FAILED: &str = "ServiceError";
const INVALID: &str = "InvalidArgumentsError";

fn publish(topic: &str, message: &Value) -> String {
    json!({ "topic": topic, "publishMessage": { "jsonMessage": { "message": message } } })
        .to_string()
}

#[tokio::test]
async fn topics_and_messages_are_limited() {
    let core = LocalCore::builder().lite().component("a").start().await.unwrap();
    let mut raw = Raw::connect(&core, "a").await;
    let topic = |len: usize| "t".repeat(len);
    let subscribe = |topic: String| json!({ "topic": topic }).to_string();
    let many = |len: usize| json!({ "a": vec![1; len] });
    let deep = |levels: usize| (1..levels).fold(json!({}), |it, _| json!({ "a": it }));
    for (operation, request, is_ok) in [
        ("PublishToTopic", publish(&topic(256), &json!({})), true),
        ("PublishToTopic", publish(&topic(257), &json!({})), false),
        ("SubscribeToTopic", subscribe(topic(256)), true),
        ("SubscribeToTopic", subscribe(topic(257)), false),
        ("SubscribeToTopic", "{}".to_owned(), false),
        // The request itself has 3 levels and 5 values around the message.
        ("PublishToTopic", publish("t", &deep(12)), true),
        ("PublishToTopic", publish("t", &deep(13)), false),
        ("PublishToTopic", publish("t", &many(250)), true),
        ("PublishToTopic", publish("t", &many(251)), false),
        ("PublishToTopic", publish("t", &json!({ "a": "x".repeat(9_500) })), true),
    ] {
        let expected = if is_ok { Ok(()) } else { Err(FAILED.to_owned()) };
        let start: String = request.chars().take(300).collect();
        assert_eq!(raw.call(operation, request).await.map(drop), expected, "{operation} {start}");
    }
    let large = publish("t", &json!({ "a": "x".repeat(10_000) }));
    raw.call_refused("PublishToTopic", large).await;
}

#[tokio::test]
async fn other_operations_fail_without_a_text() {
    let core = LocalCore::builder().lite().config("a", json!({ "a": 1 })).start().await.unwrap();
    let mut raw = Raw::connect(&core, "a").await;
    for (operation, request) in [
        ("GetThingShadow", r#"{"thingName":"t"}"#),
        ("ListComponents", "{}"),
        ("SubscribeToComponentUpdates", "{}"),
        ("PauseComponent", "{"),
        ("NoSuchOperation", "{}"),
    ] {
        let error = raw.error(operation, request).await;
        assert_eq!(error, json!({ "_message": "", "_errorCode": FAILED }), "{operation}");
    }
    assert!(raw.call("GetConfiguration", "{}").await.is_ok());
}

#[tokio::test]
async fn errors_have_two_members() {
    let core = LocalCore::builder().lite().deny_by_default().component("a").start().await.unwrap();
    let mut raw = Raw::connect(&core, "a").await;
    for (operation, request, code) in [
        // Requests that cannot be decoded.
        ("PublishToTopic", "{", FAILED),
        ("PublishToTopic", "", FAILED),
        ("GetConfiguration", r#"{"keyPath":5}"#, FAILED),
        ("UpdateConfiguration", r#"{"valueToMerge":{"a":1,"a":2}}"#, FAILED),
        ("PublishToTopic", &publish("t", &json!({})), DENIED),
        ("PublishToIoTCore", "{}", FAILED),
        ("CreateLocalDeployment", "{}", FAILED),
        ("UpdateConfiguration", r#"{"keyPath":[]}"#, INVALID),
        ("GetConfiguration", r#"{"keyPath":["x"]}"#, "ResourceNotFoundError"),
    ] {
        let error = raw.error(operation, request).await;
        assert_eq!(error["_errorCode"], code, "{operation} {request}");
        assert_eq!(error.as_object().unwrap().len(), 2, "{error}");
        assert!(error["_message"].is_string(), "{error}");
    }
}

#[tokio::test]
async fn components_and_connections_are_limited() {
    let many = |count: usize| {
        let names = (0..count).map(|it| format!("c{it}"));
        names.fold(LocalCore::builder().lite(), |builder, name| builder.component(name))
    };
    let error = many(51).start().await.unwrap_err();
    assert!(error.to_string().contains("up to 50 components"), "{error}");
    let core = many(50).start().await.unwrap();
    let mut open = Vec::new();
    for _ in 0..50 {
        open.push(core.connection("c0").connect().await.unwrap());
    }
    assert!(core.connection("c0").connect().await.is_err());
}

#[tokio::test]
async fn subscriptions_are_limited() {
    let core = LocalCore::builder().lite().component("a").start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    let subscribe = || client.subscribe_to_topic().topic("t").send();
    let mut open = Vec::new();
    for _ in 0..99 {
        open.push(subscribe().await.unwrap());
    }
    assert_eq!(subscribe().await.unwrap_err().code(), Some(FAILED));
    open.pop().unwrap().close().await.unwrap();
    // The core ends a subscription a moment after the client.
    while subscribe().await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_program_has_a_flag() {
    let policy = json!({ "operations": ["*"], "resources": vec!["resource"; 400] });
    let configuration =
        json!({ "accessControl": { "aws.greengrass.ipc.pubsub": { "p": policy } } });
    let args = ["--lite".to_owned(), "--config".to_owned(), format!("a={configuration}")];
    let mut program = Program::start(&args).await;
    let line = program.log.next_line().await.unwrap().unwrap();
    assert!(line.contains("have more than 4096 bytes, the limit of nucleus lite"), "{line}");
    let error = program.client(0).await.list_components().send().await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Some(FAILED), None));
}
