//! Failures: a clear error, status 1, and output that is complete or that the next run completes.

use std::{collections::BTreeMap, fs, process::Command};

use crate::support::{
    Folder, PROGRAM, Run, echo_model, finish, generate_echo, old_file, run, tree,
};

/// A name, a function that damages the model, and parts of the expected error.
type Refused = (&'static str, fn(&Folder), &'static [&'static str]);

const REFUSED: [Refused; 6] = [
    (
        "no-folder",
        |it| fs::remove_dir_all(it.path("model")).unwrap(),
        &["error: cannot read the model ", "model: No such file"],
    ),
    (
        "no-file",
        |it| fs::rename(it.path("model/echo.json"), it.path("model/README.md")).unwrap(),
        &["error: there is no model in ", "it has no *.json file"],
    ),
    (
        // A folder cannot be read as a file, even by root.
        "unreadable",
        |it| it.write("model/folder.json/inside", ""),
        &["error: cannot read the model ", "folder.json: Is a directory"],
    ),
    (
        "latin-1",
        |it| it.write("model/echo.json", b"{\n\"smithy\": \"2.0\xff\"}"),
        &["error: the model ", "echo.json is not UTF-8 (line 2)\n"],
    ),
    (
        "utf-16",
        |it| it.write("model/echo.json", b"\xff\xfe{\0}\0"),
        &["it looks like UTF-16: save it as UTF-8"],
    ),
    (
        "wrong",
        |it| it.write("model/echo.json", echo_model().replace("#String\"", "#Sting\"")),
        &["hint: did you mean smithy.api#String?", "errors, 0 warnings\n"],
    ),
];

#[test]
fn a_rejected_model_leaves_the_output_unchanged() {
    for (name, spoil, expected) in REFUSED {
        let folder = Folder::new(name);
        let args = generate_echo(&folder);
        let before = tree(&folder.path("echo"));
        spoil(&folder);
        let run = run(&args);
        assert_eq!((run.status, &*run.stdout), (1, ""), "{name}: {run:?}");
        for part in expected {
            assert!(run.stderr.contains(part), "{name}: {part:?} is missing: {}", run.stderr);
        }
        assert_eq!(tree(&folder.path("echo")), before, "{name}");
    }
}

#[test]
fn an_output_folder_that_cannot_be_created_is_an_error() {
    let folder = Folder::new("not-writable");
    folder.write("model.json", echo_model());
    folder.write("file", "");
    let args = ["--model", &folder.path("model.json"), "--out", &folder.path("file/echo/src")];
    let run = run(&args);
    assert_eq!(run.status, 1);
    let message = "error: cannot write to the output folder ";
    assert!(run.stderr.starts_with(message), "{run:?}");
    assert!(run.stderr.ends_with("/file is not a folder\n"), "{run:?}");
    assert!(folder.names("").eq(["file", "model.json"]));
}

/// A file that was not generated may be larger than memory.
#[test]
fn a_foreign_file_is_not_read() {
    let folder = Folder::new("large");
    folder.write("model.json", echo_model());
    folder.write("echo/large", "");
    let large = fs::File::options().write(true).open(folder.path("echo/large")).unwrap();
    large.set_len(1 << 42).unwrap();
    let run = run(&["--model", &folder.path("model.json"), "--out", &folder.path("echo")]);
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains(" holds files that were not generated:\n"), "{run:?}");
    fs::remove_file(folder.path("echo/large")).unwrap();
}

/// Runs the program with a limit below the size of the largest generated file, which has the effect of a full disk.
#[cfg(unix)]
fn run_with_full_disk(setup: &str, fresh: &BTreeMap<String, Vec<u8>>, args: &[String]) -> Run {
    let largest = fresh.values().map(Vec::len).max().unwrap();
    let script = format!("{setup} ulimit -f {} && exec \"$0\" \"$@\"", (largest - 1) / 512);
    finish(Command::new("sh").args(["-c", &script, PROGRAM]).args(args))
}

#[cfg(unix)]
#[test]
fn a_full_disk_leaves_complete_files_and_the_rest_for_the_next_run() {
    let folder = Folder::new("full");
    let args = generate_echo(&folder);
    let fresh = texts(&folder);
    make_stale(&folder);
    let stale = texts(&folder);
    // If the process ignores the signal, the write fails with an error.
    let full = run_with_full_disk("trap '' XFSZ &&", &fresh, &args);
    assert_eq!((full.status, &*full.stdout), (1, ""), "{full:?}");
    assert!(full.stderr.starts_with("error: cannot write "), "{full:?}");
    assert!(full.stderr.contains("File too large"), "{full:?}");
    let left = texts(&folder);
    assert!(left.keys().eq(fresh.keys()), "nothing temporary is left");
    for (path, text) in &left {
        assert!(*text == fresh[path] || *text == stale[path], "{path} is not whole");
    }
    assert_eq!(run(&args).status, 0);
    assert_eq!(texts(&folder), fresh);
}

#[cfg(unix)]
#[test]
fn a_run_that_is_killed_while_it_writes_is_completed_by_the_next() {
    let folder = Folder::new("killed");
    let args = generate_echo(&folder);
    let fresh = texts(&folder);
    make_stale(&folder);
    folder.write("echo/src/old/left_over.rs", old_file());
    let killed = run_with_full_disk("", &fresh, &args);
    assert_eq!(killed.status, -1, "{killed:?}");
    let left = texts(&folder);
    let unfinished: Vec<_> = left.keys().filter(|it| !fresh.contains_key(*it)).collect();
    let [unfinished] = unfinished[..] else { panic!("{unfinished:?}") };
    assert!(unfinished.ends_with("/.codegen-unfinished"), "{unfinished}");
    let check = run(&[&args[..], &["--check".to_owned()]].concat());
    assert_eq!(check.status, 1, "{check:?}");
    let left_over = check.stdout.lines().find(|it| it.starts_with("  left over: "));
    assert!(left_over.is_some_and(|it| it.ends_with("/.codegen-unfinished")), "{check:?}");

    // The run may have been killed before the first byte or within the first line.
    for text in ["", "/", "// Generated by"] {
        fs::write(unfinished, text).unwrap();
        let next = run(&args);
        assert_eq!(next.status, 0, "{next:?}");
        assert_eq!(texts(&folder), fresh);
    }
    // A file that was not generated is not deleted, even if it has the name of an unfinished file.
    fs::write(unfinished, "// Written by hand.\n").unwrap();
    let refused = run(&args);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.stderr.contains("/.codegen-unfinished\nnothing was changed"), "{refused:?}");
    assert_eq!(fs::read_to_string(unfinished).unwrap(), "// Written by hand.\n");
}

#[test]
fn a_folder_with_the_name_of_a_generated_file_is_kept() {
    let folder = Folder::new("folder-for-file");
    let args = generate_echo(&folder);
    make_stale(&folder);
    let library = folder.path("echo/src/lib.rs");
    fs::remove_file(&library).unwrap();
    fs::create_dir(&library).unwrap();
    let before: Vec<_> = texts(&folder).into_keys().collect();
    let failed = run(&args);
    assert_eq!((failed.status, &*failed.stdout), (1, ""), "{failed:?}");
    assert!(failed.stderr.starts_with("error: cannot write "), "{failed:?}");
    assert!(failed.stderr.contains("lib.rs: "), "{failed:?}");
    assert!(texts(&folder).into_keys().eq(before), "nothing temporary is left");
    fs::remove_dir(&library).unwrap();
    assert_eq!(run(&args).status, 0);
}

#[cfg(unix)]
#[test]
fn a_linked_output_folder_is_updated_at_its_target() {
    let folder = Folder::new("link");
    fs::create_dir_all(folder.path("real/src")).unwrap();
    std::os::unix::fs::symlink(folder.path("real/src"), folder.path("src")).unwrap();
    folder.write("model.json", echo_model());
    let args = ["--model", &folder.path("model.json"), "--out", &folder.path("src")];
    assert_eq!(run(&args).status, 0);
    assert!(fs::exists(folder.path("real/src/lib.rs")).unwrap());
    assert!(folder.names("real").eq(["src"]));
    // A link inside the folder leads to files that were not generated.
    std::os::unix::fs::symlink(folder.path("model.json"), folder.path("src/link.rs")).unwrap();
    let refused = run(&args);
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("link.rs\n"), "{refused:?}");
}

/// Makes every file stale, so that a run rewrites all of them.
fn make_stale(folder: &Folder) {
    for path in tree(&folder.path("echo/src")).keys() {
        fs::write(path, old_file()).unwrap();
    }
}

fn texts(folder: &Folder) -> BTreeMap<String, Vec<u8>> {
    tree(&folder.path("echo")).into_iter().map(|(path, file)| (path, file.text)).collect()
}
