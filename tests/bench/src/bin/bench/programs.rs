//! Building and installing the measured programs in `target/`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::args::Args;

/// A client with the command line of `bench-client`.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) name: &'static str,
    pub(crate) command: Vec<PathBuf>,
    pub(crate) variables: Vec<(&'static str, PathBuf)>,
    /// The divisor of the counts, greater than 1 for slow clients.
    pub(crate) share: usize,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Raw,
    Hand,
    Ours,
    Published,
}

#[derive(Debug)]
pub(crate) struct Programs {
    /// The folder of the output.
    pub(crate) folder: PathBuf,
    /// The folder of the workspace's binaries.
    binaries: PathBuf,
    pub(crate) clients: Vec<Client>,
    /// The missing clients and tools, with reasons.
    pub(crate) missing: Vec<String>,
    pub(crate) is_pinned: bool,
}

/// The folder of this package.
pub(crate) fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Programs {
    pub(crate) fn build(args: &Args) -> Result<Self> {
        let target = target_folder()?;
        let folder = target.join("bench");
        fs::create_dir_all(&folder)?;
        if args.is_smoke {
            build_for_smoke(&target)?;
        } else {
            cargo(here(), &target, args.profile, &["--package", "bench"])?;
            for side in ["tokio", "blocking"] {
                build_client(&target, args.profile, side)?;
            }
        }
        let profile = if args.profile == "dev" { "debug" } else { args.profile };
        let mut programs = Self {
            binaries: target.join(profile),
            folder,
            clients: Vec::new(),
            missing: Vec::new(),
            is_pinned: has("taskset"),
        };
        if !programs.is_pinned {
            programs.missing.push("pinning to a core, because taskset is missing".to_owned());
        }
        programs.add_own();
        if args.published {
            programs.add_published();
        }
        Ok(programs)
    }

    /// The path of a binary of the workspace.
    pub(crate) fn binary(&self, name: &str) -> PathBuf {
        self.binaries.join(name)
    }

    pub(crate) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Client> {
        self.clients.iter().filter(move |it| it.kind == kind)
    }

    fn add_own(&mut self) {
        let own = [
            ("raw socket", "bench-raw", Kind::Raw),
            ("hand-written, blocking", "bench-hand-blocking", Kind::Hand),
            ("hand-written, tokio", "bench-hand", Kind::Hand),
            ("ours, tokio", "bench-ours", Kind::Ours),
            ("ours, blocking", "bench-blocking", Kind::Ours),
        ];
        for (name, binary, kind) in own {
            let path = self.binary(binary);
            if path.exists() {
                let command = vec![path];
                self.clients.push(Client { name, command, variables: Vec::new(), share: 1, kind });
            }
        }
    }

    fn add_published(&mut self) {
        let source = here().join("published");
        let installed = [
            ("greengrass-ipc-rust", 2, rust(&source, &self.folder)),
            ("awsiotsdk, Python", 10, python(&source, &self.folder)),
            ("aws-iot-device-sdk-v2, JavaScript", 10, node(&source, &self.folder)),
        ];
        for (name, share, result) in installed {
            match result {
                Ok((command, variables)) => {
                    let kind = Kind::Published;
                    self.clients.push(Client { name, command, variables, share, kind });
                }
                Err(error) => self.missing.push(format!("{name}, because {error:#}")),
            }
        }
    }
}

type Installed = Result<(Vec<PathBuf>, Vec<(&'static str, PathBuf)>)>;

fn rust(source: &Path, folder: &Path) -> Installed {
    let target = folder.join("rust");
    cargo(&source.join("rust"), &target, "release", &[])?;
    Ok((vec![target.join("release/bench-published")], Vec::new()))
}

fn python(source: &Path, folder: &Path) -> Installed {
    let pins = here().join("../conformance/python/requirements.txt");
    let target = folder.join("python");
    if !target.exists() {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]);
        pip.arg(&target).arg("--requirement").arg(pins);
        succeed(&mut pip).inspect_err(|_| remove(&target))?;
    }
    Ok((vec!["python3".into(), source.join("bench.py")], vec![("PYTHONPATH", target)]))
}

fn node(source: &Path, folder: &Path) -> Installed {
    let pins = here().join("../conformance/node");
    let target = folder.join("node");
    if !target.exists() {
        fs::create_dir_all(&target)?;
        for file in ["package.json", "package-lock.json"] {
            fs::copy(pins.join(file), target.join(file))?;
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&target);
        succeed(&mut npm).inspect_err(|_| remove(&target))?;
    }
    let modules = target.join("node_modules");
    Ok((vec!["node".into(), source.join("bench.js")], vec![("NODE_PATH", modules)]))
}

/// Removes an incomplete installation.
fn remove(folder: &Path) {
    let _ = fs::remove_dir_all(folder);
}

/// Builds the client of a side alone, so that its dependencies have only the features that it needs.
pub(crate) fn build_client(target: &Path, profile: &str, side: &str) -> Result<()> {
    let arguments = ["--package", "bench-client", "--no-default-features", "--features", side];
    cargo(here(), target, profile, &arguments)
}

/// Builds all programs with the features of the whole workspace, so that they are not built again after `cargo test`.
fn build_for_smoke(target: &Path) -> Result<()> {
    let mut arguments = vec!["--workspace", "--examples"];
    let programs = [
        "bench-core",
        "bench-fan-out",
        "bench-hand",
        "bench-hand-blocking",
        "bench-load",
        "bench-raw",
    ];
    let clients = ["bench-ours", "bench-component", "bench-blocking", "bench-blocking-component"];
    for program in programs.into_iter().chain(clients).chain(["bench-server"]) {
        arguments.extend(["--bin", program]);
    }
    cargo(here(), target, "dev", &arguments)
}

/// Builds with cargo.
pub(crate) fn cargo(folder: &Path, target: &Path, profile: &str, args: &[&str]) -> Result<()> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--profile", profile]).args(args).current_dir(folder);
    cargo.arg("--target-dir").arg(target);
    succeed(&mut cargo)
}

/// Runs a command. The error contains the last line of its standard error.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output =
        command.stdout(Stdio::null()).output().with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        bail!("{program} failed: {}", text.trim().lines().last().unwrap_or("no output"));
    }
    Ok(())
}

/// Whether a program is installed.
pub(crate) fn has(program: &str) -> bool {
    let output = Command::new(program).arg("--version").output();
    output.is_ok_and(|it| it.status.success())
}

/// The `target` folder that contains this program.
pub(crate) fn target_folder() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    // The path is target/<profile>/bench.
    Ok(program.ancestors().nth(2).context("the program was not built by cargo")?.to_owned())
}
