//! Cores in different PID namespaces, as in containers with a common folder: they may have the same process id.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdout, Command, Stdio},
};

use greengrass_local_core::LocalCore;

use test_util::Watchdog;

use crate::{
    program::{ended, folder, on_socket, serving},
    run::{self, ORPHAN},
};

/// The command in a PID namespace of its own.
fn isolated(command: &Command) -> Command {
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    unshare.arg(command.get_program()).args(command.get_args());
    unshare
}

fn may_isolate() -> bool {
    let is_permitted = isolated(&Command::new("true")).status().is_ok_and(|it| it.success());
    if !is_permitted {
        eprintln!("skipped: needs the permission to create namespaces");
    }
    is_permitted
}

#[test]
fn a_socket_or_root_folder_has_one_core() {
    if !may_isolate() {
        return;
    }
    let folder = folder("namespaces");
    let socket = folder.join("s");
    let (mut first, _) = serving(&mut isolated(&on_socket(&socket, &["--component", "a"])));
    let exports = fs::read_to_string(folder.join("s.env")).unwrap();
    let (status, _, error) = ended(&mut isolated(&on_socket(&socket, &["--component", "a"])));
    assert_eq!(status, Some(1));
    assert!(error.contains("another core listens"), "{error}");
    assert_eq!(fs::read_to_string(folder.join("s.env")).unwrap(), exports);
    assert_eq!(ended(&mut isolated(&on_socket(&socket, &["env", "a"]))).0, Some(0));
    first.kill().unwrap();
    first.wait().unwrap();

    let (recipe, root) = (folder.join("recipe.yaml"), folder.join("root"));
    let text = "{RecipeFormatVersion: 2020-01-25, ComponentName: a, ComponentVersion: 1.0.0, \
                Manifests: [{Lifecycle: {Run: echo started; sleep 1000}}]}";
    fs::write(&recipe, text).unwrap();
    let run = |socket| {
        let mut command = on_socket(&folder.join(socket), &["run"]);
        command.arg(&recipe).arg("--root").arg(&root);
        command
    };
    let mut first = isolated(&run("s1")).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(first.stdout.take().unwrap()).lines();
    assert!(lines.any(|it| it.unwrap().contains("| started")));
    let (status, _, error) = ended(&mut isolated(&run("s2")));
    assert_eq!(status, Some(1));
    assert!(error.contains("root as the root folder: another core has locked"), "{error}");
    first.kill().unwrap();
    first.wait().unwrap();
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn orphans_are_reaped() {
    if !may_isolate() {
        return;
    }
    // There, the session of the core has no number.
    let folder = tempfile::tempdir().unwrap();
    let recipe = folder.path().join("x.yaml");
    fs::write(&recipe, run::recipe("x", &format!("{{Run: {ORPHAN:?}}}"), "")).unwrap();
    let mut command = on_socket(&folder.path().join("s"), &["run"]);
    let mut core = isolated(command.arg(recipe)).stdout(Stdio::piped()).spawn().unwrap();
    let _watchdog = Watchdog::new(core.id());
    let mut lines = BufReader::new(core.stdout.take().unwrap()).lines();
    assert!(lines.any(|it| it.unwrap() == "x | reaped"));
    core.kill().unwrap();
    core.wait().unwrap();
}

/// The environment variable of a process that [`isolated`] starts for a test.
const ISOLATED: &str = "TEST_OF_NAMESPACES";

#[test]
fn cores_with_private_folders_do_not_disturb_each_other() {
    if std::env::var_os(ISOLATED).is_some() {
        return serve_until_the_input_ends();
    }
    if !may_isolate() {
        return;
    }
    let start = || -> (Child, BufReader<ChildStdout>, String) {
        let mut test = Command::new(std::env::current_exe().unwrap());
        let name = "namespaces::cores_with_private_folders_do_not_disturb_each_other";
        test.args(["--exact", name, "--nocapture"]);
        let mut test = isolated(&test);
        test.env(ISOLATED, "1").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = test.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut lines = output.by_ref().lines().map(Result::unwrap);
        let served = lines.find(|it| it.starts_with("serving as process ")).unwrap();
        (child, output, served)
    };
    let (mut first, first_output, first_served) = start();
    let (mut second, second_output, second_served) = start();
    // Otherwise the test shows nothing.
    assert_eq!(first_served, second_served, "the process ids are equal");
    for (child, mut output) in [(&mut first, first_output), (&mut second, second_output)] {
        drop(child.stdin.take());
        output.read_to_end(&mut Vec::new()).unwrap();
        assert!(child.wait().unwrap().success());
    }
}

/// Serves, and then checks that the socket still works.
fn serve_until_the_input_ends() {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let core = LocalCore::builder().component("a").start().await.unwrap();
        println!("\nserving as process {}", std::process::id());
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        core.connection("a").connect().await.unwrap();
        core.stop().await.unwrap();
    });
}
