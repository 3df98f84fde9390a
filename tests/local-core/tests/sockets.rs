//! The places of sockets, and the files beside them.

use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt, symlink},
        net::UnixListener,
    },
    path::Path,
    process::Command,
};

use crate::{
    program::{ended, folder, on_socket},
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
