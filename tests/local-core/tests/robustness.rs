//! What a component, a crash or another user must not be able to do.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::SystemTime,
};

use crate::support::Raw;
use eventstream_rpc::frame::HeaderValue;
use greengrass_core_ipc::types::{BinaryMessage, JsonMessage};
use greengrass_local_core::LocalCore;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

/// A place that no other test has. Names of sockets are short, and so is this.
fn place(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("lc-{name}-{}", std::process::id()))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn json_counts_towards_what_a_slow_subscriber_may_leave_unread() {
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
async fn a_configuration_has_a_depth_that_can_be_walked_and_read() {
    let core = LocalCore::builder().component("a").start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    let update = |levels: usize, value: Value| {
        let path = vec!["k"; levels];
        let it = client.update_configuration().key_path(path).timestamp(SystemTime::now());
        async move { it.value_to_merge(value).send().await.map_err(|it| it.code().map(str::to_owned)) }
    };
    let refused = Err(Some("InvalidArgumentsError".to_owned()));
    let lists = (0..50).fold(json!(1), |value, _| json!([value]));
    for (levels, value) in
        [(100_000, json!({"x": 1})), (100, json!({"x": 1})), (50, json!({"x": lists}))]
    {
        assert_eq!(update(levels, value).await.map(|_| ()), refused, "{levels}");
    }
    update(99, json!({"x": 1})).await.unwrap();
    // The deepest there is can be read.
    let everything = client.get_configuration().key_path(Vec::<String>::new());
    assert!(everything.send().await.unwrap().value.unwrap().is_object());
    let leaf: Vec<_> = std::iter::repeat_n("k", 99).chain(["x"]).collect();
    let value = client.get_configuration().key_path(leaf).send().await.unwrap().value;
    assert_eq!(value, Some(json!({"x": 1})));
}

#[tokio::test]
async fn half_a_frame_disturbs_nobody() {
    let core = LocalCore::builder().component("a").start().await.unwrap();
    let mut half = tokio::net::UnixStream::connect(core.socket_path()).await.unwrap();
    half.write_all(&[0, 0, 0, 120, 0, 0]).await.unwrap();
    let client = greengrass_core_ipc::Client::new(core.connection("a").connect().await.unwrap());
    let mut received = client.subscribe_to_topic().topic("t").send().await.unwrap();
    let message = BinaryMessage::builder().message("x").build();
    client.publish_to_topic().topic("t").publish_message(message).send().await.unwrap();
    assert!(received.next().await.unwrap().is_ok());
    // It is still there.
    half.write_all(&[0]).await.unwrap();
}

#[tokio::test]
async fn a_request_that_cannot_be_read_fails_alone() {
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
    let neither = raw.call("PublishToTopic", r#"{"topic":"t","publishMessage":{}}"#).await;
    assert_eq!(neither, Err("InvalidArgumentsError".to_owned()));
    let good = r#"{"topic":"t","publishMessage":{"binaryMessage":{"message":"eA=="}}}"#;
    raw.call("PublishToTopic", good).await.unwrap();
}

#[tokio::test]
async fn a_core_that_is_dropped_leaves_nothing_behind() {
    let core = LocalCore::builder().component("a").start().await.unwrap();
    let folder = core.socket_path().parent().unwrap().to_owned();
    assert_eq!((mode(&folder), mode(core.socket_path())), (0o700, 0o600));
    let connection = core.connection("a").connect().await.unwrap();
    drop(core);
    // The task that served it ends with its connections.
    connection.closed().await.unwrap_err();
    // It has been told to by now, and runs on this thread.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_socket_is_taken_over_from_the_dead_only() {
    let path = place("socket");
    // What a process that was killed leaves behind.
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

    fs::write(&path, "precious").unwrap();
    let over = LocalCore::builder().component("a").socket_path(&path).start().await;
    assert_eq!(over.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    fs::remove_file(&path).unwrap();
}

#[test]
fn a_folder_that_others_may_enter_is_not_used() {
    use std::os::unix::fs::MetadataExt;
    let base = place("folder");
    fs::DirBuilder::new().mode(0o700).create(&base).unwrap();
    let user = fs::metadata(&base).unwrap().uid();
    let folder = base.join(format!("greengrass-local-core-{user}"));
    let run = || {
        let mut program = Command::new(env!("CARGO_BIN_EXE_greengrass-local-core"));
        program.args(["--component", "a"]).env("XDG_RUNTIME_DIR", &base);
        let mut running = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It says something as soon as it serves, and otherwise ends.
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
    // A link may lead to a place of anyone's.
    std::os::unix::fs::symlink(&base, &folder).unwrap();
    let link = run();
    fs::remove_dir_all(&base).unwrap();
    for (first, output) in [shared, link] {
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(first.is_empty() && text.contains("not a folder of this user"), "{text}");
    }
}
