//! The configuration operations. The rules of merging are tested in `src/configuration/tree/tests.rs`.

use std::time::{Duration, SystemTime};

use greengrass_core_ipc::{
    Client, Subscription,
    operation::subscribe_to_configuration_update::SubscribeToConfigurationUpdate,
    primitives::Timestamp, types::ConfigurationUpdateEvents,
};
use greengrass_local_core::LocalCore;
use serde_json::{Value, json};

async fn core() -> (LocalCore, Client, Client) {
    let core = LocalCore::builder()
        .config("a", json!({"a": 1, "b": {"c": "x", "d": [1, 2]}, "accessControl": {}, "n": null}))
        .component("b")
        .start()
        .await
        .unwrap();
    let (a, b) = (core.connect("a").await.unwrap(), core.connect("b").await.unwrap());
    (core, a, b)
}

async fn get(client: &Client, path: &[&str]) -> Result<Value, String> {
    match client.get_configuration().key_path(path.iter().copied()).send().await {
        Ok(response) => Ok(response.value.unwrap()),
        Err(error) => Err(error.code().unwrap().to_owned()),
    }
}

#[tokio::test]
async fn values_follow_the_worked_examples() {
    let (_core, client, _) = core().await;
    for (path, expected) in [
        (&["a"][..], Ok(json!({"a": 1}))),
        (&["A"], Ok(json!({"a": 1}))),
        (&["b"], Ok(json!({"c": "x", "d": [1, 2]}))),
        (&["b", "c"], Ok(json!({"c": "x"}))),
        (&["b", "d"], Ok(json!({"d": [1, 2]}))),
        (&["n"], Ok(json!({"n": null}))),
        (&["b", "d", "0"], Err("ResourceNotFoundError".to_owned())),
        (&["zzz"], Err("ResourceNotFoundError".to_owned())),
        (&["b", ""], Err("ResourceNotFoundError".to_owned())),
    ] {
        assert_eq!(get(&client, path).await, expected, "{path:?}");
    }
    let all = get(&client, &[]).await.unwrap();
    assert_eq!(all.as_object().unwrap().len(), 4);
}

#[tokio::test]
async fn any_component_reads_any_other_and_updates_itself() {
    let (_core, a, b) = core().await;
    let response = b.get_configuration().component_name("a").key_path(["a"]).send().await.unwrap();
    assert_eq!(response.component_name.as_deref(), Some("a"));
    assert_eq!(response.value, Some(json!({"a": 1})));
    let unknown = b.get_configuration().component_name("zzz").key_path(["a"]).send().await;
    assert_eq!(unknown.unwrap_err().code(), Some("ResourceNotFoundError"));

    b.update_configuration()
        .timestamp(SystemTime::now())
        .value_to_merge(json!({"written": true}))
        .send()
        .await
        .unwrap();
    assert_eq!(get(&b, &[]).await, Ok(json!({"written": true})));
    assert!(get(&a, &["written"]).await.is_err());
}

async fn changed(subscription: &mut Subscription<SubscribeToConfigurationUpdate>) -> Vec<String> {
    let event = test_util::in_time("an event", subscription.next()).await;
    match event.unwrap().unwrap() {
        ConfigurationUpdateEvents::ConfigurationUpdateEvent(event) => {
            assert_eq!(event.component_name, "a");
            event.key_path
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn subscribers_at_and_above_a_change_receive_its_path() {
    let (_core, a, b) = core().await;
    let watch = |client: &Client, path: &[&str]| {
        let path: Vec<_> = path.iter().map(|it| (*it).to_owned()).collect();
        client.subscribe_to_configuration_update().component_name("a").key_path(path).send()
    };
    let mut all = watch(&b, &[]).await.unwrap();
    let mut branch = watch(&a, &["B"]).await.unwrap();
    let mut leaf = watch(&a, &["b", "c"]).await.unwrap();
    let missing = watch(&a, &["zzz"]).await.unwrap_err();
    assert_eq!(missing.code(), Some("ResourceNotFoundError"));

    let update = |value: Value| {
        a.update_configuration().timestamp(SystemTime::now()).value_to_merge(value).send()
    };
    update(json!({"a": 2})).await.unwrap();
    update(json!({"b": {"c": "y"}})).await.unwrap();
    assert_eq!(changed(&mut all).await, ["a"]);
    assert_eq!(changed(&mut all).await, ["b", "c"]);
    assert_eq!(changed(&mut branch).await, ["b", "c"]);
    assert_eq!(changed(&mut leaf).await, ["b", "c"]);
    // The value is already readable when the event arrives.
    assert_eq!(get(&a, &["b", "c"]).await, Ok(json!({"c": "y"})));
    // Writing an equal value is not a change.
    update(json!({"b": {"c": "y"}})).await.unwrap();
    update(json!({"b": {"d": 0}})).await.unwrap();
    assert_eq!(changed(&mut branch).await, ["b", "d"]);
    // A replaced container removes its leaves: subscribers of a leaf receive the path of the leaf, those of the
    // container its path.
    update(json!({"b": 7})).await.unwrap();
    assert_eq!(changed(&mut leaf).await, ["b", "c"]);
    assert_eq!(changed(&mut branch).await, ["b"]);
    update(json!({"b": 8})).await.unwrap();
    assert_eq!(changed(&mut branch).await, ["b"]);
}

#[tokio::test]
async fn updates_fail_with_the_errors_of_the_nucleus() {
    let (_core, client, _) = core().await;
    let now = SystemTime::now();
    let update = |path: &[&str], value: Value, time: SystemTime| {
        let path: Vec<_> = path.iter().map(|it| (*it).to_owned()).collect();
        let call = client.update_configuration().timestamp(time).value_to_merge(value);
        async move { call.key_path(path).send().await.map_err(|it| it.code().unwrap().to_owned()) }
    };
    assert!(update(&[], json!({"a": 5}), now).await.is_ok());
    let earlier = now - Duration::from_secs(10);
    for (path, value, time, expected) in [
        (&[][..], json!({"a": 6}), earlier, "FailedUpdateConditionCheckError"),
        (&[], json!({"AccessControl": {}}), now, "InvalidArgumentsError"),
        (&["accessControl", "x"], json!({}), now, "InvalidArgumentsError"),
        (&["a", "x"], json!({"y": 1}), now, "ServiceError"),
        (&[], json!(null), now, "InvalidArgumentsError"),
    ] {
        assert_eq!(update(path, value, time).await.unwrap_err(), expected, "{path:?}");
    }
    assert_eq!(get(&client, &["a"]).await, Ok(json!({"a": 5.0})));
    // A timestamp before 1970 is compared like any other.
    let old = client.update_configuration().timestamp(Timestamp::from_millis(-1));
    let error = old.value_to_merge(json!({"a": 7})).send().await.unwrap_err();
    assert_eq!(error.code(), Some("FailedUpdateConditionCheckError"));
}
