//! A temporary workspace for generated crates, which uses the dependencies of this workspace.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{Mutex, PoisonError},
};

use codegen::GeneratedFile;

use super::{Folder, Run, finish, workspace};

pub(crate) struct Workspace<'f> {
    folder: &'f Folder,
    members: Vec<String>,
}

impl<'f> Workspace<'f> {
    pub(crate) fn new(folder: &'f Folder) -> Self {
        // The lock file gives the tested versions, and nothing needs to be downloaded.
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

    /// Adds a crate that contains generated crates as modules, which costs a fraction of the time of separate crates.
    /// They must have been generated for the crate name `NAME::MODULE`.
    pub(crate) fn add_batch(&mut self, name: &str, modules: &[(String, &[GeneratedFile])]) {
        let mut library = String::new();
        let mut limit = String::new();
        for (module, files) in modules {
            library.push_str(&format!("pub mod {module};\n"));
            for file in files.iter().filter(|it| it.path.ends_with(".rs")) {
                let path = if file.path == "lib.rs" { "mod.rs" } else { &file.path };
                // Only the root of a crate can have a recursion limit.
                let (limits, others): (Vec<_>, Vec<_>) = file
                    .contents
                    .split_inclusive('\n')
                    .partition(|it| it.contains("recursion_limit"));
                if limit.is_empty() {
                    limit = limits.concat();
                }
                let text = others.concat();
                let text = moved_into(module, &text);
                self.folder.write(&format!("{name}/src/{module}/{path}"), text);
            }
        }
        let library = format!("//! Generated crates as modules.\n{limit}\n{library}");
        self.folder.write(&format!("{name}/src/lib.rs"), library);
        self.add_generated(name, name);
    }

    /// Adds a crate whose files already exist.
    pub(crate) fn add_generated(&mut self, folder: &str, name: &str) {
        let runtime = workspace().join("runtime");
        let manifest = format!(
            "[features]\ntokio = [\"eventstream-rpc/tokio\"]\nblocking = [\"eventstream-rpc/blocking\"]\n\
             server = [\"eventstream-rpc/server\"]\n\n\
             [dependencies]\neventstream-rpc = {{ path = {runtime:?}, default-features = false, features = [\"pattern\"] }}\n\
             serde = {{ version = \"1\", features = [\"derive\"] }}\n\n\
             [dev-dependencies]\nserde_json = \"1\"\n"
        );
        // The documentation of the crate may be its README.
        self.folder.write(&format!("{folder}/README.md"), "A generated crate.\n");
        self.add_package(folder, name, "2024", &manifest);
    }

    /// Adds a crate that includes generated modules, as with a build script, and enables strict lints. `features` are
    /// those of the runtime, as in `Cargo.toml`.
    pub(crate) fn add_modules(
        &mut self,
        name: &str,
        edition: &str,
        features: &str,
        modules: &[GeneratedFile],
    ) {
        let mut library = "//! Generated modules.\n".to_owned();
        for file in modules {
            self.folder.write(&format!("{name}/generated/{}", file.path), &file.contents);
            let include = format!("include!(\"../generated/{}\");", file.path);
            library.push_str(&match file.path.split_once('/') {
                Some((module, _)) => {
                    format!("\n/// Holds one.\npub mod {module} {{ {include} }}\n")
                }
                None => format!("\n{include}\n"),
            });
        }
        self.folder.write(&format!("{name}/src/lib.rs"), library);
        let runtime = workspace().join("runtime");
        let manifest = format!(
            "[dependencies]\neventstream-rpc = {{ path = {runtime:?}, default-features = false, features = {features} }}\n\
             serde = {{ version = \"1\", features = [\"derive\"] }}\n\n\
             [lints.clippy]\nall = \"deny\"\npedantic = \"deny\"\nnursery = \"deny\"\n"
        );
        self.add_package(name, name, edition, &manifest);
    }

    /// Adds a crate with its own `Cargo.toml`.
    pub(crate) fn add_crate(&mut self, folder: &str) {
        self.members.push(folder.to_owned());
    }

    /// Adds a program that uses a crate in the folder.
    pub(crate) fn add_program(&mut self, name: &str, uses: (&str, &str), main: &str) {
        let (folder, uses) = uses;
        let runtime = workspace().join("runtime");
        let manifest = format!(
            "[dependencies]\n{uses} = {{ path = \"../{folder}\", features = [\"tokio\", \"blocking\", \"server\"] }}\n\
             eventstream-rpc = {{ path = {runtime:?}, default-features = false, features = [\"pattern\"] }}\n\
             serde = {{ version = \"1\", features = [\"derive\"] }}\n\
             tokio = {{ version = \"1\", features = [\"net\", \"rt\"] }}\n\
             tokio-stream = {{ version = \"0.1\", default-features = false }}\n"
        );
        self.folder.write(&format!("{name}/src/main.rs"), main);
        self.add_package(name, name, "2024", &manifest);
    }

    fn add_package(&mut self, folder: &str, name: &str, edition: &str, manifest: &str) {
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"{edition}\"\n\n{manifest}\n\
             [lints.rust]\nwarnings = \"deny\"\nmissing_docs = \"deny\"\nunused = \"deny\"\n"
        );
        self.folder.write(&format!("{folder}/Cargo.toml"), manifest);
        self.members.push(folder.to_owned());
    }

    /// Lints everything. Warnings are errors.
    pub(crate) fn check_code(&self) {
        self.succeed(&["check", "--workspace", "--all-features", "--keep-going"]);
    }

    /// Documents everything. Warnings are errors.
    pub(crate) fn check_documentation(&self) {
        self.succeed(&["doc", "--no-deps", "--workspace", "--all-features", "--keep-going"]);
    }

    /// Lints and compiles everything, and compiles the examples of the documentation. Warnings are errors.
    pub(crate) fn check_examples(&self) {
        self.succeed(&["test", "--doc", "--workspace", "--all-features", "--no-fail-fast"]);
    }

    fn succeed(&self, args: &[&str]) {
        let run = self.cargo(args);
        assert_eq!(run.status, 0, "{args:?}\n{}{}", run.stdout, run.stderr);
    }

    pub(crate) fn cargo(&self, args: &[&str]) -> Run {
        let manifest = format!("[workspace]\nresolver = \"3\"\nmembers = {:?}\n", self.members);
        self.folder.write("Cargo.toml", manifest);
        // All tests and runs share the compiled dependencies.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        // Cargo also lets runs wait for each other.
        static RUNNING: Mutex<()> = Mutex::new(());
        let _running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let run = finish(
            Command::new(cargo)
                .args(args)
                .args(["--offline", "--quiet", "--manifest-path"])
                .arg(self.folder.path("Cargo.toml"))
                .env("CARGO_TARGET_DIR", &target)
                // Debug information is not needed, and each crate is compiled once.
                .env("CARGO_PROFILE_DEV_DEBUG", "0")
                .env("CARGO_PROFILE_TEST_DEBUG", "0")
                // Half of the time would be spent in derive macros that are not optimised.
                .env("CARGO_PROFILE_DEV_BUILD_OVERRIDE_OPT_LEVEL", "1")
                .env("CARGO_INCREMENTAL", "0")
                // Lints what is checked or compiled, in one pass.
                .env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver"),
        );
        if args.contains(&"doc") {
            // The documentation is large and not needed.
            let _ = fs::remove_dir_all(target.join("doc"));
        }
        run
    }
}

/// The source of a crate as that of a module, with adjusted paths.
fn moved_into(module: &str, source: &str) -> String {
    let mut parts = source.split("crate::");
    let mut moved = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        moved.push_str("crate::");
        let is_root = !moved[..moved.len() - "crate::".len()]
            .ends_with(|it: char| it.is_alphanumeric() || it == '_');
        if is_root {
            moved.push_str(&format!("{module}::"));
        }
        moved.push_str(part);
    }
    moved
}
