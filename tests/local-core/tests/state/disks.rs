//! The state on a disk that is full or read-only.

use std::{env, fs, path::Path};

use super::{update, value};
use crate::support::{PROGRAM, Program};
use greengrass_local_core::LocalCore;
use test_util::in_time;
use tokio::process::Command;

/// A command in a mount namespace with a small file system at a path.
fn with_disk(options: &str, path: &Path, program: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-ec"]);
    let script = format!("mount -t tmpfs -o {options} tmpfs \"$0\"; exec \"$@\"");
    command.arg(script).arg(path).arg(program);
    command
}

#[tokio::test]
async fn changes_fail_while_the_disk_is_full() {
    let folder = tempfile::tempdir().unwrap();
    if !with_disk("size=8m", folder.path(), "true").status().await.is_ok_and(|it| it.success()) {
        eprintln!("skipped: needs the permission to create namespaces");
        return;
    }
    let state = folder.path().join("state");
    let args = ["--component", "a", "--state"].map(str::to_owned).to_vec();
    let args = [args, vec![state.display().to_string()]].concat();
    let mut program = Program::spawn(with_disk("size=8m", folder.path(), PROGRAM), &args).await;
    let client = program.client(0).await;
    update(&client, "first", "1").await.unwrap();

    let root = format!("/proc/{}/root", program.child.id().unwrap());
    let inside = |path: &Path| Path::new(&root).join(path.strip_prefix("/").unwrap());
    let filler = inside(&folder.path().join("filler"));
    // It has the rest of the disk.
    fs::write(&filler, vec![0; 8 << 20]).unwrap_err();
    let long = "x".repeat(100_000);
    let mut failed = None;
    for at in 0..100 {
        let key = format!("k{at}");
        if let Err(error) = update(&client, &key, &long).await {
            assert!(error.contains("cannot save its state"), "{error}");
            failed = Some(key);
            break;
        }
    }
    let failed = failed.expect("the disk is full");
    assert_eq!(value(&client, "first").await, "1");
    fs::remove_file(filler).unwrap();
    update(&client, "last", "3").await.unwrap();
    let line = in_time("a line", program.log.next_line()).await.unwrap().unwrap();
    assert!(line.contains("cannot save the state in") && line.contains("No space left"), "{line}");

    // What failed was in the memory of the core, and is stored with what succeeds.
    let copy = tempfile::tempdir().unwrap();
    for file in fs::read_dir(inside(&state)).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    let core = LocalCore::builder().component("a").state(copy.path()).start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    for (key, expected) in [("first", "1"), (&failed, &long), ("last", "3")] {
        assert_eq!(value(&client, key).await, expected);
    }
}

#[tokio::test]
async fn a_core_does_not_start_on_a_read_only_disk() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = with_disk("ro", folder.path(), PROGRAM);
    command.args(["--component", "a", "--state"]).arg(folder.path());
    command.arg("--socket").arg(env::temp_dir().join("unused.socket"));
    let output = in_time("the end", command.output()).await.unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    if text.contains("unshare") {
        eprintln!("skipped: {text}");
        return;
    }
    let expected = format!("cannot use {} as the state folder: ", folder.path().display());
    assert!(text.contains(&expected) && text.contains("Read-only file system"), "{text}");
    assert_eq!(output.status.code(), Some(1));
}
