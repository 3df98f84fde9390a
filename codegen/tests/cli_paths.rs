//! Paths: every spelling of an output folder works or is rejected with a reason, and the output does not depend on the
//! spelling of the model's path.

use std::{
    fs,
    os::unix::fs::symlink,
    process::{Command, Stdio},
};

use crate::support::{Folder, PROGRAM, echo_model, finish, run_in, tree};

/// A spelling of an output folder relative to the empty folder `work`, and the expected folder or error.
type Spelling<'a> = (&'a str, Result<&'a str, &'a str>);

const SPELLINGS: [Spelling<'_>; 14] = [
    ("new", Ok("work/new")),
    ("new/", Ok("work/new")),
    ("./new", Ok("work/new")),
    (".", Ok("work")),
    ("../new", Ok("new")),
    ("a/b/new", Ok("work/a/b/new")),
    ("a/../new", Ok("work/new")),
    ("../link", Ok("there")),
    ("../link/new", Ok("there/new")),
    ("../link/../new", Ok("new")),
    ("../dangling", Err("dangling is a dangling symbolic link")),
    ("../dangling/new", Err("dangling is a dangling symbolic link")),
    ("../file", Err("file is not a folder")),
    ("../file/new", Err("file is not a folder")),
];

#[test]
fn every_spelling_of_the_output_folder_works_or_is_refused_with_the_reason() {
    let base = Folder::new("out");
    for (index, (out, expected)) in SPELLINGS.into_iter().enumerate() {
        for more in [&[][..], &["--crate", "echo"]] {
            let case = format!("{index}-{}", more.len());
            check_spelling(&base, &case, out, expected, more);
        }
        let absolute = |it: &str| base.path(&format!("{index}-absolute/work/{it}"));
        check_spelling(&base, &format!("{index}-absolute"), &absolute(out), expected, &[]);
    }
}

#[track_caller]
fn check_spelling(
    base: &Folder,
    case: &str,
    out: &str,
    expected: Result<&str, &str>,
    more: &[&str],
) {
    let at = |it: &str| base.path(&format!("{case}/{it}"));
    base.write(&format!("{case}/model.json"), echo_model());
    base.write(&format!("{case}/file"), "");
    fs::create_dir_all(at("work")).unwrap();
    fs::create_dir_all(at("there")).unwrap();
    symlink(at("there"), at("link")).unwrap();
    symlink(at("gone"), at("dangling")).unwrap();

    let args = |out: &str| {
        let args = [&["--model", "../model.json", "--out", out], more].concat();
        args.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let run = run_in(&at("work"), &args(out));
    let folder = match expected {
        Ok(folder) => at(folder),
        Err(reason) => {
            assert_eq!((run.status, &*run.stdout), (1, ""), "{out}: {run:?}");
            assert!(run.stderr.contains(reason), "{out}: {run:?}");
            assert_eq!(run.stderr.lines().count(), 1, "{out}: {run:?}");
            let names = ["dangling", "file", "link", "model.json", "there", "work"];
            assert!(base.names(case).eq(names), "{out}: something was left behind");
            return;
        }
    };
    assert_eq!((run.status, &*run.stderr), (0, ""), "{out}: {run:?}");
    let library = if more.is_empty() { "lib.rs" } else { "src/lib.rs" };
    assert!(fs::exists(format!("{folder}/{library}")).unwrap(), "{out}: {run:?}");
    let check = [args(&folder), vec!["--check".to_owned()]].concat();
    let check = run_in(&at("there"), &check);
    assert_eq!(check.status, 0, "{out} is also {folder}: {check:?}");
}

#[test]
fn a_path_that_is_empty_is_wrong_usage() {
    for args in [
        &["--model", "", "--out", "a"][..],
        &["--model", "a", "--out", ""],
        &["--model", "a", "--out="],
        &["--model", "a", "--out", "b", "--crate", "c", "--runtime="],
        &["diff", "", "a"],
    ] {
        let run = crate::support::run(args);
        assert_eq!(run.status, 2, "{args:?}: {run:?}");
        assert!(run.stderr.contains(" is empty: name a "), "{args:?}: {run:?}");
    }
}

#[test]
fn what_is_generated_does_not_depend_on_how_the_model_is_named() {
    let folder = Folder::new("spelling");
    folder.write("model/echo.json", echo_model());
    let spellings = [
        ("", "model"),
        ("", "./model/"),
        ("", "model/echo.json"),
        ("", "model/../model/echo.json"),
        ("elsewhere", "../model"),
        ("elsewhere", &folder.path("model")),
    ];
    fs::create_dir_all(folder.path("elsewhere")).unwrap();
    let out = folder.path("echo");
    for (number, (from, model)) in spellings.into_iter().enumerate() {
        let mut args = vec!["--model", model, "--out", &out, "--crate", "echo"];
        if number > 0 {
            args.push("--check");
        }
        let run = run_in(&folder.path(from), &args);
        assert_eq!(run.status, 0, "{model} from {from:?}: {run:?}");
    }
    for (path, file) in tree(&out) {
        let text = String::from_utf8(file.text).unwrap();
        assert!(!text.contains(env!("CARGO_TARGET_TMPDIR")), "{path}");
        assert!(text.contains(" from echo.json. Do not edit.\n"), "{path}");
    }
}

#[test]
fn the_header_is_one_line_for_any_name_of_the_model() {
    let folder = Folder::new("odd-name");
    let name = "a\nb\r\u{202e}`.json";
    folder.write(&format!("model/{name}"), echo_model());
    let run = run_in(&folder.path(""), &["--model", "model", "--out", "echo"]);
    assert_eq!(run.status, 0, "{run:?}");
    let library = fs::read_to_string(folder.path("echo/client.rs")).unwrap();
    let header = r"// Generated by `cargo run -p codegen` from a\nb\r\u{202e}`.json. Do not edit.";
    assert_eq!(library.lines().next(), Some(header));
}

#[test]
fn a_dash_is_standard_input() {
    let folder = Folder::new("standard-input");
    folder.write("echo.json", echo_model());
    folder.write("broken.json", "{");
    let run = |file: &str, args: &[&str]| {
        let input = Stdio::from(fs::File::open(folder.path(file)).unwrap());
        finish(Command::new(PROGRAM).args(args).current_dir(folder.path("")).stdin(input))
    };
    let generated = run("echo.json", &["--model", "-", "--out", "echo"]);
    assert_eq!(generated.status, 0, "{generated:?}");
    assert!(generated.stdout.starts_with("standard input -> echo\n"), "{generated:?}");
    assert_eq!(run("echo.json", &["--model", "-", "--out", "echo", "--check"]).status, 0);
    assert_eq!(run("echo.json", &["diff", "echo.json", "-"]).status, 0);
    let shown = run("echo.json", &["show", "EchoMessage", "--model=-"]);
    assert_eq!(shown.status, 0, "{shown:?}");

    let broken = run("broken.json", &["--model", "-", "--out", "echo"]);
    assert_eq!(broken.status, 1);
    assert!(broken.stderr.contains(" standard input:1:"), "{broken:?}");
    let twice = run("echo.json", &["diff", "-", "-"]);
    assert_eq!(twice.status, 2);
    assert!(
        twice.stderr.starts_with("error: standard input (-) can be read only once"),
        "{twice:?}"
    );
}

#[test]
fn the_command_that_check_prints_works_in_a_shell() {
    let folder = Folder::new("it's $HOME `here`");
    folder.write("~/my 'model'.json", echo_model());
    let model = folder.path("~/my 'model'.json");
    let out = folder.path("#out");
    let workspace = crate::support::workspace().join("Cargo.toml");
    let manifest = ["--manifest-path", workspace.to_str().unwrap(), "-p", "codegen"];
    // Outside of the workspace, the command contains the path of the manifest.
    for (from, model, out, program) in [
        (&*folder.path(""), "~/my 'model'.json", "#out", &manifest[2..]),
        ("/", &*model, &*out, &manifest),
    ] {
        let args = ["--model", model, "--out", out, "--service", "awstest#EchoTestRPC"];
        let check = run_in(from, &[&args[..], &["--check"]].concat());
        assert_eq!(check.status, 1, "{check:?}");
        let command = check.stdout.lines().last().unwrap().strip_prefix("run: cargo run ").unwrap();
        let script = format!("cargo() {{ printf '%s\\n' \"$@\"; }}; cargo {command}");
        let words = finish(Command::new("sh").args(["-c", &script]));
        let expected = [program, &["--"], &args].concat();
        assert_eq!(words.stdout.lines().collect::<Vec<_>>(), expected, "{command}");
    }
}
