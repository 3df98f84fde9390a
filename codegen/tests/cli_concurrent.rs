//! Concurrent runs: one of them writes, the others fail and say so.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    process::{Child, Command, Stdio},
};

use crate::support::{Folder, PROGRAM, Run, echo_model, run, tree};

/// A run that has locked its folder and waits for the rest of its model.
#[track_caller]
fn waiting_run(out: &str) -> Child {
    let mut run = Command::new(PROGRAM)
        .args(["--model", "-", "--out", out])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // This is more than the buffer of a pipe, so writing returns after the run has begun to read.
    run.stdin.as_mut().unwrap().write_all(&[b' '; 1 << 20]).unwrap();
    run
}

#[track_caller]
fn finish(mut child: Child) -> Run {
    child.stdin.take();
    child.wait_with_output().unwrap().into()
}

#[test]
fn a_second_run_says_that_another_one_is_running() {
    let folder = Folder::new("second");
    folder.write("echo.json", echo_model());
    let (model, out) = (folder.path("echo.json"), folder.path("out"));
    let args = |out: &str| ["--model", &model, "--out", out].map(str::to_owned);
    let mut first = waiting_run(&out);
    for way in [&*out, &folder.path("x/../out/")] {
        let second = run(&args(way));
        let expected =
            format!("error: another run is writing to {out}: wait until it has finished\n");
        assert_eq!((second.status, &*second.stdout, &*second.stderr), (1, "", &*expected));
    }
    assert!(!fs::exists(&out).unwrap());
    // Neither `--check` nor a run in another folder needs the lock.
    assert_eq!(run(&[&args(&out)[..], &["--check".to_owned()]].concat()).status, 1);
    assert_eq!(run(&args(&folder.path("other"))).status, 0);

    first.stdin.as_mut().unwrap().write_all(echo_model().as_bytes()).unwrap();
    let first = finish(first);
    assert_eq!((first.status, &*first.stderr), (0, ""), "{first:?}");
    let second = run(&args(&out));
    assert_eq!(second.status, 0, "{second:?}");
    assert!(folder.names("").eq(["echo.json", "other", "out"]), "a lock is no file");
}

/// The folder `src` of a crate may be a link.
#[cfg(unix)]
#[test]
fn a_folder_is_locked_under_each_of_its_paths() {
    let folder = Folder::new("links");
    folder.write("echo.json", echo_model());
    folder.write("echo/README.md", "");
    fs::create_dir(folder.path("sources")).unwrap();
    std::os::unix::fs::symlink(folder.path("sources"), folder.path("echo/src")).unwrap();
    let mut first = waiting_run(&folder.path("sources"));
    let (model, out) = (folder.path("echo.json"), folder.path("echo"));
    let second = run(&["--model", &model, "--out", &out, "--crate", "echo"]);
    assert_eq!(second.status, 1, "{second:?}");
    assert!(second.stderr.starts_with("error: another run is writing to "), "{second:?}");
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn a_killed_run_releases_its_lock() {
    let folder = Folder::new("killed at once");
    folder.write("echo.json", echo_model());
    let out = folder.path("out");
    let mut first = waiting_run(&out);
    first.kill().unwrap();
    first.wait().unwrap();
    let second = run(&["--model", &folder.path("echo.json"), "--out", &out]);
    assert_eq!((second.status, &*second.stderr), (0, ""), "{second:?}");
}

#[test]
fn concurrent_runs_leave_the_output_of_one_of_them() {
    let folder = Folder::new("race");
    let other = echo_model().replace("EchoMessage", "RepeatMessage");
    folder.write("echo.json", echo_model());
    folder.write("other.json", other);
    let texts = |out: &str| -> BTreeMap<String, Vec<u8>> {
        let files = tree(&folder.path(out)).into_iter();
        files.map(|(path, file)| (path[folder.path(out).len()..].to_owned(), file.text)).collect()
    };
    let start = |model: &str, out: &str| {
        let mut command = Command::new(PROGRAM);
        command.args(["--model", &folder.path(model), "--out", &folder.path(out)]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let models = ["echo.json", "other.json"];
    let expected = models.map(|model| {
        assert_eq!(finish(start(model, model.trim_end_matches(".json"))).status, 0);
        texts(model.trim_end_matches(".json"))
    });
    assert_ne!(expected[0], expected[1]);
    let mut refused = 0;
    for round in 0..20 {
        let runs = models.map(|model| start(model, "out")).map(finish);
        let mut written = Vec::new();
        for (run, expected) in runs.iter().zip(&expected) {
            match run.status {
                0 => written.push(expected),
                _ => {
                    assert!(run.stderr.starts_with("error: another run is writing to "), "{run:?}");
                    refused += 1;
                }
            }
        }
        assert!(written.contains(&&texts("out")), "round {round}: {runs:?}");
    }
    assert!(refused > 0, "no two runs met");
}
