//! Installs the official SDKs, pinned, into folders under `target/`, for the tests of this package.
//!
//! What is installed is kept and used again until its pins change. A test that needs an SDK is skipped on a
//! machine that lacks the [tool](Tool) to install and run it; an installation that fails is an error.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, OnceLock, PoisonError},
};

use anyhow::{Context, Result, bail};

/// What a test needs besides Rust.
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

    fn is_there(self) -> bool {
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

/// Whether a test can run that needs this tool. If not, it prints the line `skipped: needs TOOL`.
///
/// # Panics
///
/// If the tool is missing and the environment has `REQUIRE_TOOLS`: then nothing may be skipped.
pub fn has(tool: Tool) -> bool {
    if tool.is_there() {
        return true;
    }
    let needs = format!("needs {}", tool.title());
    assert!(std::env::var_os("REQUIRE_TOOLS").is_none(), "{needs}");
    let test = std::thread::current().name().map(|it| format!(" ({it})")).unwrap_or_default();
    // Not with `eprintln!`, which is captured as long as a test succeeds. Whether it is read is all the same.
    let _ = std::io::stderr().write_all(format!("skipped: {needs}{test}\n").as_bytes());
    false
}

/// How often an installation is tried: package registries fail now and then.
const ATTEMPTS: usize = 3;

/// The folder that holds `node_modules` with the JavaScript SDK and the test runner.
///
/// # Errors
///
/// No npm, or an installation that fails.
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
/// No Python 3 with pip, or an installation that fails.
pub fn python_folder() -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    install("python", &source, &["requirements.txt"], |folder| {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        pip.args(["--requirement", "requirements.txt", "--target", "."]).current_dir(folder);
        (pip, "the Python SDK needs Python 3.8 or newer with pip: install them")
    })
}

/// A program of the workspace, built for the profile that the test was built for.
///
/// # Errors
///
/// The workspace does not build.
pub fn binary(name: &str) -> Result<PathBuf> {
    Ok(programs()?.join(name))
}

/// An example of the workspace, built in the same way.
///
/// # Errors
///
/// The workspace does not build.
pub fn example(name: &str) -> Result<PathBuf> {
    Ok(programs()?.join("examples").join(name))
}

/// Builds every example and the component, once for each process of tests; the folder of the profile.
///
/// They are built for the whole workspace, tests included: what `cargo test` has built has the same features, and
/// is not built a second time.
fn programs() -> Result<PathBuf> {
    static IS_BUILT: Mutex<bool> = Mutex::new(false);
    let profile = profile_folder()?;
    let mut is_built = IS_BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if *is_built {
        return Ok(profile);
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--workspace", "--examples", "--bin", "hello-component"]);
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

/// Installs into a folder of its own below `target/`, once for each state of the pins.
fn install(
    name: &str,
    source: &Path,
    pins: &[&str],
    command: impl Fn(&Path) -> (Command, &'static str),
) -> Result<PathBuf> {
    let root = target_folder()?.join("interop");
    fs::create_dir_all(&root).with_context(|| format!("cannot create {}", root.display()))?;
    // Tests run as several processes at once: one installs, the others wait for it.
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
    // Last, so that an installation that was interrupted starts over.
    for pin in pins {
        fs::copy(source.join(pin), folder.join("installed").join(pin))?;
    }
    Ok(folder)
}

/// Runs a command until it succeeds, [`ATTEMPTS`] times at most.
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
    bail!("{failure}\nit was tried {ATTEMPTS} times; is the package registry within reach?")
}

/// The workspace's `target` folder: the one that this test or program was built into.
///
/// # Errors
///
/// It was not built by cargo.
pub fn target_folder() -> Result<PathBuf> {
    let profile = profile_folder()?;
    Ok(profile.parent().context("a profile has a folder below another")?.to_owned())
}

/// The folder of the profile, where programs are: the one that this test or program was built into.
///
/// # Errors
///
/// It was not built by cargo.
pub fn profile_folder() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    // target/<profile>/deps/<test> or target/<profile>/<program>
    let folder = program.parent().context("it was not started by cargo")?;
    let is_test = folder.file_name().is_some_and(|it| it == "deps");
    let folder = if is_test { folder.parent() } else { Some(folder) };
    Ok(folder.context("it was not started by cargo")?.to_owned())
}
