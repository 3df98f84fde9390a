//! Artifacts in real folders, and programs that a real shell cannot run.

use std::{
    fs::{self, Permissions},
    io::{Cursor, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use zip::{ZipWriter, write::SimpleFileOptions};

use super::{Folders, archive, explain, find, install};
use crate::{
    blocking::Cancellation,
    recipe::{Access, Artifact, Diagnostic, Position, Recipe, Severity, Source},
};

const NAME: &str = "com.example.Hello";

/// A folder with artifacts, and folders to install them into.
struct Setup {
    folder: tempfile::TempDir,
    recipe: Recipe,
    to: Folders,
}

impl Setup {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let recipe = Recipe {
            component: NAME.to_owned(),
            version: "1.0.0".to_owned(),
            source: Source { file: folder.path().join("hello.yaml"), ..Source::default() },
            ..Recipe::default()
        };
        let root = folder.path().join("root");
        let to =
            Folders { artifacts: root.join("artifacts"), decompressed: root.join("unarchived") };
        Self { folder, recipe, to }
    }

    /// Writes an artifact, below the folder of `--artifacts`.
    fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.from().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn from(&self) -> PathBuf {
        self.folder.path().join("from")
    }

    /// Names an artifact in the recipe, in the line after the last one.
    fn add(&mut self, uri: &str, read: Access, execute: Access) -> &mut Artifact {
        let position = Position { line: self.recipe.artifacts.len() + 1, column: 7 };
        let artifact = Artifact { uri: uri.to_owned(), is_zip: false, read, execute, position };
        self.recipe.artifacts.push(artifact);
        self.recipe.artifacts.last_mut().unwrap()
    }

    fn add_zip(&mut self, uri: &str) {
        self.add(uri, Access::Owner, Access::None).is_zip = true;
    }

    /// Installs the artifacts. Returns the diagnostics, with names for the folders.
    fn install(&self) -> Vec<String> {
        let found = self.install_from(Some(&self.from()));
        found.iter().map(|it| self.named(&it.to_string())).collect()
    }

    fn install_from(&self, from: Option<&Path>) -> Vec<Diagnostic> {
        let (_owner, cancellation) = Cancellation::new();
        let (artifacts, mut diagnostics) = find(&self.recipe, from);
        if diagnostics.iter().all(|it| it.severity != Severity::Error) {
            diagnostics
                .extend(install(&self.recipe, &artifacts, from, &self.to, &cancellation).err());
        }
        diagnostics
    }

    /// A text with names for the folders.
    fn named(&self, text: &str) -> String {
        text.replace(self.folder.path().to_str().unwrap(), "TMP")
    }

    /// The content and the mode of an installed artifact.
    fn installed(&self, path: &str) -> (String, u32) {
        read(&self.to.artifacts.join(path))
    }
}

fn read(path: &Path) -> (String, u32) {
    let mode = fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    (fs::read_to_string(path).unwrap(), mode)
}

/// An archive with these files. One whose name ends with a slash is a folder.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn artifacts_have_the_modes_of_a_nucleus() {
    let mut setup = Setup::new();
    let modes = [
        ("a", Access::Owner, Access::None, 0o440),
        ("b", Access::All, Access::All, 0o555),
        ("c", Access::Owner, Access::Owner, 0o550),
        ("d", Access::None, Access::None, 0o400),
    ];
    for (name, read, execute, _) in modes {
        setup.write(name, name);
        setup.add(&format!("s3://bucket/folder/{name}"), read, execute);
    }
    // The second time, the files exist already.
    for _ in 0..2 {
        assert_eq!(setup.install(), [""; 0]);
        for (name, _, _, mode) in modes {
            assert_eq!(setup.installed(name), (name.to_owned(), mode));
        }
    }
}

#[test]
fn artifacts_are_found_by_version_and_by_name() {
    let mut setup = Setup::new();
    setup.write("one", "wrong");
    setup.write("com.example.Hello/1.0.0/one", "right");
    setup.write("com.example.Hello/1.0.0/folder/other", "other");
    setup.write("com.example.Hello/2.0.0/newer", "newer");
    setup.write("image.tar", "image");
    for uri in ["S3://bucket/one", "docker:example/image.tar", "docker:example/image:1.0"] {
        setup.add(uri, Access::Owner, Access::None);
    }
    let expected = "TMP/hello.yaml:3:7: warning: docker:example/image:1.0 is not pulled: pull it before the script uses it";
    assert_eq!(setup.install(), [expected]);
    assert_eq!(setup.installed("one"), ("right".to_owned(), 0o440));
    assert_eq!(setup.installed("folder/other"), ("other".to_owned(), 0o644));
    assert_eq!(setup.installed("image.tar").0, "image");
    assert!(!setup.to.artifacts.join("newer").exists());
    setup.write("com.example.Hello/1.0.0/one", "changed");
    setup.install();
    assert_eq!(setup.installed("one").0, "changed");
}

#[test]
fn a_missing_artifact_is_an_error_with_its_line() {
    let mut setup = Setup::new();
    setup.write("com.example.Hello/1.0.0/other", "");
    fs::create_dir(setup.from().join("lib")).unwrap();
    for uri in ["s3://bucket/app", "s3://bucket/lib"] {
        setup.add(uri, Access::Owner, Access::None);
    }
    let expected = [
        "TMP/hello.yaml:1:7: error: the artifact app (s3://bucket/app) is missing: put it beside the recipe, into \
         TMP/from/com.example.Hello/1.0.0, into TMP/from, or give its folder with `--artifacts DIR`",
        "TMP/hello.yaml:2:7: error: the artifact lib (s3://bucket/lib) must be a file, but TMP/from/lib is a folder",
    ];
    assert_eq!(setup.install(), expected);
    assert!(!setup.to.artifacts.exists());
    setup.recipe.artifacts.truncate(1);
    assert_eq!(setup.install_from(None).len(), 1);
    fs::write(setup.folder.path().join("app"), "beside").unwrap();
    assert_eq!(setup.install_from(None), []);
    assert_eq!(setup.installed("app").0, "beside");
}

#[test]
fn folders_that_cannot_be_written_are_errors() {
    let mut setup = Setup::new();
    setup.write("app", "");
    setup.add("s3://bucket/app", Access::Owner, Access::None);
    fs::create_dir_all(setup.to.artifacts.join("app")).unwrap();
    let found = setup.install().concat();
    assert!(
        found.starts_with("TMP/hello.yaml:1:7: error: cannot copy TMP/from/app to TMP/root/art"),
        "{found}"
    );
    fs::remove_dir_all(setup.folder.path().join("root")).unwrap();
    fs::write(setup.folder.path().join("root"), "").unwrap();
    let found = setup.install().concat();
    let expected = "TMP/hello.yaml: error: cannot copy the artifacts of com.example.Hello: TMP/root/artifacts: ";
    assert!(found.starts_with(expected), "{found}");
    let full = super::at(Path::new("/a"), &std::io::ErrorKind::StorageFull.into());
    assert!(full.contains("`--root DIR`"), "{full}");
}

#[test]
fn a_root_folder_among_the_artifacts_is_an_error() {
    let mut setup = Setup::new();
    setup.write("com.example.Hello/1.0.0/app", "");
    setup.to.artifacts = setup.from().join("com.example.Hello/1.0.0/root/packages");
    let found = setup.install().concat();
    assert!(found.contains("1.0.0 contains the root folder: give another one"), "{found}");
    assert!(!setup.to.artifacts.join("app").exists());
}

#[test]
fn archives_are_unpacked() {
    let mut setup = Setup::new();
    let files: [(&str, &[u8]); 3] =
        [("top", b"1"), ("folder/inner", b"2"), ("./same/../dot", b"3")];
    setup.write("app.v1.zip", archive(&files));
    setup.add_zip("s3://bucket/app.v1.zip");
    let unpacked = setup.to.decompressed.join("app.v1");
    fs::create_dir_all(unpacked.join("stale")).unwrap();
    assert_eq!(setup.install(), [""; 0]);
    assert_eq!(read(&unpacked.join("top")), ("1".to_owned(), 0o440));
    assert_eq!(read(&unpacked.join("folder/inner")), ("2".to_owned(), 0o440));
    assert_eq!(read(&unpacked.join("dot")), ("3".to_owned(), 0o440));
    assert!(!unpacked.join("stale").exists());
    for folder in [&unpacked, &unpacked.join("folder")] {
        assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o755);
    }
    assert!(setup.to.artifacts.join("app.v1.zip").exists());
}

#[test]
fn archives_write_nothing_outside_their_folder() {
    let mut setup = Setup::new();
    setup.add_zip("s3://bucket/app.zip");
    for name in ["../out", "a/../../out", "/out"] {
        setup.write("app.zip", archive(&[("in", b""), (name, b"")]));
        let found = setup.install().concat();
        assert!(!setup.folder.path().join("root/out").exists() && !Path::new("/out").exists());
        assert!(!setup.to.decompressed.join("out").exists());
        if name != "/out" {
            assert!(
                found.ends_with(&format!("zip: {name:?}: it leads out of the folder")),
                "{found}"
            );
            assert_eq!(fs::read_dir(&setup.to.decompressed).unwrap().count(), 0);
        }
    }
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_symlink("link", "/tmp", SimpleFileOptions::default()).unwrap();
    writer.start_file("link/out", SimpleFileOptions::default()).unwrap();
    setup.write("app.zip", writer.finish().unwrap().into_inner());
    let found = setup.install().concat();
    assert!(found.contains("zip: \"link/out\": File exists"), "{found}");
    assert!(!Path::new("/tmp/out").exists());
}

#[test]
fn archives_are_bounded() {
    let setup = Setup::new();
    let files: [(&str, &[u8]); 2] = [("a", &[0; 1000]), ("b", &[0; 1001])];
    let path = setup.write("app.zip", archive(&files));
    let (_owner, cancellation) = Cancellation::new();
    let unpack = |entries, size| {
        let limits = archive::Limits { entries, size };
        archive::unpack(&path, &setup.to.decompressed, 0o440, limits, &cancellation)
            .map_err(|it| it.to_string())
    };
    assert_eq!(unpack(1, 2001), Err("it has more than 1 entries".to_owned()));
    assert_eq!(unpack(2, 2000), Err("its files have more than 2000 bytes".to_owned()));
    // Nothing was unpacked.
    assert!(!setup.folder.path().join("root").exists());
    assert_eq!(unpack(2, 2001), Ok(()));
    for bytes in [&b""[..], b"text", &archive(&files)[..100]] {
        fs::write(&path, bytes).unwrap();
        assert!(unpack(2, 2001).is_err());
    }
}

#[test]
fn a_cancelled_installation_copies_nothing() {
    let mut setup = Setup::new();
    setup.write("app.zip", archive(&[("a", b"a")]));
    setup.add_zip("s3://bucket/app.zip");
    let (owner, cancellation) = Cancellation::new();
    drop(owner);
    let (artifacts, _) = find(&setup.recipe, Some(&setup.from()));
    let installed =
        install(&setup.recipe, &artifacts, Some(&setup.from()), &setup.to, &cancellation);
    assert!(installed.unwrap_err().to_string().ends_with("cancelled"));
    assert_eq!(fs::read_dir(&setup.to.artifacts).unwrap().count(), 0);
    let path = setup.from().join("app.zip");
    let unpacked =
        archive::unpack(&path, &setup.to.decompressed, 0o440, archive::LIMITS, &cancellation);
    assert_eq!(unpacked.unwrap_err().to_string(), "\"a\": cancelled");
}

/// Runs a script and explains its status.
#[track_caller]
fn check_explanation(setup: &Setup, script: &str, expected: &str) {
    let script = script.replace("TMP", setup.folder.path().to_str().unwrap());
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let status = output.status.code().unwrap();
    let explanation = explain(status, &script, setup.folder.path(), &setup.to.artifacts);
    let explanation = explanation.map(|it| setup.named(&it)).unwrap_or_default();
    assert!(explanation.contains(expected) && !expected.is_empty(), "{status}: {explanation}");
}

#[test]
fn a_program_that_does_not_run_is_explained() {
    let mut setup = Setup::new();
    for (name, content) in [
        ("app", "#!/bin/sh\n"),
        ("no-interpreter", "#!/usr/bin/no-such-program -x\n"),
        ("no-env", "#!/usr/bin/env -S A=1 no-such-program -x\n"),
        ("windows", "#!/bin/sh\r\n"),
    ] {
        setup.write(name, content);
        let execute = if name == "app" { Access::None } else { Access::Owner };
        setup.add(&format!("s3://bucket/{name}"), Access::Owner, execute);
    }
    assert_eq!(setup.install(), [""; 0]);
    let is_not_executable = "app is not executable: give its artifact `Permission`";
    check_explanation(&setup, "A=1 TMP/root/artifacts/app --flag", is_not_executable);
    check_explanation(&setup, "exec \"TMP/root/artifacts/app\"", is_not_executable);
    check_explanation(&setup, "TMP/from/app", "make it executable, for example with chmod");
    let text = "there is no /usr/bin/no-such-program: install it";
    check_explanation(&setup, "TMP/root/artifacts/no-interpreter", text);
    check_explanation(
        &setup,
        "TMP/root/artifacts/no-env",
        "there is no no-such-program: install it",
    );
    check_explanation(&setup, "TMP/root/artifacts/windows", "end with CR LF");
    let text = "there is no artifact other: the artifacts are app, no-env, no-interpreter, windows";
    check_explanation(&setup, "TMP/root/artifacts/other", text);
}

#[test]
#[cfg(target_os = "linux")]
fn a_program_for_another_system_is_explained() {
    let setup = Setup::new();
    let mut program = fs::read(std::env::current_exe().unwrap()).unwrap();
    program.truncate(4096);
    let write = |program: &[u8]| {
        let path = setup.write("app", program);
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    };
    let at = program.windows(4).position(|it| it == b"/lib").expect("it has a loader");
    program[at + 4] = b'X';
    write(&program);
    check_explanation(&setup, "TMP/from/app", "app needs /libX");
    // The machine.
    program[18] ^= 1;
    write(&program);
    check_explanation(&setup, "TMP/from/app", "app is a program for another processor");
}

#[test]
fn other_ends_are_not_explained() {
    let setup = Setup::new();
    let explained =
        |status, script| explain(status, script, setup.folder.path(), &setup.to.artifacts);
    assert_eq!(explained(1, "/bin/sh -c 'exit 1'"), None);
    assert_eq!(explained(126, "/bin/sh -c 'exit 126'"), None);
    assert_eq!(explained(2, "/bin/sh -c '('"), None);
    for script in ["/bin/sh -c 'exit 127'", "no-such-program"] {
        let explanation = explained(127, script).unwrap();
        assert!(explanation.starts_with("a program that the script names was not found"));
    }
}
