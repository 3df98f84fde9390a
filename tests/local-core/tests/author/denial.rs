//! What a client says about a denied call.

use greengrass_core_ipc::{
    Client, blocking,
    error::SdkError,
    operation::publish_to_topic::PublishToTopicError,
    types::{Qos, error::UnauthorizedError},
};
use greengrass_local_core::LocalCore;
use serde_json::{Value, json};

async fn core() -> (LocalCore, Client) {
    let core = LocalCore::builder().component("a").deny_by_default().start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    (core, client)
}

/// The `accessControl` in a hint.
#[track_caller]
fn proposed(hint: Option<&str>) -> Value {
    let (_, policy) = hint.expect("the call is denied").split_once("configuration: ").unwrap();
    serde_json::from_str(policy).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_says_what_to_add() {
    let (core, client) = core().await;
    let publish = || client.publish_to_topic().topic("a/b").publish_message("x").send();
    let error = publish().await.unwrap_err();
    assert!(error.is::<UnauthorizedError>());
    assert!(error.to_string().ends_with(error.hint().unwrap()), "{error}");
    let policy = json!({ "aws.greengrass.ipc.pubsub": { "PublishToTopic on a/b": {
        "operations": ["aws.greengrass#PublishToTopic"], "resources": ["a/b"],
    } } });
    assert_eq!(proposed(error.hint()), policy);

    // The blocking client says the same.
    let builder = blocking::Client::builder().socket_path(core.socket_path());
    let client = builder.auth_token(core.auth_token("a")).connect().unwrap();
    let error = client.publish_to_topic().topic("a/b").publish_message("x").send().unwrap_err();
    assert_eq!(proposed(error.hint()), policy);
    let SdkError::ServiceError { error: PublishToTopicError::UnauthorizedError(_), hint, .. } =
        error
    else {
        panic!("{error}")
    };
    assert!(hint.is_some());

    core.merge_config("a", json!({ "accessControl": policy }));
    publish().await.unwrap();
    core.stop().await.unwrap();
}

#[tokio::test]
async fn the_proposed_policies_allow_the_calls() {
    let (core, client) = core().await;
    let subscribe = || client.subscribe_to_topic().topic("a/${*}/+/#").send();
    let shadow = || client.get_thing_shadow().thing_name("t").shadow_name("s").send();
    let classic = || client.get_thing_shadow().thing_name("t").send();
    let iot =
        || client.publish_to_iot_core().topic_name("$aws/x").qos(Qos::AtMostOnce).payload("x");
    let list = || client.list_components().send();
    for hint in [
        subscribe().await.unwrap_err().hint(),
        shadow().await.unwrap_err().hint(),
        classic().await.unwrap_err().hint(),
        iot().send().await.unwrap_err().hint(),
        list().await.unwrap_err().hint(),
    ] {
        core.merge_config("a", json!({ "accessControl": proposed(hint) }));
    }
    drop(subscribe().await.unwrap());
    iot().send().await.unwrap();
    list().await.unwrap();
    for result in [shadow().await, classic().await] {
        assert_eq!(result.unwrap_err().code(), Some("ResourceNotFoundError"));
    }
    core.stop().await.unwrap();
}

#[tokio::test]
async fn what_no_policy_allows_has_no_hint() {
    let (core, client) = core().await;
    let error = client.publish_to_topic().topic("").publish_message("x").send().await.unwrap_err();
    assert_eq!((error.code(), error.hint()), (Some("UnauthorizedError"), None));
    let error = client.get_thing_shadow().thing_name("").send().await.unwrap_err();
    assert_eq!((error.code(), error.hint()), (Some("InvalidArgumentsError"), None));
    let error = client.publish_to_topic().send().await.unwrap_err();
    assert_eq!(error.hint(), None);
    core.stop().await.unwrap();
}
