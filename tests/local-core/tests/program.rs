//! The program: its arguments, its output, its sockets, and how it ends.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::{
        fs::{PermissionsExt, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use greengrass_core_ipc::{client::ConnectionBuilder, types::BinaryMessage};
use greengrass_local_core::LocalCore;
use serde_json::json;
use tokio::io::AsyncBufReadExt;

use crate::support::{PROGRAM, Program, Raw, wait_until};

#[tokio::test]
async fn the_program_prints_exports_and_exits_cleanly() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("program");
    fs::create_dir_all(&folder).unwrap();
    // The length of a socket path is limited.
    let socket = std::env::temp_dir().join(format!("local-core-{}.socket", std::process::id()));
    let configuration = folder.join("configuration.json");
    fs::write(&configuration, r#"{"greeting": "hi"}"#).unwrap();
    let mut program = tokio::process::Command::new(PROGRAM)
        .args(["--component", "com.example.A", "--socket"])
        .arg(&socket)
        .arg("--config")
        .arg(format!("com.example.B={}", configuration.display()))
        .args(["--config", r#"com.example.C={"greeting": "there"}"#])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = tokio::io::BufReader::new(program.stdout.take().unwrap()).lines();
    let mut exports = Vec::new();
    loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if line.contains("Ctrl-C") {
            break;
        }
        exports.extend(line.strip_prefix("export ").map(str::to_owned));
    }
    assert_eq!(exports.len(), 6, "{exports:?}");
    let connect = async |export: &str| {
        let token = export.strip_prefix("SVCUID=").unwrap();
        let builder = ConnectionBuilder::default();
        builder.socket_path(&socket).auth_token(token).connect().await.unwrap()
    };
    let connection = connect(&exports[5]).await;
    for (export, greeting) in [(&exports[3], "hi"), (&exports[5], "there")] {
        let client = greengrass_core_ipc::Client::new(connect(export).await);
        let value = client.get_configuration().key_path(["greeting"]).send().await.unwrap().value;
        assert_eq!(value, Some(json!({"greeting": greeting})));
    }

    let second =
        Command::new(PROGRAM).args(["--component", "a", "--socket"]).arg(&socket).output().unwrap();
    let text = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(text.contains("another core listens") && text.contains("--socket PATH"), "{text}");

    test_util::signal(program.id().unwrap(), "TERM");
    assert!(program.wait().await.unwrap().success());
    connection.closed().await.unwrap_err();
    assert!(!socket.exists());
}

#[test]
fn the_program_reports_invalid_arguments() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wrong");
    fs::create_dir_all(&folder).unwrap();
    let (list, text) = (folder.join("list.json"), folder.join("text.json"));
    fs::write(&list, "[1]").unwrap();
    fs::write(&text, "{").unwrap();
    let recipe = folder.join("a recipe.yaml");
    fs::write(&recipe, "---\n# A component.\nRecipeFormatVersion: 2020-01-25\n").unwrap();
    let config = |file: &Path| format!("a={}", file.display());
    for (args, status, expected) in [
        (vec![], 2, "no component"),
        (vec!["--component".to_owned()], 2, "a value is required"),
        (vec!["--unknown".to_owned()], 2, "unexpected argument '--unknown'"),
        (
            vec!["--component".to_owned(), "a".to_owned(), "run".to_owned(), "r".to_owned()],
            2,
            "after the command",
        ),
        (vec!["--config".to_owned(), "a".to_owned()], 2, "NAME=JSON or NAME=FILE"),
        (vec!["--config".to_owned(), "a=".to_owned()], 2, "NAME=JSON or NAME=FILE"),
        (vec!["--config".to_owned(), config(&list)], 1, "does not contain a JSON object"),
        (vec!["--config".to_owned(), config(&text)], 1, "is not JSON"),
        (vec!["--config".to_owned(), config(&recipe)], 1, "`greengrass-local-core run '"),
        (vec!["--config".to_owned(), "a={".to_owned()], 1, "the configuration of a is not JSON"),
        (vec!["--config".to_owned(), "a=/nowhere".to_owned()], 1, "give a JSON object"),
        (vec!["--component".to_owned(), "a b".to_owned()], 1, "is not the name of a component"),
        (
            ["--component", "a", "--thing-name", "a b"].map(str::to_owned).into(),
            1,
            r#""a b" is not the name of a thing"#,
        ),
        (
            vec![
                "--cli-login".to_owned(),
                "--on".to_owned(),
                format!("ListComponents={}", list.display()),
            ],
            1,
            "list.json: the definition for aws.greengrass#ListComponents: $[0]: it is not an object",
        ),
        (vec!["run".to_owned()], 2, "required arguments were not provided"),
    ] {
        let run = Command::new(PROGRAM).args(&args).output().unwrap();
        let stderr = String::from_utf8(run.stderr).unwrap();
        assert_eq!(run.status.code(), Some(status), "{args:?}: {stderr}");
        assert!(stderr.contains(expected), "{args:?}: {stderr}");
        assert!(status == 2 || stderr.lines().count() == 1, "{args:?}: {stderr}");
    }
    let help = Command::new(PROGRAM).arg("--help").output().unwrap();
    assert!(help.status.success() && help.stdout.starts_with(b"A Greengrass core"));
}

/// A new folder. Its path is short, because the length of a socket path is limited.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("lc-{name}-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    folder
}

/// Runs the program until it ends. Returns its exit status, standard output and standard error.
#[track_caller]
pub(crate) fn ended(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

pub(crate) fn on_socket(socket: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_remove("RUST_LOG").args(args).arg("--socket").arg(socket);
    command
}

#[tokio::test]
async fn a_core_without_components_says_so() {
    let state = tempfile::tempdir().unwrap();
    let args = ["run", "--state", state.path().to_str().unwrap()].map(str::to_owned);
    test_util::in_time("the line about it", Program::start(&args)).await;
}

#[tokio::test]
async fn env_prints_the_exports_of_a_running_core() {
    let args = ["--component", "com.example.A", "--component", "com.example.B"];
    let mut program = Program::start(&args.map(str::to_owned)).await;
    let mut file = program.socket.clone().into_os_string();
    file.push(".env");
    let file = PathBuf::from(file);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let env = |name: &str| ended(&mut on_socket(&program.socket, &["env", name]));
    for (component, token) in ["com.example.A", "com.example.B"].into_iter().zip(&program.tokens) {
        let (status, exports, _) = env(component);
        let expected = format!(
            "export AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT={}\nexport SVCUID={token}\n",
            program.socket.display()
        );
        assert_eq!((status, exports), (Some(0), expected));
    }
    let (status, _, error) = env("com.example.C");
    assert_eq!(status, Some(1));
    assert!(
        error.contains("no component com.example.C, but com.example.A, com.example.B"),
        "{error}"
    );

    program.child.kill().await.unwrap();
    // A core that was killed leaves its file.
    assert!(file.exists());
    let (status, _, error) = env("com.example.A");
    assert_eq!(status, Some(1));
    assert!(error.contains("no core runs on") && error.contains("--socket PATH"), "{error}");
    let core =
        LocalCore::builder().component("a").socket_path(&program.socket).start().await.unwrap();
    assert_eq!(env("com.example.A").0, Some(1));
    core.stop().await.unwrap();
    assert!(!file.exists() && !program.socket.exists());
}

#[tokio::test]
async fn a_file_of_the_exports_is_not_written_through_a_link() {
    let folder = folder("link");
    let (socket, victim) = (folder.join("s"), folder.join("victim"));
    fs::write(&victim, "content").unwrap();
    symlink(&victim, folder.join("s.env")).unwrap();
    let started = LocalCore::builder().component("a").socket_path(&socket).start().await;
    assert!(started.unwrap_err().to_string().contains("s.env"));
    assert_eq!(fs::read_to_string(&victim).unwrap(), "content");
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn errors_about_sockets_name_the_path_and_the_remedy() {
    let folder = folder("errors");
    let other = folder.join("other");
    let _listener = UnixListener::bind(&other).unwrap();
    let component = ["--component", "a"];
    for (socket, expected) in [
        (folder.join("x".repeat(200)), "choose a shorter path"),
        (folder.join("missing/ipc.socket"), "`mkdir -p"),
        (folder.join("other/ipc.socket"), "is not a folder"),
        ("/proc/ipc.socket".into(), "choose a folder with write permission"),
    ] {
        let (status, _, error) = ended(&mut on_socket(&socket, &component));
        assert_eq!(status, Some(1));
        let path = socket.display().to_string();
        assert!(error.contains(&path) && error.contains(expected), "{error}");
    }
    let (status, _, error) = ended(&mut on_socket(&other, &component));
    assert_eq!(status, Some(1));
    assert!(error.contains("another server listens") && error.contains("--socket PATH"), "{error}");
    fs::remove_dir_all(&folder).unwrap();
}

/// Starts the program, and waits until it serves. Returns the line that exports its socket.
pub(crate) fn serving(command: &mut Command) -> (std::process::Child, String) {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let lines: Vec<_> = lines.take_while(|it| !it.contains("Ctrl-C")).collect();
    let export = lines.iter().find(|it| it.contains("SOCKET")).expect("a component is served");
    (child, export.to_owned())
}

#[test]
fn a_relative_path_is_made_absolute_and_others_may_connect() {
    let folder = folder("relative");
    let mut command = on_socket(Path::new("ipc"), &["--component", "a", "--socket-mode", "666"]);
    let (mut child, export) = serving(command.current_dir(&folder));
    let socket = folder.join("ipc");
    assert!(export.ends_with(&format!("={}", socket.display())), "{export}");
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o666);
    let file = fs::metadata(folder.join("ipc.env")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600, "the tokens are not for others");
    test_util::signal(child.id(), "INT");
    assert!(child.wait().unwrap().success());
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_long_temporary_folder_does_not_matter() {
    let long = folder("long").join("x".repeat(150));
    fs::create_dir_all(&long).unwrap();
    test_util::in_own_process_with(&[("TMPDIR", long.as_os_str())], || {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let core = LocalCore::builder().component("a").start().await.unwrap();
            assert!(core.socket_path().starts_with("/tmp"));
            core.connection("a").connect().await.unwrap();
        });
    });
    fs::remove_dir_all(long.parent().unwrap()).unwrap();
}

#[tokio::test]
async fn a_second_signal_ends_the_program_at_once() {
    let args = ["--component", "a"].map(str::to_owned);
    let mut program = Program::start(&args).await;
    let mut slow = Raw::on(&program.socket, &program.tokens[0]).await;
    slow.call("SubscribeToTopic", r#"{"topic":"t"}"#).await.unwrap();
    let builder = ConnectionBuilder::default().socket_path(&program.socket);
    let connection = builder.auth_token(&*program.tokens[0]).connect().await.unwrap();
    let message = BinaryMessage::builder().message(vec![0; 4 << 20]).build();
    let client = greengrass_core_ipc::Client::new(connection.clone());
    client.publish_to_topic().topic("t").publish_message(message).send().await.unwrap();
    let process = program.child.id().unwrap();
    // The core waits for the subscriber, which reads no event.
    test_util::signal(process, "INT");
    connection.closed().await.unwrap_err();
    let mut status = None;
    // A signal that follows the first one at once does not count.
    wait_until("the end", || {
        test_util::signal(process, "TERM");
        status = program.child.try_wait().unwrap();
        status.is_some()
    })
    .await;
    let status = status.unwrap();
    assert_eq!(status.code(), Some(1));
    assert!(!program.socket.exists());
}

#[tokio::test]
async fn the_verbose_log_has_a_line_for_each_step_and_no_secret() {
    let args = ["--component", "com.example.A", "--verbose"].map(str::to_owned);
    let mut program = Program::start(&args).await;
    let (secret, token) = ("a message", program.tokens[0].clone());
    let builder = || ConnectionBuilder::default().socket_path(&program.socket);
    builder().auth_token("WRONG-TOKEN").connect().await.unwrap_err();
    let mut raw = Raw::on(&program.socket, &token).await;
    raw.call("SubscribeToTopic", r#"{"topic":"t"}"#).await.unwrap();
    let request = format!(r#"{{"topic":["{secret}"]}}"#);
    assert_eq!(raw.call("PublishToTopic", request).await.unwrap_err(), "InternalServerError");
    drop(raw);
    let mut log = String::new();
    for expected in [
        "is rejected: the token is unknown",
        "com.example.A has connected (connection ",
        "com.example.A calls aws.greengrass#SubscribeToTopic (connection ",
        "com.example.A calls aws.greengrass#PublishToTopic (connection ",
        "invalid type: sequence, expected a string",
        "has ended",
        "com.example.A has disconnected (connection ",
    ] {
        while !log.contains(expected) {
            let line = test_util::in_time(expected, program.log.next_line()).await;
            log += &line.unwrap().expect("the program is running");
            log.push('\n');
        }
    }
    assert!(log.contains("SubscribeToTopic of com.example.A (connection "), "{log}");
    assert!(!log.contains(secret) && !log.contains("WRONG") && !log.contains(&token), "{log}");
}

#[test]
fn the_variable_rust_log_selects_the_lines_of_the_log() {
    let folder = folder("log");
    let faulty = r#"a={"accessControl": {"aws.greengrass.ipc.pubsub": 5}}"#;
    for (value, expected) in [
        (None, "accessControl"),
        (Some("greengrass_local_core=error"), ""),
        (Some("greengrass_local_core=loud"), "RUST_LOG is ignored"),
    ] {
        let mut command = on_socket(&folder.join("s"), &["--config", faulty, "--verbose"]);
        command.envs(value.map(|it| ("RUST_LOG", it))).stderr(Stdio::piped());
        let (child, _) = serving(&mut command);
        test_util::signal(child.id(), "INT");
        let log = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
        assert!(
            log.contains(expected) && (log.is_empty() == expected.is_empty()),
            "{value:?}: {log}"
        );
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn check_reports_faults_and_decides_about_calls() {
    let folder = folder("check");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/hello-world");
    let recipe = fs::read_to_string(example.join("recipe.yaml")).unwrap();
    let (good, odd, bad, broken) = ("good.yaml", "odd.yaml", "bad.yaml", "broken.yaml");
    let unknown = "unknown.yaml";
    fs::write(folder.join(unknown), format!("Author: x\n{recipe}")).unwrap();
    fs::write(folder.join(good), &recipe).unwrap();
    let misspelt = recipe.replace("PublishToTopic", "PublishToTopics");
    fs::write(folder.join(odd), misspelt).unwrap();
    fs::write(folder.join(bad), recipe.replace("ComponentVersion", "Version")).unwrap();
    fs::write(folder.join(broken), "Manifests: {artifacts:path}/x").unwrap();
    let call = |resource| ["--operation", "aws.greengrass#PublishToTopic", "--resource", resource];
    for (args, status, expected) in [
        (vec![good], 0, "0 errors, 0 warnings"),
        (vec![odd], 1, "odd.yaml:13:15: error: "),
        (vec![unknown], 0, "unknown.yaml:1:1: warning: "),
        (vec![bad], 1, "bad.yaml:1:1: error: "),
        (vec![broken], 2, "broken.yaml:1:"),
        (vec!["missing.yaml"], 2, "missing.yaml: error: "),
        ([&[good][..], &call("test/topic")].concat(), 0, "allow\n"),
        ([&[good][..], &call("test/other")].concat(), 1, "deny\n"),
        ([&[good][..], &["--operation", "x"]].concat(), 2, "--resource <RESOURCE>"),
    ] {
        let mut command = Command::new(PROGRAM);
        let (found, report, error) = ended(command.arg("check").args(&args).current_dir(&folder));
        assert_eq!(found, Some(status), "{args:?}: {report}{error}");
        assert!(report.contains(expected) || error.contains(expected), "{args:?}: {report}{error}");
    }
    fs::remove_dir_all(&folder).unwrap();
}
