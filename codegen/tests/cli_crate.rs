//! Options for crates: `--crate`, `--sides`, `--runtime`, `--connector` and `--skip`.

use std::fs;

use crate::support::{Folder, Workspace, echo_model, run, tree, workspace};

/// Generates the echo service as the crate `echo` in the folder `echo`.
#[track_caller]
fn generate(folder: &Folder, more: &[&str]) -> Vec<String> {
    folder.write("model/echo.json", echo_model());
    let args = ["--model", &folder.path("model"), "--out", &folder.path("echo"), "--crate", "echo"];
    let args: Vec<_> = args.iter().chain(more).map(|it| (*it).to_owned()).collect();
    let run = run(&args);
    assert_eq!((run.status, &*run.stderr), (0, ""), "{run:?}");
    args
}

#[test]
fn a_crate_has_a_manifest_and_keeps_other_files() {
    let folder = Folder::new("crate");
    folder.write("echo/README.md", "Written by hand.\n");
    folder.write("echo/tests/it.rs", "// Written by hand.\n");
    let mut args = generate(&folder, &[]);
    assert!(folder.names("echo").eq(["Cargo.toml", "README.md", "src", "tests"]));

    args.push("--check".to_owned());
    assert_eq!(run(&args).status, 0);
    let manifest = fs::read_to_string(folder.path("echo/Cargo.toml")).unwrap();
    folder.write("echo/Cargo.toml", manifest.replace("edition", "# edition"));
    let before = tree(&folder.path("echo"));
    let stale = run(&args);
    assert_eq!(stale.status, 1, "{stale:?}");
    assert!(stale.stdout.contains("echo/Cargo.toml\nrun: cargo run"), "{stale:?}");
    assert_eq!(tree(&folder.path("echo")), before);
    args.pop();
    let run = run(&args);
    assert!(run.stdout.contains("files       1 written, "), "{run:?}");
    assert_eq!(fs::read_to_string(folder.path("echo/Cargo.toml")).unwrap(), manifest);
}

#[test]
fn a_manifest_that_was_not_generated_is_not_touched() {
    let folder = Folder::new("foreign-manifest");
    folder.write("model.json", echo_model());
    folder.write("echo/Cargo.toml", "[package]\n");
    let before = tree(&folder.path("echo"));
    let model = folder.path("model.json");
    let run = run(&["--model", &model, "--out", &folder.path("echo"), "--crate", "echo"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("echo holds files that were not generated:\n"), "{run:?}");
    assert!(run.stderr.contains("echo/Cargo.toml\nnothing was changed"), "{run:?}");
    assert_eq!(tree(&folder.path("echo")), before);
    assert!(folder.names("echo").eq(["Cargo.toml"]));
}

#[test]
fn a_crate_that_cannot_be_written_leaves_nothing_behind() {
    let folder = Folder::new("not-written");
    folder.write("model.json", echo_model());
    // The manifest cannot be written, because a folder has its name.
    folder.write("new/echo/Cargo.toml/inside", "");
    let model = folder.path("model.json");
    let run = run(&["--model", &model, "--out", &folder.path("new/echo"), "--crate", "echo"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(folder.names("new/echo").eq(["Cargo.toml"]));
}

#[test]
fn the_manifest_has_the_requested_runtime() {
    let folder = Folder::new("runtime");
    folder.write("vendor/eventstream-rpc/Cargo.toml", "");
    let vendored = folder.path("vendor/eventstream-rpc");
    for (place, expected) in [
        ("0.1", "eventstream-rpc = { version = \"0.1\", default-features = false }\n"),
        (&*vendored, "{ path = \"../vendor/eventstream-rpc\", version = \"0.1.0\", "),
        (&*folder.path("echo/runtime"), "{ path = \"runtime\", version = \"0.1.0\", "),
        (&*folder.path(""), "{ path = \"..\", version = \"0.1.0\", "),
    ] {
        generate(&folder, &["--runtime", place]);
        let manifest = fs::read_to_string(folder.path("echo/Cargo.toml")).unwrap();
        assert!(manifest.contains(expected), "{manifest}");
    }
    let runtime = fs::read_to_string(workspace().join("runtime/Cargo.toml")).unwrap();
    assert!(runtime.contains("\nversion = \"0.1.0\"\n"), "{runtime}");
}

/// A crate has a feature and a file for each side that is chosen, and none for the others.
const SIDES: [(&str, &str, &str); 3] = [
    ("client", "tokio", "src/client.rs"),
    ("blocking", "blocking", "src/blocking.rs"),
    ("server", "server", "src/server.rs"),
];

#[test]
fn a_crate_has_the_requested_sides_and_compiles() {
    let folder = Folder::new("sides");
    let mut workspace = Workspace::new(&folder);
    folder.write("model/echo.json", echo_model());
    for sides in ["client", "blocking", "server", "client,blocking,server"] {
        let name = sides.replace(',', "-");
        let (model, out) = (folder.path("model"), folder.path(&name));
        let run = run(&["--model", &model, "--out", &out, "--crate", &name, "--sides", sides]);
        assert_eq!((run.status, &*run.stderr), (0, ""), "{run:?}");
        let files = tree(&out);
        for (side, feature, file) in SIDES {
            let is_there = sides.split(',').any(|it| it == side);
            assert_eq!(fs::exists(format!("{out}/{file}")).unwrap(), is_there, "{sides}: {file}");
            let mention = format!("feature = \"{feature}\"");
            let mentions =
                files.values().any(|it| String::from_utf8_lossy(&it.text).contains(&mention));
            assert_eq!(mentions, is_there, "{sides}: {mention}");
            let manifest = fs::read_to_string(format!("{out}/Cargo.toml")).unwrap();
            assert_eq!(manifest.contains(&format!("\n{feature} = [")), is_there, "{manifest}");
            let page = fs::read_to_string(format!("{out}/src/lib.rs")).unwrap();
            assert_eq!(page.contains(&format!("//! - `{feature}`: ")), is_there, "{page}");
        }
        workspace.add_crate(&name);
    }
    // Each crate is checked with its default features and with all features.
    for args in
        [&["check", "--workspace"][..], &["doc", "--workspace", "--no-deps", "--all-features"]]
    {
        let run = workspace.cargo(args);
        assert_eq!((run.status, &*run.stderr), (0, ""), "{args:?}");
    }
    // The examples of the quick start of each crate, among others.
    workspace.check_examples();
}

#[test]
fn the_connector_of_greengrass_finds_its_socket() {
    let folder = Folder::new("connector");
    generate(&folder, &[]);
    let client = || fs::read_to_string(folder.path("echo/src/client.rs")).unwrap();
    assert!(!client().contains("pub async fn connect()"));
    generate(&folder, &["--connector", "greengrass"]);
    assert!(client().contains("pub async fn connect()"));
    assert!(workspace().join("runtime/src/greengrass.rs").exists());
}

#[test]
fn operations_can_be_left_out() {
    let folder = Folder::new("skip");
    let operation = |output: &str| {
        format!(r#"{{ "type": "operation", "output": {{ "target": "t.skip#{output}" }} }}"#)
    };
    let blob = r#"{ "type": "structure", "members": { "data": { "target": "t.skip#Bytes" } } }"#;
    let model = format!(
        r#"{{ "smithy": "2.0", "shapes": {{
            "t.skip#Files": {{ "type": "service", "operations": [
                {{ "target": "t.skip#GetFile" }}, {{ "target": "t.skip#GetPage" }}, {{ "target": "t.skip#Count" }} ] }},
            "t.skip#GetFile": {}, "t.skip#GetPage": {}, "t.skip#Count": {},
            "t.skip#File": {blob}, "t.skip#Page": {blob}, "t.skip#Number": {{ "type": "structure" }},
            "t.skip#Bytes": {{ "type": "blob", "traits": {{ "smithy.api#streaming": {{}} }} }} }} }}"#,
        operation("File"),
        operation("Page"),
        operation("Number"),
    );
    folder.write("model.json", model);
    let (model, out) = (folder.path("model.json"), folder.path("files/src"));
    let generate = |more: &[&str]| {
        let args = ["--model", &model, "--out", &out];
        run(&args.iter().chain(more).copied().collect::<Vec<_>>())
    };
    let refused = generate(&["--skip", "GetPage"]);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("t.skip#File$data: event-stream RPC does not support streaming blobs"),
        "{refused:?}"
    );
    assert!(refused.stderr.contains("with --skip GetFile ("), "{refused:?}");
    assert!(!refused.stderr.contains("Page$data"), "{refused:?}");
    let unknown = generate(&["--skip", "GetFiles", "--skip=t.skip#GetPages"]);
    assert_eq!(unknown.status, 1, "{unknown:?}");
    assert!(
        unknown.stderr.contains("the service has no operation \"GetFiles\" to skip"),
        "{unknown:?}"
    );
    for hint in ["did you mean \"GetFile\"?", "did you mean \"t.skip#GetPage\"?"] {
        assert!(unknown.stderr.contains(hint), "{unknown:?}");
    }
    let done = generate(&["--skip", "GetPage", "--skip", "t.skip#GetFile"]);
    assert_eq!((done.status, &*done.stderr), (0, ""), "{done:?}");
    assert!(folder.names("files/src/operation").all(|it| it.starts_with("count")));
    // `show` and `diff` accept the operation.
    let show = run(&["show", "GetFile", "--model", &model]);
    assert_eq!(show.status, 0, "{show:?}");
    let diff = run(&["diff", &model, &model]);
    assert_eq!((diff.status, &*diff.stdout), (0, "no changes\n"), "{diff:?}");
}

#[test]
fn handwritten_modules_are_part_of_the_crate() {
    let folder = Folder::new("handwritten");
    folder.write("echo/helpers/pages.rs", "//! Pages.\n\npub const SIZE: usize = crate::FIRST;\n");
    let args = generate(&folder, &["--module", "helpers/pages.rs"]);
    let library = fs::read_to_string(folder.path("echo/src/lib.rs")).unwrap();
    assert!(library.contains("#[path = \"../helpers/pages.rs\"]\npub mod pages;\n"), "{library}");
    let with = |module: &str| {
        let mut args = args.clone();
        *args.last_mut().unwrap() = module.to_owned();
        run(&args)
    };
    for (module, reason) in [
        ("helpers/client.rs", "a generated module has this name"),
        ("helpers/serde.rs", "generated code uses a crate of this name"),
        ("helpers/match.rs", "its name is a keyword"),
        ("helpers/Pages.rs", "use lower-case ASCII letters"),
        ("helpers/pages", "it must be the path of a .rs file"),
        ("/pages.rs", "it must be the path of a .rs file"),
    ] {
        let run = with(module);
        assert_eq!(run.status, 2, "{run:?}");
        assert!(run.stderr.contains(&format!("error: {module:?} cannot be a module")), "{run:?}");
        assert!(run.stderr.contains(reason), "{run:?}");
    }
}
