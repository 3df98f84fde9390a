//! The configuration operations. The rules of merging are tested in `src/configuration/tree/tests.rs`.

use std::time::{Duration, SystemTime};

use greengrass_core_ipc::{
    Client, Subscription,
    operation::{
        subscribe_to_configuration_update::SubscribeToConfigurationUpdate,
        subscribe_to_validate_configuration_updates::SubscribeToValidateConfigurationUpdates,
    },
    primitives::Timestamp,
    types::{
        ConfigurationUpdateEvents, ConfigurationValidityReport, ConfigurationValidityStatus,
        ValidateConfigurationUpdateEvent, ValidateConfigurationUpdateEvents,
    },
};
use greengrass_local_core::{ConfigRefused, LocalCore};
use serde_json::{Map, Value, json};

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

#[tokio::test]
async fn numbers_become_doubles_unless_they_are_exact() {
    let sent = json!({"n": 1, "l": [2, {"m": 3}]});
    for (builder, expected) in [
        (LocalCore::builder(), json!({"r": 0, "n": 1.0, "l": [2.0, {"m": 3.0}]})),
        (LocalCore::builder().exact_numbers(), json!({"r": 0, "n": 1, "l": [2, {"m": 3}]})),
        (LocalCore::builder().lite(), json!({"r": 0, "n": 1, "l": [2, {"m": 3}]})),
    ] {
        let core = builder.config("a", json!({"r": 0})).start().await.unwrap();
        let client = core.connect("a").await.unwrap();
        let update = client.update_configuration().timestamp(SystemTime::now());
        update.value_to_merge(sent.clone()).send().await.unwrap();
        assert_eq!(get(&client, &[]).await.unwrap(), expected);
    }
}

async fn asked(
    questions: &mut Subscription<SubscribeToValidateConfigurationUpdates>,
) -> ValidateConfigurationUpdateEvent {
    match test_util::in_time("a question", questions.next()).await.unwrap().unwrap() {
        ValidateConfigurationUpdateEvents::ValidateConfigurationUpdateEvent(event) => event,
        other => panic!("{other:?}"),
    }
}

async fn report(
    client: &Client,
    deployment: &str,
    status: ConfigurationValidityStatus,
    message: Option<&str>,
) -> Result<(), String> {
    let report = ConfigurationValidityReport::builder().deployment_id(deployment).status(status);
    let report = report.set_message(message.map(str::to_owned)).build().unwrap();
    let call = client.send_configuration_validity_report().configuration_validity_report(report);
    call.send().await.map(drop).map_err(|it| it.code().unwrap().to_owned())
}

#[tokio::test]
async fn a_component_accepts_or_rejects_a_proposed_configuration() {
    use ConfigurationValidityStatus::{Accepted, Rejected};
    let (core, a, _) = core().await;
    let refused = core.propose_config("a", json!({"a": 2})).await.unwrap_err();
    assert_eq!(refused, ConfigRefused::NotSubscribed);

    let mut questions = a.subscribe_to_validate_configuration_updates().send().await.unwrap();
    for (status, message, expected) in [
        (Accepted, None, Ok(())),
        (Rejected, None, Err("the component rejects it")),
        (Rejected, Some("too hot"), Err("the component rejects it: too hot")),
    ] {
        let answer = async {
            let event = asked(&mut questions).await;
            // The complete configuration, not only the changes.
            let values =
                json!({"a": 2.0, "b": {"c": "x", "d": [1, 2]}, "accessControl": {}, "n": null});
            assert_eq!(event.configuration, Some(values));
            report(&a, &event.deployment_id, status, message).await.unwrap();
            report(&a, &event.deployment_id, Accepted, None).await
        };
        let (refused, second) = tokio::join!(core.propose_config("a", json!({"a": 2})), answer);
        assert_eq!(refused.map_err(|it| it.to_string()), expected.map_err(str::to_owned));
        assert_eq!(second, Err("InvalidArgumentsError".to_owned()), "it has reported already");
    }
    // A question that is withdrawn has no answer.
    let late = tokio::select! {
        it = core.propose_config("a", json!({"a": 2})) => panic!("{it:?}"),
        event = asked(&mut questions) => event.deployment_id,
    };
    let report = report(&a, &late, Accepted, None).await;
    assert_eq!(report, Err("InvalidArgumentsError".to_owned()));
    assert_eq!(get(&a, &["a"]).await, Ok(json!({"a": 1})));
    questions.close().await.unwrap();
}

#[tokio::test]
async fn each_watcher_receives_all_events_of_a_large_update() {
    const LEAVES: usize = 1_000;
    let (_core, a, b) = core().await;
    let mut watchers = Vec::new();
    for _ in 0..10 {
        let watch = b.subscribe_to_configuration_update().component_name("A");
        watchers.push(watch.key_path(Vec::<String>::new()).send().await.unwrap());
    }
    let leaves: Map<_, _> =
        (0..LEAVES).map(|it| (format!("leaf{it:05}"), Value::from(it))).collect();
    for value in [json!({"large": leaves}), json!({"a": 2})] {
        let update = a.update_configuration().timestamp(SystemTime::now());
        update.value_to_merge(value).send().await.unwrap();
    }
    for watch in &mut watchers {
        let mut next = async || {
            let event = test_util::in_time("an event", watch.next()).await.unwrap().unwrap();
            let event = event.as_configuration_update_event().unwrap().clone();
            assert_eq!(event.component_name, "A", "the spelling of the subscription");
            event.key_path
        };
        for leaf in 0..LEAVES {
            // As often as on a device.
            for _ in 0..2 {
                assert_eq!(next().await, ["large", &format!("leaf{leaf:05}")]);
            }
        }
        assert_eq!(next().await, ["a"]);
    }
}

#[tokio::test]
async fn configurations_survive_with_the_state() {
    let folder = tempfile::tempdir().unwrap();
    let start = |defaults: Value| {
        LocalCore::builder().state(folder.path()).config("a", defaults).component("b").start()
    };
    let core = start(json!({"kept": 1, "b": {"c": "x"}, "leaf": 1})).await.unwrap();
    let (a, b) = (core.connect("a").await.unwrap(), core.connect("b").await.unwrap());
    let update = |client: &Client, path: &[&str], value: Value, time: SystemTime| {
        let path: Vec<_> = path.iter().map(|it| (*it).to_owned()).collect();
        let call = client.update_configuration().timestamp(time).value_to_merge(value);
        call.key_path(path).send()
    };
    let now = SystemTime::now();
    let future = now + Duration::from_secs(3600);
    update(&a, &[], json!({"b": {"C": "y", "e": {}}, "n": null}), now).await.unwrap();
    update(&a, &["leaf"], json!({"New": [1]}), now).await.unwrap();
    update(&a, &["gone"], json!({"deep": {"leaf": 1}}), now).await.unwrap();
    update(&a, &[], json!({"gone": 5}), future).await.unwrap();
    update(&b, &[], json!({}), now).await.unwrap();
    core.merge_config("b", json!({"merged": true}));
    core.stop().await.unwrap();

    // The recipe has changed meanwhile.
    let core = start(json!({"kept": 2, "b": {"c": "z", "d": 4}, "leaf": 1})).await.unwrap();
    let (a, b) = (core.connect("a").await.unwrap(), core.connect("b").await.unwrap());
    let expected = json!({
        "kept": 2, "b": {"c": "y", "d": 4, "e": {}}, "leaf": {"New": [1.0]}, "gone": 5.0, "n": null,
    });
    assert_eq!(get(&a, &[]).await, Ok(expected));
    assert_eq!(get(&b, &[]).await, Ok(json!({"merged": true})));
    let older = update(&a, &[], json!({"gone": 6}), SystemTime::now()).await.unwrap_err();
    assert_eq!(older.code(), Some("FailedUpdateConditionCheckError"), "times survive");
}
