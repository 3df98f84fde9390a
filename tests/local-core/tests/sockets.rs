//! The places of sockets, and the files beside them.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, symlink},
        net::UnixListener,
    },
    path::Path,
    process::Command,
};

use crate::{
    program::{ended, folder, on_socket, serving},
    support::PROGRAM,
};

#[test]
fn the_files_of_a_user_are_kept() {
    let folder = folder("files");
    for name in [".env", "project.env", "file.env", "file", "app.env", "Cargo.lock"] {
        fs::write(folder.join(name), "KEY=secret\n").unwrap();
    }
    fs::create_dir(folder.join("project")).unwrap();
    fs::write(folder.join("head.env"), "# Written by hand\n").unwrap();
    fs::set_permissions(folder.join("app.env"), fs::Permissions::from_mode(0o644)).unwrap();
    symlink("app.env", folder.join("link.env")).unwrap();
    fs::create_dir(folder.join("folder.env")).unwrap();
    let _listener = UnixListener::bind(folder.join("socket.env")).unwrap();
    let before = contents(&folder);
    for (socket, expected) in [
        ("./", "/: the path is not that of a socket"),
        (".", "the path is not that of a socket"),
        ("new/", "/new/: the path is not that of a socket"),
        ("project", "/project: the path is not that of a socket"),
        ("file", "/file: the path is not that of a socket"),
        ("app", "/app.env is not a file of this program: remove it"),
        ("head", "/head.env is not a file of this program"),
        ("link", "/link.env is not a file of this program"),
        ("folder", "/folder.env is not a file of this program"),
        ("socket", "/socket.env is not a file of this program"),
        ("Cargo", "/Cargo.lock is not a lock file"),
    ] {
        let mut command = on_socket(Path::new(socket), &["--component", "a"]);
        let (status, _, error) = ended(command.current_dir(&folder));
        assert_eq!(status, Some(1), "{socket}: {error}");
        assert!(error.contains(expected), "{socket}: {error}");
        assert_eq!(contents(&folder), before, "{socket}: {error}");
    }
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/hello-world/recipe.json");
    let root = folder.join("project");
    fs::write(root.join("core.lock"), "content").unwrap();
    let mut command = Command::new(PROGRAM);
    command.arg("run").arg(recipe).arg("--root").arg(&root);
    let (status, _, error) = ended(command.arg("--socket").arg(folder.join("s")));
    assert_eq!(status, Some(1), "{error}");
    assert!(error.contains("core.lock is not a file of this program"), "{error}");
    assert_eq!(fs::read_to_string(root.join("core.lock")).unwrap(), "content");
    fs::remove_dir_all(&folder).unwrap();
}

/// The names, modes and contents of the files in a folder.
fn contents(folder: &Path) -> Vec<(String, u32, Option<String>)> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let mut contents: Vec<_> = entries
        .map(|it| {
            let mode = it.metadata().unwrap().permissions().mode();
            let is_file = it.file_type().unwrap().is_file();
            let content = is_file.then(|| fs::read_to_string(it.path()).unwrap());
            (it.file_name().into_string().unwrap(), mode, content)
        })
        .collect();
    contents.sort();
    contents
}

#[test]
fn folders_that_cannot_be_used_are_named_with_a_remedy() {
    let folder = folder("remedies");
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/hello-world/recipe.json");
    let serve = ["--component", "a"].map(OsStr::new);
    let run = [OsStr::new("run"), recipe.as_os_str(), OsStr::new("--socket"), OsStr::new("s")];
    let missing = folder.join("missing");
    let bad_root = [OsStr::new("--root"), OsStr::from_bytes(b"b\xff")];
    let bad = [OsStr::new("--socket"), OsStr::from_bytes(b"b\xff")];
    for (args, variable, expected) in [
        (serve.to_vec(), "TMPDIR", "/greengrass-local-core-"),
        (serve.to_vec(), "TMPDIR", "`--socket PATH` selects another"),
        (run.to_vec(), "TMPDIR", "cannot use a temporary folder as the root folder: "),
        (run.to_vec(), "TMPDIR", "; `--root DIR` selects another"),
        ([&serve[..], &bad].concat(), "UNUSED", "is not UTF-8"),
        ([&run[..], &bad_root].concat(), "UNUSED", "is not UTF-8"),
    ] {
        let mut command = Command::new(PROGRAM);
        command.env_remove("XDG_RUNTIME_DIR").env(variable, &missing).args(&args);
        let (status, _, error) = ended(command.current_dir(&folder));
        assert_eq!(status, Some(1), "{args:?}: {error}");
        assert!(error.contains(expected), "{args:?}: {error}");
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_runtime_folder_that_does_not_exist_is_ignored() {
    let folder = folder("runtime");
    for runtime in ["", "relative", "/nowhere"] {
        let mut command = Command::new(PROGRAM);
        command.args(["--component", "a"]).env("XDG_RUNTIME_DIR", runtime).env("TMPDIR", &folder);
        let (mut child, export) = serving(command.current_dir("/"));
        assert!(export.contains(folder.to_str().unwrap()), "{runtime:?}: {export}");
        test_util::signal(child.id(), "INT");
        assert!(child.wait().unwrap().success());
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_removed_current_folder_is_explained() {
    let mut command = Command::new("sh");
    let script = r#"d=$(mktemp -d); cd "$d"; rmdir "$d"; exec "$0" --component a --socket s"#;
    let (status, _, error) = ended(command.args(["-c", script, PROGRAM]));
    assert_eq!(status, Some(1));
    assert!(error.contains("choose an absolute path"), "{error}");
}
