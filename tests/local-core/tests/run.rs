//! The command `run` of the program.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Lines, Read, Write},
    os::{
        fd::OwnedFd,
        unix::{fs::PermissionsExt, net::UnixStream},
    },
    path::PathBuf,
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use test_util::Watchdog;

use crate::support::PROGRAM;

/// A core that runs components from recipes.
struct Run {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
    log: mpsc::IntoIter<String>,
    folder: TempDir,
    _watchdog: Watchdog,
}

/// A recipe of a component without dependencies, in YAML.
pub(crate) fn recipe(name: &str, lifecycle: &str, rest: &str) -> String {
    format!(
        "RecipeFormatVersion: 2020-01-25\nComponentName: {name}\nComponentVersion: 1.0.0\n\
         Manifests:\n  - Lifecycle: {lifecycle}\n{rest}"
    )
}

/// The lines of a log. They are printed, too, so that a test that fails shows them.
fn printed(log: ChildStderr) -> mpsc::IntoIter<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            eprintln!("{line}");
            let _ = sender.send(line);
        }
    });
    lines.into_iter()
}

impl Run {
    fn start(recipes: &[(&str, String)], args: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), recipes, args)
    }

    fn start_in(folder: TempDir, recipes: &[(&str, String)], args: &[&str]) -> Self {
        let socket: &[_] = if args.contains(&"--socket") { &[] } else { &["--socket", "s"] };
        let mut command = Command::new(PROGRAM);
        command.arg("run").current_dir(&folder).env_remove("RUST_LOG");
        command.env("TMPDIR", folder.path());
        for (file, text) in recipes {
            fs::write(folder.path().join(file), text).unwrap();
            command.arg(file);
        }
        command.args(args).args(socket).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let log = printed(child.stderr.take().unwrap());
        let _watchdog = Watchdog::new(child.id());
        Self { child, output, log, folder, _watchdog }
    }

    /// The rest of the next line of output that begins with this text.
    #[track_caller]
    fn output(&mut self, start: &str) -> String {
        let mut lines = self.output.by_ref().map(Result::unwrap);
        lines.find_map(|it| it.strip_prefix(start).map(str::to_owned)).expect("the line is printed")
    }

    /// Waits until the log has a line with this text.
    #[track_caller]
    fn logged(&mut self, text: &str) {
        assert!(self.log.any(|it| it.contains(text)), "no line {text:?}");
    }

    fn signal(&self, name: &str) {
        test_util::signal(self.child.id(), name);
    }

    /// Signals that follow the first one at once do not count.
    fn signal_until_end(&mut self, name: &str) {
        while self.child.try_wait().unwrap().is_none() {
            self.signal(name);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn status(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[test]
fn configurations_replace_defaults_in_order() {
    let lifecycle = r#"{Run: "echo {configuration:/a} {configuration:/b/c} {configuration:/d}"}"#;
    let rest = "ComponentConfiguration: {DefaultConfiguration: {b: {c: 1}, d: 1}}\n";
    let args = [
        "--config",
        r#"x={"a": 0, "b": {"c": 2}, "d": 2}"#,
        "--config",
        r#"x={"a": 1}"#,
        "--set",
        "x:/d=three words",
    ];
    let mut run = Run::start(&[("x.yaml", recipe("x", lifecycle, rest))], &args);
    assert_eq!(run.output("x | "), "1 2 three words");
    run.signal("INT");
    assert_eq!(run.status(), Some(0));
}

#[test]
fn a_component_is_started_by_hand_and_its_dependents_wait_for_it() {
    let first = recipe("first", r#"{Run: "echo never"}"#, "");
    let second = recipe(
        "second",
        r#"{Run: "echo second; sleep 1000"}"#,
        "ComponentDependencies: {first: {VersionRequirement: ^1.0.0}}\n",
    );
    let recipes = [("first.yaml", first), ("second.yaml", second)];
    let mut run = Run::start(&recipes, &["--by-hand", "first"]);
    assert_eq!(run.output("export SVCUID=").len(), 16);
    let mut env = Command::new(PROGRAM);
    let env = env.args(["env", "first", "--socket"]).arg(run.path("s")).output().unwrap();
    let exports = String::from_utf8(env.stdout).unwrap();
    let token = exports.rsplit_once("SVCUID=").unwrap().1.trim().to_owned();
    let path = run.path("s");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let connection = runtime.block_on(async {
        let builder = greengrass_core_ipc::client::ConnectionBuilder::default();
        builder.socket_path(path).auth_token(token).connect().await.unwrap()
    });
    run.logged("first: RUNNING");
    run.logged("second: RUNNING");
    assert_eq!(run.output("second | "), "second");
    run.signal("TERM");
    assert_eq!(run.status(), Some(0));
    drop(connection);
}

#[test]
fn a_second_signal_kills_all_processes() {
    // The processes ignore SIGTERM, and have a pipe, which ends with the last of them.
    let script =
        "mkfifo f; echo $PWD/f; trap '' TERM; sh -c 'exec 9>f; echo ready; sleep 1000; :'; :";
    let recipe = recipe("x", &format!("{{Run: {script:?}}}"), "");
    let mut run = Run::start(&[("x.yaml", recipe)], &[]);
    let pipe = File::open(run.output("x | ")).unwrap();
    assert_eq!(run.output("x | "), "ready");
    run.signal("INT");
    run.logged("x: STOPPING");
    run.signal_until_end("INT");
    assert_eq!(run.status(), Some(1));
    all_end(pipe);
    assert!(!run.path("s").exists() && !run.path("s.env").exists());
}

#[test]
fn a_signal_ends_a_core_that_starts() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = folder.path().join("pipe.yaml");
    assert!(Command::new("mkfifo").arg(&recipe).status().unwrap().success());
    let mut command = Command::new(PROGRAM);
    command.args(["run", "pipe.yaml", "--socket", "s"]).current_dir(&folder);
    let mut child = command.spawn().unwrap();
    let _watchdog = Watchdog::new(child.id());
    // Opened when the core reads the recipe.
    let _pipe = File::options().write(true).open(&recipe).unwrap();
    test_util::signal(child.id(), "INT");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn processes_that_outlive_their_step_on_a_device_are_logged() {
    for (lifecycle, state, is_logged) in [
        (r#"{Install: "sleep 1000 &", Run: "sleep 1000"}"#, "x: RUNNING", true),
        (r#"{Install: "false"}"#, "x: BROKEN", false),
        (r#"{Startup: "sleep 0 & wait; exit 1"}"#, "x: BROKEN", false),
    ] {
        let mut run = Run::start(&[("x.yaml", recipe("x", lifecycle, ""))], &[]);
        let (mut is_found, id) = (false, run.child.id());
        for line in run.log.by_ref() {
            is_found |= line.contains("is over; on a device");
            if line.contains(state) {
                test_util::signal(id, "INT");
            }
        }
        assert_eq!(is_found, is_logged, "{lifecycle}");
        assert_eq!(run.status(), Some(i32::from(state == "x: BROKEN")), "{lifecycle}");
    }
}

#[test]
fn a_root_folder_keeps_the_log_and_the_work_of_components() {
    let lifecycle = r#"{Run: "echo hello; touch here; touch {work:path}/there", Install: {Skipif: exists /, Script: exit}}"#;
    let mut run = Run::start(&[("x.yaml", recipe("x", lifecycle, ""))], &["--root", "root"]);
    run.logged("x: Install is skipped: / exists");
    run.logged("x: FINISHED");
    run.signal("INT");
    assert_eq!(run.status(), Some(0));
    let root = run.path("root");
    assert!(fs::read_to_string(root.join("logs/x.log")).unwrap().contains("hello"));
    assert!(root.join("work/x/here").exists() && root.join("work/x/there").exists());
    assert!(!root.join("core.lock").exists());
}

#[test]
fn what_cannot_run_is_an_error_with_its_place() {
    let x = || recipe("x", "{Run: exit}", "");
    let depends =
        |name, on| recipe(name, "{Run: exit}", &format!("ComponentDependencies: {{{on}: {{}}}}\n"));
    let artifact = "    Artifacts: [{Uri: s3://bucket/missing.py}]\n";
    for (recipes, args, expected) in [
        (vec![("a", x()), ("b", x())], vec![], "b: error: x has another recipe, a"),
        (vec![("a", depends("x", "y"))], vec![], "a:6:25: error: x depends on y"),
        (vec![("a", depends("x", "y")), ("b", depends("y", "x"))], vec![], "circular dependency"),
        (
            vec![("a", depends("xyz.abcd", "xyz.abdc")), ("b", recipe("xyz.abcd2", "{}", ""))],
            vec![],
            "did you mean xyz.abcd",
        ),
        (vec![("a", "Run: {artifacts:path}/x".to_owned())], vec![], "quote the value"),
        (vec![("a", recipe("x", "{Run: exit}", artifact))], vec![], "missing.py"),
        (vec![("a", x())], vec!["--by-hand", "y"], "y has no recipe here; the components are x"),
        (vec![("a", x())], vec!["--set", "y:a=1"], "y has no recipe here"),
        (vec![("a", x())], vec!["--set", "x:=1"], "has an empty key"),
        (
            vec![("a", x())],
            vec!["--root", "a"],
            "cannot use a as the root folder: it is not a folder",
        ),
        (
            vec![("a", recipe("x", r#"{Run: "a\0b"}"#, ""))],
            vec![],
            "a:5:22: error: Run contains a null",
        ),
        (
            vec![("a", recipe("x", r#"{Setenv: {A: "\0"}}"#, ""))],
            vec![],
            "error: A contains a null",
        ),
        (vec![("a", x())], vec!["--root", "a/b"], "cannot use a/b as the root folder"),
        (vec![("a", x())], vec!["--config", "x=a"], "a is a recipe, not a configuration"),
        (vec![("a", recipe("..", "{Run: exit}", ""))], vec![], "not only dots"),
    ] {
        let mut run = Run::start(&recipes, &args);
        let log: String = run.log.by_ref().map(|it| it + "\n").collect();
        assert!(log.contains(expected), "{expected}: {log}");
        assert_eq!(run.status(), Some(1), "{log}");
        assert!(!run.path("s").exists());
    }
}

#[test]
fn each_ending_signal_stops_the_components() {
    for signal in ["INT", "TERM", "HUP", "QUIT"] {
        let recipe = recipe("x", r#"{Run: "echo ready; sleep 1000", Shutdown: "echo over"}"#, "");
        let mut run = Run::start(&[("x.yaml", recipe)], &[]);
        assert_eq!(run.output("x | "), "ready");
        run.signal(signal);
        assert_eq!(run.output("x | "), "over", "{signal}");
        assert_eq!(run.status(), Some(0), "{signal}");
    }
}

/// A stream that is not read, and that has no room.
fn full() -> (UnixStream, UnixStream) {
    let (reader, mut writer) = UnixStream::pair().unwrap();
    writer.set_nonblocking(true).unwrap();
    while writer.write(&[0; 1024]).is_ok() {}
    writer.set_nonblocking(false).unwrap();
    (reader, writer)
}

#[test]
fn a_core_without_components_waits_for_deployments() {
    let mut run = Run::start(&[], &["--cli-login", "--root", "root"]);
    let token = run.output("export SVCUID=");
    assert_eq!(token.len(), 16);
    // The command line tool finds its login in the folder.
    let root = PathBuf::from(run.output("export GGC_ROOT_PATH="));
    let folder = root.join("cli_ipc_info");
    let login = fs::read_dir(&folder).unwrap().next().unwrap().unwrap();
    assert_eq!(login.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let login: Value = serde_json::from_slice(&fs::read(login.path()).unwrap()).unwrap();
    let socket = run.folder.path().canonicalize().unwrap().join("s");
    assert_eq!(login, json!({ "cli_auth_token": token, "domain_socket_path": socket }));
    run.signal("INT");
    assert_eq!(run.status(), Some(0));
}

#[test]
fn output_that_is_not_read_does_not_prevent_the_end() {
    for is_log_read in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let text = recipe("x", r#"{Run: "echo a; touch ../../ready; sleep 1000"}"#, "");
        fs::write(folder.path().join("x.yaml"), text).unwrap();
        let (_reader, writer) = full();
        let stdout: OwnedFd = writer.try_clone().unwrap().into();
        let stderr = if is_log_read { Stdio::null() } else { OwnedFd::from(writer).into() };
        let mut command = Command::new(PROGRAM);
        command.args(["run", "x.yaml", "--root", "root", "--socket", "s"]).current_dir(&folder);
        let mut child = command.stdout(stdout).stderr(stderr).spawn().unwrap();
        let _watchdog = Watchdog::new(child.id());
        while !folder.path().join("root/ready").exists() {
            assert!(child.try_wait().unwrap().is_none());
            std::thread::yield_now();
        }
        test_util::signal(child.id(), "INT");
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert!(!folder.path().join("s").exists());
    }
}

#[test]
fn a_second_signal_ends_a_core_whose_threads_are_blocked() {
    let folder = tempfile::tempdir().unwrap();
    let (_reader, writer) = full();
    let mut command = Command::new(PROGRAM);
    // The exports have no room.
    command.args(["--component", "a", "--socket", "s"]).current_dir(&folder);
    let mut child = command.stdout(OwnedFd::from(writer)).spawn().unwrap();
    let _watchdog = Watchdog::new(child.id());
    while !folder.path().join("s").exists() {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::yield_now();
    }
    let status = loop {
        test_util::signal(child.id(), "INT");
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    assert_eq!(status.code(), Some(1));
}

#[test]
fn a_signal_that_comes_twice_at_once_stops_the_components() {
    let recipe =
        recipe("x", r#"{Run: "echo ready; sleep 1000", Shutdown: "sleep 0.2; echo over"}"#, "");
    let mut run = Run::start(&[("x.yaml", recipe)], &[]);
    assert_eq!(run.output("x | "), "ready");
    run.signal("TERM");
    run.signal("TERM");
    assert_eq!(run.output("x | "), "over");
    assert_eq!(run.status(), Some(0));
}

/// A script that starts a daemon without variables, which has a pipe, and that prints the path of the pipe.
#[cfg(target_os = "linux")]
const DAEMON: &str = "mkfifo f; (env -i setsid /bin/sh -c 'exec 9>f; echo ready; exec /bin/sleep 1000' &); echo $PWD/f";

/// Waits until the last process that has a pipe ends.
#[track_caller]
fn all_end(mut pipe: File) {
    let (ended, is_ended) = mpsc::channel();
    std::thread::spawn(move || ended.send(pipe.read_to_end(&mut Vec::new())));
    is_ended.recv_timeout(test_util::TIMEOUT).expect("all processes end").unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn daemons_without_variables_end_with_the_core() {
    let mut run = Run::start(&[("x.yaml", recipe("x", &format!("{{Run: {DAEMON:?}}}"), ""))], &[]);
    let pipe = File::open(run.output("x | ")).unwrap();
    assert_eq!(run.output("x | "), "ready");
    run.logged("x: FINISHED");
    run.signal("INT");
    assert_eq!(run.status(), Some(0));
    all_end(pipe);
}

/// A script that prints a line as soon as the process that it has left behind is reaped.
#[cfg(target_os = "linux")]
pub(crate) const ORPHAN: &str = "(setsid /bin/sh -c 'echo $$ >id; mv id orphan' &); until [ -s orphan ]; do :; done; \
                      while [ -e /proc/$(cat orphan) ]; do :; done; echo reaped; sleep 1000";

#[test]
#[cfg(target_os = "linux")]
fn orphans_are_reaped() {
    let mut run = Run::start(&[("x.yaml", recipe("x", &format!("{{Run: {ORPHAN:?}}}"), ""))], &[]);
    assert_eq!(run.output("x | "), "reaped");
    run.signal("INT");
    assert_eq!(run.status(), Some(0));
}

#[test]
#[cfg(target_os = "linux")]
fn what_a_killed_core_leaves_behind_ends_when_another_starts() {
    let script = "mkfifo f; echo $PWD/f; exec 9>f; echo ready; sleep 1000";
    let x = || recipe("x", &format!("{{Run: {script:?}}}"), "");
    let other = || ("x.yaml", recipe("x", "{Run: echo started; sleep 1000}", ""));
    for args in [&["--root", "root"][..], &[]] {
        let mut run = Run::start(&[("x.yaml", x())], args);
        let path = PathBuf::from(run.output("x | "));
        let pipe = File::open(&path).unwrap();
        assert_eq!(run.output("x | "), "ready");
        run.signal("KILL");
        assert_eq!(run.status(), None);
        // With the same root but another socket, and with another temporary folder.
        let mut next = Run::start_in(run.folder, &[other()], &[args, &["--socket", "t"]].concat());
        next.logged("whose core had been killed");
        all_end(pipe);
        assert_eq!(next.output("x | "), "started");
        assert_eq!(path.exists(), !args.is_empty(), "a temporary folder is removed");
        next.signal("INT");
        assert_eq!(next.status(), Some(0));
    }
}
