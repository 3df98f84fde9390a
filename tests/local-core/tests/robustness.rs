//! Misbehaving components, crashes and other users do not affect the core.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::SystemTime,
};

use crate::support::{PROGRAM, Raw};
use eventstream_rpc::frame::HeaderValue;
use greengrass_core_ipc::types::{BinaryMessage, JsonMessage};
use greengrass_local_core::LocalCore;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

/// A unique temporary path. It is short, because the length of a socket path is limited.
fn temporary_path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("lc-{name}-{}", std::process::id()))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn json_messages_count_towards_the_limit_of_a_slow_subscriber() {
    let core = LocalCore::builder().component("a").component("b").start().await.unwrap();
    let a = core.connect("a").await.unwrap();
    let mut slow = Raw::connect(&core, "b").await;
    slow.call("SubscribeToTopic", r#"{"topic":"t"}"#).await.unwrap();
    let text = "x".repeat(1024 * 1024);
    for _ in 0..40 {
        let message = JsonMessage::builder().message(json!({"key": [text]})).build();
        a.publish_to_topic().topic("t").publish_message(message).send().await.unwrap();
    }
    let (received, error) = slow.events().await;
    assert!((10..40).contains(&received), "{received}");
    let shape = HeaderValue::from("aws.greengrass#ServiceError");
    assert_eq!(error.header("service-model-type"), Some(&shape));
}

#[tokio::test]
async fn the_depth_of_a_configuration_is_limited() {
    let core = LocalCore::builder().component("a").start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    let update = |levels: usize, value: Value| {
        let path = vec!["k"; levels];
        let call = client.update_configuration().key_path(path).timestamp(SystemTime::now());
        async move { call.value_to_merge(value).send().await.map_err(|it| it.code().map(str::to_owned)) }
    };
    let refused = Err(Some("InvalidArgumentsError".to_owned()));
    let lists = (0..50).fold(json!(1), |value, _| json!([value]));
    for (levels, value) in
        [(100_000, json!({"x": 1})), (120, json!({"x": 1})), (70, json!({"x": lists}))]
    {
        assert_eq!(update(levels, value).await.map(|_| ()), refused, "{levels}");
    }
    update(119, json!({"x": 1})).await.unwrap();
    // A configuration of the maximum depth can be read.
    let everything = client.get_configuration().key_path(Vec::<String>::new());
    assert!(everything.send().await.unwrap().value.unwrap().is_object());
    let leaf: Vec<_> = std::iter::repeat_n("k", 119).chain(["x"]).collect();
    let value = client.get_configuration().key_path(leaf).send().await.unwrap().value;
    assert_eq!(value, Some(json!({"x": 1.0})));
}

#[tokio::test]
async fn an_incomplete_frame_does_not_affect_other_clients() {
    let core = LocalCore::builder().component("a").start().await.unwrap();
    let mut half = tokio::net::UnixStream::connect(core.socket_path()).await.unwrap();
    half.write_all(&[0, 0, 0, 120, 0, 0]).await.unwrap();
    let client = greengrass_core_ipc::Client::new(core.connection("a").connect().await.unwrap());
    let mut received = client.subscribe_to_topic().topic("t").send().await.unwrap();
    let message = BinaryMessage::builder().message("x").build();
    client.publish_to_topic().topic("t").publish_message(message).send().await.unwrap();
    assert!(received.next().await.unwrap().is_ok());
    // The connection with the incomplete frame is still open.
    half.write_all(&[0]).await.unwrap();
}

#[tokio::test]
async fn an_invalid_request_fails_only_its_call() {
    let core = LocalCore::builder().component("a").start().await.unwrap();
    let mut raw = Raw::connect(&core, "a").await;
    let deep = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for payload in [
        format!(
            r#"{{"topic":"t","publishMessage":{{"jsonMessage":{{"message":{}}}}}}}"#,
            deep(10_000)
        ),
        r#"{"topic":"t","publishMessage":{"jsonMessage":{},"binaryMessage":{}}}"#.to_owned(),
        r#"{"topic":5}"#.to_owned(),
        "{".to_owned(),
    ] {
        let error = raw.call("PublishToTopic", &*payload).await.unwrap_err();
        assert_eq!(error, "InternalServerError", "{}", &payload[..payload.len().min(80)]);
    }
    for payload in ["", "null", r#"{"topic":"t"}"#, r#"{"publishMessage":{"jsonMessage":{}}}"#] {
        let error = raw.call("PublishToTopic", payload).await.unwrap_err();
        assert_eq!(error, "ServiceError", "{payload}");
    }
    let good = r#"{"topic":"t","publishMessage":{"binaryMessage":{"message":"eA=="}}}"#;
    raw.call("PublishToTopic", good).await.unwrap();
}

#[tokio::test]
async fn dropping_a_core_removes_its_socket_and_folder() {
    let core = LocalCore::builder().component("a").start().await.unwrap();
    let folder = core.socket_path().parent().unwrap().to_owned();
    assert_eq!((mode(&folder), mode(core.socket_path())), (0o700, 0o600));
    let connection = core.connection("a").connect().await.unwrap();
    drop(core);
    // Dropping the core aborts its task, which closes the connections.
    connection.closed().await.unwrap_err();
    // The aborted task runs on this thread.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!folder.exists());
}

#[tokio::test]
async fn only_a_stale_socket_is_replaced() {
    let path = temporary_path("socket");
    // Leaves a stale socket, as a killed process does.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let core = LocalCore::builder().component("a").socket_path(&path).start().await.unwrap();
    assert_eq!(mode(&path), 0o600);
    core.connection("a").connect().await.unwrap();
    core.disconnect_all().await;
    assert_eq!(mode(&path), 0o600, "after listening again");

    let second = LocalCore::builder().component("a").socket_path(&path).start().await;
    assert_eq!(second.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    core.connection("a").connect().await.unwrap();
    core.stop().await.unwrap();
    assert!(!path.exists());

    fs::write(&path, "content").unwrap();
    let over = LocalCore::builder().component("a").socket_path(&path).start().await;
    assert_eq!(over.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    assert_eq!(fs::read_to_string(&path).unwrap(), "content");
    fs::remove_file(&path).unwrap();
}

#[test]
fn a_folder_that_other_users_can_access_is_not_used() {
    use std::os::unix::fs::MetadataExt;
    let base = temporary_path("folder");
    fs::DirBuilder::new().mode(0o700).create(&base).unwrap();
    let user = fs::metadata(&base).unwrap().uid();
    let folder = base.join(format!("greengrass-local-core-{user}"));
    let run = || {
        let mut program = Command::new(PROGRAM);
        program.args(["--component", "a"]).env("XDG_RUNTIME_DIR", &base);
        let mut running = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // The program either prints a line when it serves, or exits.
        let mut first = String::new();
        BufReader::new(running.stdout.take().unwrap()).read_line(&mut first).unwrap();
        if !first.is_empty() {
            running.kill().unwrap();
        }
        (first, running.wait_with_output().unwrap())
    };
    fs::DirBuilder::new().create(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let shared = run();
    fs::remove_dir(&folder).unwrap();
    // A link may lead to a folder of another user.
    std::os::unix::fs::symlink(&base, &folder).unwrap();
    let link = run();
    fs::remove_dir_all(&base).unwrap();
    for (first, output) in [shared, link] {
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(
            first.is_empty() && text.contains("is not a folder that only this user can access"),
            "{text}"
        );
    }
}
