//! Folders to work in, runs of the program, and crates to compile.

#![allow(dead_code, unused_imports, reason = "not every test file uses all of it")]

mod compile;

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

pub(crate) use compile::Workspace;

/// The root of this workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A folder of a test's own, empty when the test starts.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        // Unit of isolation is the test binary and the name.
        let binary = std::env::current_exe().unwrap();
        let binary = binary.file_stem().unwrap().to_string_lossy();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&*binary).join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    /// The absolute path of a file or folder inside.
    pub(crate) fn path(&self, inside: &str) -> String {
        self.0.join(inside).to_string_lossy().into_owned()
    }

    pub(crate) fn write(&self, inside: &str, contents: impl AsRef<[u8]>) {
        let path = self.0.join(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    /// What a folder inside holds, in order.
    pub(crate) fn names(&self, inside: &str) -> impl Iterator<Item = String> {
        let entries = fs::read_dir(self.0.join(inside)).unwrap();
        let mut names: Vec<_> =
            entries.map(|it| it.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names.into_iter()
    }
}

/// The model of the echo service.
pub(crate) fn echo_model() -> String {
    fs::read_to_string(workspace().join("tests/echo/model/echo.json")).unwrap()
}

/// Generates the echo crate into `echo/src`; the arguments that do it again.
pub(crate) fn generate_echo(folder: &Folder) -> Vec<String> {
    folder.write("model/echo.json", echo_model());
    let args = ["--model", &folder.path("model"), "--out", &folder.path("echo/src")];
    let first = run(&args);
    assert_eq!(first.status, 0, "{first:?}");
    args.map(str::to_owned).to_vec()
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Run {
    /// -1 if a signal ended it.
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn run(args: &[impl AsRef<OsStr>]) -> Run {
    run_in(env!("CARGO_MANIFEST_DIR"), args)
}

pub(crate) fn run_in(folder: &str, args: &[impl AsRef<OsStr>]) -> Run {
    finish(Command::new(PROGRAM).args(args).current_dir(folder))
}

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_codegen");

pub(crate) fn finish(command: &mut Command) -> Run {
    let output = command.output().unwrap();
    Run {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A file, by all that tells whether it is the same one.
#[derive(Debug, PartialEq)]
pub(crate) struct File {
    pub(crate) text: Vec<u8>,
    modified: SystemTime,
    id: u64,
}

/// Every file below a folder.
pub(crate) fn tree(folder: &str) -> BTreeMap<String, File> {
    let mut files = BTreeMap::new();
    let mut pending = vec![PathBuf::from(folder)];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let (path, metadata) = (entry.path(), entry.metadata().unwrap());
            if metadata.is_dir() {
                pending.push(path);
                continue;
            }
            let text = fs::read(&path).unwrap();
            let file = File { text, modified: metadata.modified().unwrap(), id: id(&metadata) };
            files.insert(path.to_string_lossy().into_owned(), file);
        }
    }
    files
}

#[cfg(unix)]
fn id(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn id(_: &fs::Metadata) -> u64 {
    0
}
