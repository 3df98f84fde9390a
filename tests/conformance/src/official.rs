//! Installation of the official SDKs, in pinned versions, into folders under `target/`.
//!
//! An installation is reused until its pinned versions change. Tests that need an SDK are skipped if the
//! [tool](Tool) that installs and runs it is missing; a failed installation is an error.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, OnceLock, PoisonError},
};

use anyhow::{Context, Result, bail};

/// A tool that a test needs besides Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Python 3.8 or newer, and pip.
    Python,
    /// Node.js 20 or newer, and npm.
    Node,
}

impl Tool {
    fn title(self) -> &'static str {
        match self {
            Self::Python => "python3 with pip",
            Self::Node => "node with npm",
        }
    }

    fn is_installed(self) -> bool {
        static PYTHON: OnceLock<bool> = OnceLock::new();
        static NODE: OnceLock<bool> = OnceLock::new();
        let runs = |program: &str, args: &[&str]| {
            let output = Command::new(program).args(args).output();
            output.is_ok_and(|it| it.status.success())
        };
        *match self {
            Self::Python => PYTHON.get_or_init(|| runs("python3", &["-m", "pip", "--version"])),
            Self::Node => {
                NODE.get_or_init(|| runs("node", &["--version"]) && runs("npm", &["--version"]))
            }
        }
    }
}

/// Whether a tool is installed. If not, prints the line `skipped: needs TOOL`.
///
/// # Panics
///
/// If the tool is missing and the environment variable `REQUIRE_TOOLS` is set.
pub fn has(tool: Tool) -> bool {
    if tool.is_installed() {
        return true;
    }
    let needs = format!("needs {}", tool.title());
    assert!(std::env::var_os("REQUIRE_TOOLS").is_none(), "{needs}");
    let test = std::thread::current().name().map(|it| format!(" ({it})")).unwrap_or_default();
    // `eprintln!` would be captured while the test succeeds. A failed write is ignored.
    let _ = std::io::stderr().write_all(format!("skipped: {needs}{test}\n").as_bytes());
    false
}

/// The number of attempts of an installation: package registries fail occasionally.
const ATTEMPTS: usize = 3;

/// The folder that holds `node_modules` with the JavaScript SDK and the test runner.
///
/// # Errors
///
/// If npm is missing or the installation fails.
pub fn node_folder() -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("node");
    install("node", &source, &["package.json", "package-lock.json"], |folder| {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder);
        (npm, "the JavaScript SDK needs Node.js 20 or newer with npm: install them")
    })
}

/// The folder that holds the Python SDK, for `PYTHONPATH`.
///
/// # Errors
///
/// If Python 3 with pip is missing or the installation fails.
pub fn python_folder() -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    install("python", &source, &["requirements.txt"], |folder| {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        pip.args(["--requirement", "requirements.txt", "--target", "."]).current_dir(folder);
        (pip, "the Python SDK needs Python 3.8 or newer with pip: install them")
    })
}

/// The path of a binary of the workspace, built with the profile of the running test.
///
/// # Errors
///
/// If the workspace does not build.
pub fn binary(name: &str) -> Result<PathBuf> {
    Ok(programs()?.join(name))
}

/// The path of an example of the workspace, built with the profile of the running test.
///
/// # Errors
///
/// If the workspace does not build.
pub fn example(name: &str) -> Result<PathBuf> {
    Ok(programs()?.join("examples").join(name))
}

/// Builds all examples, the component and the local core once per test process. Returns the folder of the profile.
///
/// The build covers the whole workspace, so that its features are those of `cargo test --workspace` and nothing is
/// built twice.
fn programs() -> Result<PathBuf> {
    static IS_BUILT: Mutex<bool> = Mutex::new(false);
    let profile = profile_folder()?;
    let mut is_built = IS_BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if *is_built {
        return Ok(profile);
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--workspace", "--examples", "--bin", "hello-component"]);
    cargo.args(["--bin", "greengrass-local-core"]);
    cargo.arg("--target-dir").arg(target_folder()?);
    if profile.file_name().is_some_and(|it| it == "release") {
        cargo.arg("--release");
    }
    let output =
        cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!("the workspace does not build: {}", String::from_utf8_lossy(&output.stderr));
    }
    *is_built = true;
    Ok(profile)
}

/// Installs into a folder below `target/`, once for each set of pinned versions.
fn install(
    name: &str,
    source: &Path,
    pins: &[&str],
    command: impl Fn(&Path) -> (Command, &'static str),
) -> Result<PathBuf> {
    let root = target_folder()?.join("interop");
    fs::create_dir_all(&root).with_context(|| format!("cannot create {}", root.display()))?;
    // Several test processes may run concurrently: one installs, the others wait.
    let lock = File::create(root.join(format!("{name}.lock")))?;
    lock.lock()?;

    let folder = root.join(name);
    let is_current = pins.iter().all(|pin| {
        let installed = fs::read(folder.join("installed").join(pin)).ok();
        installed.is_some() && installed == fs::read(source.join(pin)).ok()
    });
    if is_current {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(folder.join("installed"))?;
    for pin in pins {
        fs::copy(source.join(pin), folder.join(pin))?;
    }
    run(|| command(&folder))?;
    // Copied last, so that an interrupted installation starts again.
    for pin in pins {
        fs::copy(source.join(pin), folder.join("installed").join(pin))?;
    }
    Ok(folder)
}

/// Runs a command until it succeeds, at most [`ATTEMPTS`] times.
fn run(command: impl Fn() -> (Command, &'static str)) -> Result<()> {
    let mut failure = String::new();
    for _ in 0..ATTEMPTS {
        let (mut command, what_to_do) = command();
        let output = command.output().context(what_to_do)?;
        if output.status.success() {
            return Ok(());
        }
        failure = format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    bail!("{failure}\nfailed {ATTEMPTS} times; is the package registry reachable?")
}

/// The `target` folder that contains the running test or program.
///
/// # Errors
///
/// If the program was not built by cargo.
pub fn target_folder() -> Result<PathBuf> {
    let profile = profile_folder()?;
    Ok(profile.parent().context("the profile folder has no parent")?.to_owned())
}

/// The folder of the profile that contains the running test or program.
///
/// # Errors
///
/// If the program was not built by cargo.
pub fn profile_folder() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    // Tests are in target/<profile>/deps, programs in target/<profile>.
    let folder = program.parent().context("the program was not built by cargo")?;
    let is_test = folder.file_name().is_some_and(|it| it == "deps");
    let folder = if is_test { folder.parent() } else { Some(folder) };
    Ok(folder.context("the program was not built by cargo")?.to_owned())
}
