//! Generated crates in a workspace of their own, which uses the dependencies of this one.

use std::{fs, path::Path, process::Command};

use super::{Folder, Run, finish, workspace};

pub(crate) struct Workspace<'f> {
    folder: &'f Folder,
    members: Vec<String>,
}

impl<'f> Workspace<'f> {
    pub(crate) fn new(folder: &'f Folder) -> Self {
        // The same versions as everything else is tested with, and nothing to download.
        folder.write("Cargo.lock", fs::read(workspace().join("Cargo.lock")).unwrap());
        Self { folder, members: Vec::new() }
    }

    /// Adds a crate of generated files.
    pub(crate) fn add<'t>(&mut self, name: &str, files: impl Iterator<Item = (&'t str, &'t str)>) {
        for (path, contents) in files {
            self.folder.write(&format!("{name}/src/{path}"), contents);
        }
        self.add_generated(name, name);
    }

    /// Adds a crate whose files are there already.
    pub(crate) fn add_generated(&mut self, folder: &str, name: &str) {
        let runtime = workspace().join("runtime");
        let manifest = format!(
            "[features]\ntokio = [\"eventstream-rpc/tokio\"]\nserver = [\"eventstream-rpc/server\"]\n\n\
             [dependencies]\neventstream-rpc = {{ path = {runtime:?}, default-features = false }}\n\
             serde = {{ version = \"1\", features = [\"derive\"] }}\n"
        );
        // The crate's page may be its README.
        self.folder.write(&format!("{folder}/README.md"), "A generated crate.\n");
        self.add_package(folder, name, &manifest);
    }

    /// Adds a program that uses a crate.
    pub(crate) fn add_program(&mut self, name: &str, uses: &str, main: &str) {
        let manifest = format!(
            "[dependencies]\n{uses} = {{ path = \"../generated\", features = [\"tokio\", \"server\"] }}\n"
        );
        self.folder.write(&format!("{name}/src/main.rs"), main);
        self.add_package(name, name, &manifest);
    }

    fn add_package(&mut self, folder: &str, name: &str, manifest: &str) {
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n{manifest}\n\
             [lints.rust]\nwarnings = \"deny\"\nmissing_docs = \"deny\"\nunused = \"deny\"\n"
        );
        self.folder.write(&format!("{folder}/Cargo.toml"), manifest);
        self.members.push(folder.to_owned());
    }

    pub(crate) fn cargo(&self, args: &[&str]) -> Run {
        let manifest = format!("[workspace]\nresolver = \"3\"\nmembers = {:?}\n", self.members);
        self.folder.write("Cargo.toml", manifest);
        // Dependencies are compiled once for all tests and runs.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        finish(
            Command::new(cargo)
                .args(args)
                .args(["--offline", "--quiet", "--manifest-path"])
                .arg(self.folder.path("Cargo.toml"))
                .env("CARGO_TARGET_DIR", target),
        )
    }
}
