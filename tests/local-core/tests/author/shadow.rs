//! The module `shadow`.

use std::time::{Duration, SystemTime};

use greengrass_core_ipc::{
    Client,
    operation::get_thing_shadow::GetThingShadow,
    shadow::{Shadow, ShadowDocument, ShadowError, Update},
    types::error::ConflictError,
};
use greengrass_local_core::{Clock, LocalCore};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use test_util::in_time;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Lamp {
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<u8>,
}

fn level(level: u8) -> Lamp {
    Lamp { on: None, level: Some(level) }
}

async fn core() -> (LocalCore, Client) {
    let core = LocalCore::builder().component("a").start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    (core, client)
}

#[tokio::test]
async fn a_document_is_read_and_changed() {
    let (core, client) = core().await;
    for (shadow, topic) in [
        (Shadow::classic(&client, "thing"), "$aws/things/thing/shadow/update/delta"),
        (
            Shadow::named(&client, "thing", "lamp"),
            "$aws/things/thing/shadow/name/lamp/update/delta",
        ),
    ] {
        assert_eq!(shadow.topic("update/delta"), topic);
        let document = shadow.get::<Lamp>().await.unwrap();
        assert_eq!((document.desired, document.version), (None, None));
        let lamp = Lamp { on: Some(true), level: Some(3) };
        assert_eq!(shadow.update(|_| Update::desired(lamp)).await.unwrap(), 1);
        assert_eq!(shadow.update(|_| Update::reported(level(3))).await.unwrap(), 2);
        let document = shadow.get::<Lamp>().await.unwrap();
        assert_eq!((document.desired, document.reported), (Some(lamp), Some(level(3))));
        assert_eq!(document.delta, Some(Lamp { on: Some(true), level: None }));
        assert_eq!(document.version, Some(2));
    }
    core.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_leads_to_another_attempt() {
    let clock = Clock::manual(SystemTime::now());
    let core = LocalCore::builder().component("a").clock(clock.clone()).start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    let shadow = Shadow::classic(&client, "thing");
    shadow.update(|_| Update::desired(level(1))).await.unwrap();
    let other = shadow.clone();
    let handle = tokio::runtime::Handle::current();
    // Another client is faster.
    let interfere = |document: &ShadowDocument<Lamp>, times| {
        // The number of requests in a second is limited.
        clock.advance(Duration::from_secs(1));
        let level = document.desired.unwrap().level.unwrap();
        if level <= times {
            let update = other.update(move |_| Update::desired(self::level(level + 1)));
            tokio::task::block_in_place(|| handle.block_on(update)).unwrap();
        }
        Update::reported(self::level(level))
    };
    let version = shadow.update(|it| interfere(it, 5)).await.unwrap();
    assert_eq!(version, 7);
    assert_eq!(shadow.get::<Lamp>().await.unwrap().reported, Some(level(6)));
    let error = shadow.update(|it| interfere(it, 11)).await.unwrap_err();
    let ShadowError::Update(error) = error else { panic!("{error}") };
    assert!(error.is::<ConflictError>(), "{error}");
    assert_eq!(shadow.get::<Lamp>().await.unwrap().desired, Some(level(12)));
    core.stop().await.unwrap();
}

#[tokio::test]
async fn deltas_begin_with_the_current_one() {
    let (core, client) = core().await;
    let shadow = Shadow::named(&client, "thing", "lamp");
    shadow.update(|_| Update::desired(level(1))).await.unwrap();
    let mut deltas = shadow.deltas::<Lamp>().await.unwrap();
    // Read and received, but delivered once.
    shadow.update(|_| Update::desired(level(2))).await.unwrap();
    let delta = deltas.try_next().await.unwrap().unwrap();
    assert_eq!((delta.state, delta.version), (level(2), 2));
    shadow.update(|_| Update::reported(level(2))).await.unwrap();
    shadow.update(|_| Update::desired(level(3))).await.unwrap();
    let delta = deltas.try_next().await.unwrap().unwrap();
    assert_eq!((delta.state, delta.version), (level(3), 4));
    core.stop().await.unwrap();
    assert!(matches!(deltas.try_next().await, Err(ShadowError::Watch(_))));
    assert!(deltas.try_next().await.unwrap().is_none());
}

#[tokio::test]
async fn an_old_delta_is_left_out_and_a_new_shadow_is_not() {
    let (core, client) = core().await;
    let shadow = Shadow::named(&client, "thing", "lamp");
    let mut deltas = shadow.deltas::<Lamp>().await.unwrap();
    let send = async |level: u8, version: i64, timestamp: i64| {
        let text = format!(
            r#"{{"state": {{"level": {level}}}, "version": {version}, "timestamp": {timestamp}}}"#
        );
        let publish = client.publish_to_topic().topic(shadow.topic("update/delta"));
        publish.publish_message(text).send().await.unwrap();
    };
    send(1, 5, 100).await;
    send(2, 4, 99).await;
    send(3, 5, 100).await;
    send(4, 6, 100).await;
    // The shadow was deleted and created again.
    send(5, 1, 101).await;
    for expected in [1, 4, 5] {
        assert_eq!(deltas.try_next().await.unwrap().unwrap().state, level(expected));
    }
    let publish = client.publish_to_topic().topic(shadow.topic("update/delta"));
    publish.publish_message("no JSON").send().await.unwrap();
    assert!(matches!(deltas.try_next().await, Err(ShadowError::Value(_))));
    send(6, 2, 102).await;
    assert_eq!(deltas.try_next().await.unwrap().unwrap().state, level(6));
    core.stop().await.unwrap();
}

#[tokio::test]
async fn a_delta_is_read_whatever_the_other_sections_contain() {
    let (core, client) = core().await;
    let shadow = Shadow::named(&client, "thing", "lamp");
    let (desired, reported) = (json!({ "level": 1 }), json!({ "level": "high" }));
    shadow.update::<Value>(|_| Update::both(desired.clone(), reported.clone())).await.unwrap();
    let mut deltas = shadow.deltas::<Lamp>().await.unwrap();
    assert_eq!(deltas.try_next().await.unwrap().unwrap().state, level(1));
    core.stop().await.unwrap();
}

#[tokio::test]
async fn a_shadow_is_read_again_after_a_timeout() {
    let (core, _) = core().await;
    let builder = Client::builder().socket_path(core.socket_path());
    let builder = builder.auth_token(core.auth_token("a")).call_timeout(Duration::from_secs(2));
    let client = builder.connect().await.unwrap();
    let shadow = Shadow::named(&client, "thing", "lamp");
    shadow.update(|_| Update::desired(level(1))).await.unwrap();
    let mut deltas = shadow.deltas::<Lamp>().await.unwrap();
    core.on_next(GetThingShadow).ignore();
    assert!(matches!(deltas.try_next().await, Err(ShadowError::Get(_))));
    let delta = in_time("the delta", deltas.try_next()).await.unwrap().unwrap();
    assert_eq!(delta.state, level(1));
    core.stop().await.unwrap();
}
