//! The core as a whole: actions for calls, recorded calls, and rejected connections.

use std::time::Duration;

use greengrass_core_ipc::{
    error::{ConnectError, ConnectionError, SdkError},
    operation::{
        get_secret_value::{GetSecretValue, GetSecretValueResponse},
        publish_to_topic::PublishToTopic,
        subscribe_to_topic::SubscribeToTopic,
    },
    types::{BinaryMessage, SecretValue, SubscriptionResponseMessage, error::UnauthorizedError},
};
use greengrass_local_core::LocalCore;
use serde_json::json;
use tokio::io::AsyncWriteExt;

async fn core() -> LocalCore {
    LocalCore::builder().component("a").component("b").start().await.unwrap()
}

fn message() -> BinaryMessage {
    BinaryMessage::builder().message("x").build()
}

#[tokio::test]
async fn operations_that_are_not_served_fail() {
    let core = core().await;
    let client = core.connect("a").await.unwrap();
    let call = client.authorize_client_device_action().client_device_auth_token("t");
    let error = call.operation("a:b").resource("a:b:c").send().await.unwrap_err();
    assert_eq!(error.code(), Some("ServiceError"));
    let text = error.message().unwrap();
    assert!(text.contains("aws.greengrass#AuthorizeClientDeviceAction"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn the_next_call_performs_its_action_and_later_calls_are_served() {
    let core = core().await;
    let client = core.connect("a").await.unwrap();
    let publish = || client.publish_to_topic().topic("t").publish_message(message()).send();

    core.on_next(PublishToTopic).fail(UnauthorizedError::builder().message("not you").build());
    assert_eq!(publish().await.unwrap_err().message(), Some("not you"));
    core.on_next(PublishToTopic).fail_unmodelled();
    assert_eq!(publish().await.unwrap_err().message(), Some("InternalServerError"));
    core.on_next(PublishToTopic).delay(Duration::from_secs(3));
    let started = tokio::time::Instant::now();
    publish().await.unwrap();
    assert_eq!(started.elapsed().as_secs(), 3);
    core.on_next(PublishToTopic).ignore();
    assert!(publish().await.unwrap_err().is_timeout());
    publish().await.unwrap();

    let secret = GetSecretValueResponse::builder()
        .secret_id("arn")
        .version_id("1")
        .version_stage(["AWSCURRENT"])
        .secret_value(SecretValue::SecretString("s".to_owned()))
        .build()
        .unwrap();
    core.on_next(GetSecretValue).respond(secret.clone());
    assert_eq!(client.get_secret_value().secret_id("s").send().await.unwrap(), secret);

    core.on_next(PublishToTopic).disconnect();
    let error = publish().await.unwrap_err();
    let SdkError::DispatchFailure { source: ConnectionError::ClosedByPeer, .. } = error else {
        panic!("{error:?}");
    };
}

#[tokio::test]
async fn events_are_sent_by_the_test() {
    let core = core().await;
    let client = core.connect("a").await.unwrap();
    let event = SubscriptionResponseMessage::BinaryMessage(message());
    assert_eq!(core.send_event(SubscribeToTopic, "a", &event), 0);
    let mut received = client.subscribe_to_topic().topic("t").send().await.unwrap();
    assert_eq!(core.send_event(SubscribeToTopic, "a", &event), 1);
    assert_eq!(core.send_event(SubscribeToTopic, "b", &event), 0);
    assert_eq!(received.next().await.unwrap().unwrap(), event);
}

#[tokio::test]
async fn calls_are_recorded_until_they_are_taken() {
    let core = core().await;
    let client = core.connect("a").await.unwrap();
    let waiting = core.next_call();
    client.get_configuration().key_path(["x", "y"]).send().await.unwrap_err();
    let call = waiting.await;
    assert_eq!((&*call.component, &*call.operation), ("a", "GetConfiguration"));
    assert_eq!(call.request(), json!({"keyPath": ["x", "y"]}));
    client.list_local_deployments().send().await.unwrap();
    client.publish_to_topic().topic("t").publish_message(message()).send().await.unwrap();
    assert_eq!(core.next_call_of("PublishToTopic").await.request()["topic"], "t");
    let left: Vec<_> = core.take_calls().into_iter().map(|it| it.operation).collect();
    assert_eq!(left, ["ListLocalDeployments"]);
    assert!(core.take_calls().is_empty());
}

#[tokio::test]
async fn connections_close_tokens_are_rejected_and_the_socket_is_removed() {
    let core = core().await;
    let path = core.socket_path().to_owned();
    let in_process = core.connect("a").await.unwrap();
    let over_socket = core.connection("b").connect().await.unwrap();
    core.disconnect_all().await;
    assert!(matches!(over_socket.closed().await, Err(ConnectionError::ClosedByPeer)));
    in_process.list_components().send().await.unwrap_err();

    core.refuse_tokens(true);
    let error = core.connection("a").connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::Rejected), "{error:?}");
    core.refuse_tokens(false);
    let connection = core.connection("a").connect().await.unwrap();
    let rejected = core.connection("a").auth_token("INVALID").connect().await.unwrap_err();
    assert!(matches!(rejected, ConnectError::Rejected), "{rejected:?}");

    core.stop().await.unwrap();
    assert!(connection.closed().await.is_err());
    assert!(!path.exists() && !path.parent().unwrap().exists());
}

#[tokio::test]
async fn invalid_settings_are_rejected() {
    for name in ["", "a b", "ü", &"x".repeat(129)] {
        let error = LocalCore::builder().component(name).start().await.unwrap_err();
        assert!(error.to_string().contains("is not the name of a component"), "{error}");
    }
    let error = LocalCore::builder().config("a", json!([1])).start().await.unwrap_err();
    assert!(error.to_string().contains("is not a JSON object"), "{error}");
    let core = core().await;
    let second = LocalCore::builder().component("a").socket_path(core.socket_path());
    assert_eq!(second.start().await.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    core.connect("a").await.unwrap();
}

#[tokio::test]
async fn json_that_is_nested_too_deep_fails_only_its_call() {
    let core = core().await;
    let client = core.connect("a").await.unwrap();
    let mut half = tokio::net::UnixStream::connect(core.socket_path()).await.unwrap();
    half.write_all(&[0, 0, 1]).await.unwrap();
    let mut io = tokio::net::UnixStream::connect(core.socket_path()).await.unwrap();
    let mut bytes = bytes::BytesMut::new();
    let frame = |kind: i32, stream: i32, operation: Option<&str>, payload: String| {
        use eventstream_rpc::frame::{Header, HeaderValue};
        use test_util::message::Message;
        let mut headers = vec![
            Header::new(":version", HeaderValue::String("0.1.0".to_owned())),
            Header::new(":message-type", HeaderValue::Int32(kind)),
            Header::new(":message-flags", HeaderValue::Int32(0)),
            Header::new(":stream-id", HeaderValue::Int32(stream)),
        ];
        headers.extend(
            operation.map(|it| Header::new("operation", HeaderValue::String(it.to_owned()))),
        );
        Message { headers, payload: payload.into() }
    };
    let token = format!(r#"{{"authToken":"{}"}}"#, core.auth_token("b"));
    frame(4, 0, None, token).encode(&mut bytes).unwrap();
    let deep = format!(
        r#"{{"topic":"t","publishMessage":{{"jsonMessage":{{"message":{}{}}}}}}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let publish = Some("aws.greengrass#PublishToTopic");
    frame(0, 1, publish, deep).encode(&mut bytes).unwrap();
    let flat = r#"{"topic":"t","publishMessage":{"jsonMessage":{"message":{}}}}"#.to_owned();
    frame(0, 2, publish, flat).encode(&mut bytes).unwrap();
    io.write_all(&bytes).await.unwrap();
    let mut peer = test_util::Peer::new(io);
    let mut answers = Vec::new();
    while answers.len() < 3 {
        answers.push(peer.expect().await.payload());
    }
    assert_eq!(answers, ["", "InternalServerError", "{}"]);
    client.publish_to_topic().topic("t").publish_message(message()).send().await.unwrap();
}
