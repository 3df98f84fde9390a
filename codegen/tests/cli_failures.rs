//! Bad input and bad luck: a clear error, status 1, and the previous output as it was.

mod support;

use std::{fs, path::Path, process::Command};

use codegen::{
    GeneratedFile,
    program::{self, Plan},
};
use support::{Folder, PROGRAM, Run, echo_model, finish, generate_echo, run, tree};

/// Generates a crate, breaks the model as `spoil` does, and runs again.
#[track_caller]
fn check_refused(name: &str, spoil: impl Fn(&Folder), expected: &[&str]) {
    let folder = Folder::new(name);
    let args = generate_echo(&folder);
    let before = tree(&folder.path("echo"));
    spoil(&folder);
    let run = run(&args);
    assert_eq!((run.status, &*run.stdout), (1, ""), "{run:?}");
    for part in expected {
        assert!(run.stderr.contains(part), "{part:?} is missing: {}", run.stderr);
    }
    assert_eq!(tree(&folder.path("echo")), before, "the previous output is whole");
}

#[test]
fn a_model_folder_that_is_not_there() {
    let spoil = |it: &Folder| fs::remove_dir_all(it.path("model")).unwrap();
    check_refused("no-folder", spoil, &["error: cannot read the model ", "model: No such file"]);
}

#[test]
fn a_model_folder_without_a_model() {
    let spoil = |it: &Folder| {
        fs::remove_file(it.path("model/echo.json")).unwrap();
        it.write("model/README.md", "# Model");
    };
    check_refused(
        "empty-folder",
        spoil,
        &["error: there is no model in ", "no file is called *.json"],
    );
}

#[test]
fn a_model_that_cannot_be_read() {
    // A folder instead of a file cannot be read by anyone, whatever the permissions.
    let spoil = |it: &Folder| it.write("model/folder.json/inside", "");
    check_refused(
        "unreadable",
        spoil,
        &["error: cannot read the model ", "folder.json: Is a directory"],
    );
}

#[test]
fn a_model_without_a_service() {
    let spoil = |it: &Folder| it.write("model/echo.json", r#"{ "smithy": "2.0" }"#);
    let expected = "error: there is no service shape in the model\n  = hint: add a shape of type";
    check_refused("no-service", spoil, &[expected, "1 error, 0 warnings\n"]);
}

#[test]
fn a_model_with_two_services() {
    let service = r#"{
  "smithy": "2.0",
  "shapes": { "com.example#Other": { "type": "service" } }
}"#;
    let spoil = |it: &Folder| it.write("model/other.json", service);
    check_refused(
        "two-services",
        spoil,
        &[
            "com.example#Other: the model has 2 services: awstest#EchoTestRPC, com.example#Other",
            "other.json:3:15",
            "= hint: choose one, as with --service awstest#EchoTestRPC",
        ],
    );
}

#[test]
fn a_model_that_is_not_utf_8() {
    let spoil = |it: &Folder| it.write("model/echo.json", b"{\n\"smithy\": \"2.0\xff\"}");
    check_refused("latin-1", spoil, &["error: the model ", "echo.json is not UTF-8 (line 2)\n"]);
    let utf_16: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let spoil = |it: &Folder| it.write("model/echo.json", &utf_16);
    check_refused("utf-16", spoil, &["it looks like UTF-16: save it as UTF-8"]);
}

#[test]
fn a_model_with_an_error() {
    let spoil =
        |it: &Folder| it.write("model/echo.json", echo_model().replace("#String\"", "#Sting\""));
    check_refused(
        "broken",
        spoil,
        &["hint: did you mean smithy.api#String?", "errors, 0 warnings\n"],
    );
}

#[test]
fn an_output_folder_that_cannot_be_made() {
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

/// Runs the program where a file can have 2 KiB at most, which is how a full disk looks to it.
#[cfg(unix)]
fn run_with_full_disk(setup: &str, args: &[String]) -> Run {
    let script = format!("{setup} ulimit -f 4 && exec \"$0\" \"$@\"");
    finish(Command::new("sh").args(["-c", &script, PROGRAM]).args(args))
}

#[cfg(unix)]
#[test]
fn a_disk_that_is_full() {
    let folder = Folder::new("full");
    let args = generate_echo(&folder);
    make_stale(&folder);
    let before = tree(&folder.path("echo"));
    // A process that ignores the signal gets an error from the write.
    let full = run_with_full_disk("trap '' XFSZ &&", &args);
    assert_eq!((full.status, &*full.stdout), (1, ""), "{full:?}");
    assert!(full.stderr.starts_with("error: cannot write "), "{full:?}");
    assert!(full.stderr.contains("File too large"), "{full:?}");
    assert_eq!(tree(&folder.path("echo")), before, "whole, and nothing temporary is left");
    assert_eq!(run(&args).status, 0);
}

#[cfg(unix)]
#[test]
fn a_run_that_is_killed_while_it_writes() {
    let folder = Folder::new("killed");
    let args = generate_echo(&folder);
    make_stale(&folder);
    let before = tree(&folder.path("echo/src"));
    let killed = run_with_full_disk("", &args);
    assert_eq!(killed.status, -1, "{killed:?}");
    assert_eq!(tree(&folder.path("echo/src")), before);
    assert!(folder.names("echo").eq([".src.codegen", "src"]), "it had begun to write");
    let next = run(&args);
    assert_eq!(next.status, 0, "{next:?}");
    assert!(folder.names("echo").eq(["src"]), "the next run cleans up");
}

#[test]
fn a_rename_that_fails_is_undone_with_those_before_it() {
    let folder = Folder::new("rollback");
    let header = format!("// {} from a test.\n", codegen::HEADER);
    let file = |path: &str, text: &str| GeneratedFile {
        path: path.to_owned(),
        contents: format!("{header}{text}"),
    };
    let old = [file("a.rs", "old"), file("left/over.rs", "old"), file("same.rs", "same")];
    let first = Plan::new(Path::new(&folder.path("one")), &old).unwrap();
    let second = Plan::new(Path::new(&folder.path("two")), &old).unwrap();
    program::write(&[first, second]).unwrap();

    let new = [
        file("a.rs", "new"),
        file("new/b.rs", "new"),
        file("same.rs", "same"),
        file("z.rs", "new"),
    ];
    let plans = ["one", "two"].map(|it| Plan::new(Path::new(&folder.path(it)), &new).unwrap());
    // Something takes the place of the last file after it has been looked at.
    folder.write("two/z.rs/taken", "");
    let before = tree(&folder.path(""));
    let error = program::write(&plans).unwrap_err();
    assert!(error.to_string().starts_with("cannot write "), "{error}");
    assert!(error.to_string().ends_with("z.rs"), "{error}");
    assert_eq!(tree(&folder.path("")), before, "the first folder too, which was finished");
    assert!(folder.names("").eq(["one", "two"]));
    assert!(folder.names("one").eq(["a.rs", "left", "same.rs"]));
    assert!(folder.names("two").eq(["a.rs", "left", "same.rs", "z.rs"]));

    fs::remove_dir_all(folder.path("two/z.rs")).unwrap();
    let plans = ["one", "two"].map(|it| Plan::new(Path::new(&folder.path(it)), &new).unwrap());
    program::write(&plans).unwrap();
    for it in ["one", "two"] {
        assert!(folder.names(it).eq(["a.rs", "new", "same.rs", "z.rs"]));
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_a_link_is_changed_where_it_is() {
    let folder = Folder::new("link");
    fs::create_dir_all(folder.path("real/src")).unwrap();
    std::os::unix::fs::symlink(folder.path("real/src"), folder.path("src")).unwrap();
    folder.write("model.json", echo_model());
    let args = ["--model", &folder.path("model.json"), "--out", &folder.path("src")];
    assert_eq!(run(&args).status, 0);
    assert!(fs::exists(folder.path("real/src/lib.rs")).unwrap());
    assert!(folder.names("real").eq(["src"]));
    // A link inside leads to what is not ours.
    std::os::unix::fs::symlink(folder.path("model.json"), folder.path("src/link.rs")).unwrap();
    let refused = run(&args);
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("link.rs\n"), "{refused:?}");
}

/// Makes every file old, so that all of them are to be written.
fn make_stale(folder: &Folder) {
    for path in tree(&folder.path("echo/src")).keys() {
        fs::write(path, format!("// {} from elsewhere.\n", codegen::HEADER)).unwrap();
    }
}
