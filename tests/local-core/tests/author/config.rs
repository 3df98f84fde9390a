//! The module `config`.

use std::time::Duration;

use greengrass_core_ipc::{
    Client,
    client::ReconnectPolicy,
    config::{self, ConfigError, Watch},
    operation::get_configuration::GetConfiguration,
    types::error::{ResourceNotFoundError, ServiceError},
};
use greengrass_local_core::LocalCore;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use test_util::in_time;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Settings {
    interval: u32,
}

async fn core() -> (LocalCore, Client) {
    let configuration = json!({ "interval": 5, "broker": { "port": 1883, "tags": ["a"] } });
    let core = LocalCore::builder().config("a", configuration).start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    (core, client)
}

async fn next(watch: &mut Watch<Settings>) -> Result<u32, String> {
    let next = watch.next().await.expect("the subscription is open");
    next.map(|it| it.interval).map_err(|it| it.to_string())
}

#[tokio::test]
async fn values_are_read_at_any_path() {
    let (core, client) = core().await;
    assert_eq!(config::get::<Settings>(&client).await.unwrap(), Settings { interval: 5 });
    // The core wraps values that are no object.
    assert_eq!(config::get_at::<u16>(&client, ["broker", "port"]).await.unwrap(), 1883);
    assert_eq!(config::get_at::<Vec<String>>(&client, ["broker", "tags"]).await.unwrap(), ["a"]);
    let broker: Value = config::get_at(&client, ["broker"]).await.unwrap();
    assert_eq!(broker["port"], 1883.0);

    let error = config::get_at::<String>(&client, ["broker", "port"]).await.unwrap_err();
    let ConfigError::Value(error) = error else { panic!("{error}") };
    assert_eq!(error.to_string(), "invalid type: integer, expected a string");
    let error = config::get_at::<u16>(&client, ["broker", "host"]).await.unwrap_err();
    let ConfigError::Get(error) = error else { panic!("{error}") };
    assert!(error.is::<ResourceNotFoundError>());
    core.stop().await.unwrap();
}

#[tokio::test]
async fn a_watch_begins_with_the_current_configuration() {
    let (core, client) = core().await;
    let mut settings = config::watch::<Settings>(&client).await.unwrap();
    assert_eq!(next(&mut settings).await, Ok(5));
    config::merge(&client, &Settings { interval: 6 }).await.unwrap();
    assert_eq!(next(&mut settings).await, Ok(6));
    // Read before the first value is asked for.
    let mut port = config::watch_at::<u16>(&client, ["broker", "port"]).await.unwrap();
    config::merge(&client, &json!({ "broker": { "port": 8883 } })).await.unwrap();
    assert_eq!(port.try_next().await.unwrap(), Some(8883));
    core.stop().await.unwrap();
    assert!(matches!(port.try_next().await, Err(ConfigError::Watch(_))));
    assert!(port.try_next().await.unwrap().is_none());
}

#[tokio::test]
async fn a_value_that_does_not_fit_does_not_end_the_watch() {
    let (core, client) = core().await;
    let mut settings = config::watch::<Settings>(&client).await.unwrap();
    assert_eq!(next(&mut settings).await, Ok(5));
    config::merge(&client, &json!({ "interval": "often" })).await.unwrap();
    let expected = Err("the configuration does not have the expected form".to_owned());
    assert_eq!(next(&mut settings).await, expected);
    config::merge(&client, &json!({ "interval": 7 })).await.unwrap();
    assert_eq!(next(&mut settings).await, Ok(7));
    core.stop().await.unwrap();
}

#[tokio::test]
async fn a_value_that_is_there_again_after_an_error_is_an_item() {
    let (core, client) = core().await;
    let mut settings = config::watch::<Settings>(&client).await.unwrap();
    assert_eq!(next(&mut settings).await, Ok(5));
    config::merge(&client, &Settings { interval: 7 }).await.unwrap();
    assert_eq!(next(&mut settings).await, Ok(7));
    core.on_next(GetConfiguration).fail(ServiceError::builder().build());
    config::merge(&client, &Settings { interval: 8 }).await.unwrap();
    assert_eq!(next(&mut settings).await, Err("cannot read the configuration".to_owned()));
    config::merge(&client, &Settings { interval: 7 }).await.unwrap();
    assert_eq!(in_time("the value", next(&mut settings)).await, Ok(7));
    core.stop().await.unwrap();
}

#[tokio::test]
async fn a_configuration_is_read_again_after_a_timeout() {
    let (core, _) = core().await;
    let builder = Client::builder().socket_path(core.socket_path());
    let builder = builder.auth_token(core.auth_token("a")).call_timeout(Duration::from_secs(2));
    let client = builder.connect().await.unwrap();
    let mut settings = config::watch::<Settings>(&client).await.unwrap();
    core.on_next(GetConfiguration).ignore();
    assert_eq!(next(&mut settings).await, Err("cannot read the configuration".to_owned()));
    assert_eq!(in_time("the value", next(&mut settings)).await, Ok(5));
    core.stop().await.unwrap();
}

#[tokio::test]
async fn changes_that_were_not_read_are_read_once() {
    let (core, client) = core().await;
    let mut settings = config::watch::<Settings>(&client).await.unwrap();
    assert_eq!(next(&mut settings).await, Ok(5));
    for interval in 6..=20 {
        config::merge(&client, &Settings { interval }).await.unwrap();
    }
    assert_eq!(next(&mut settings).await, Ok(20));
    // Two events for a value that is there again give nothing to read.
    config::merge(&client, &Settings { interval: 21 }).await.unwrap();
    config::merge(&client, &Settings { interval: 20 }).await.unwrap();
    config::merge(&client, &Settings { interval: 22 }).await.unwrap();
    assert_eq!(next(&mut settings).await, Ok(22));
    core.stop().await.unwrap();
}

#[tokio::test]
async fn a_watch_survives_an_outage() {
    let (core, _) = core().await;
    let builder = Client::builder().socket_path(core.socket_path());
    let builder = builder.auth_token(core.auth_token("a")).reconnect(ReconnectPolicy::default());
    let client = builder.connect().await.unwrap();
    let mut settings = config::watch::<Settings>(&client).await.unwrap();
    assert_eq!(next(&mut settings).await, Ok(5));
    core.disconnect_all().await;
    // A change without an event.
    core.merge_config("a", json!({ "interval": 6 }));
    assert_eq!(next(&mut settings).await, Ok(6));
    core.merge_config("a", json!({ "interval": 7 }));
    assert_eq!(next(&mut settings).await, Ok(7));
    core.stop().await.unwrap();
}
