//! Installs the official SDKs, pinned, into folders under `target/`, for the tests of this package.
//!
//! What is installed is kept and used again until its pins change. A machine that lacks the tool, or an
//! installation that fails, is an error that says what to do: nothing is skipped.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

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
/// The program does not build.
pub fn binary(package: &str) -> Result<PathBuf> {
    Ok(build(package, &[])?.join(package))
}

/// An example of a package, built in the same way.
///
/// # Errors
///
/// The example does not build.
pub fn example(package: &str, name: &str) -> Result<PathBuf> {
    Ok(build(package, &["--example", name])?.join("examples").join(name))
}

/// An example that needs a feature besides the default ones.
///
/// # Errors
///
/// The example does not build.
pub fn example_with(package: &str, name: &str, feature: &str) -> Result<PathBuf> {
    let what = ["--example", name, "--features", feature];
    Ok(build(package, &what)?.join("examples").join(name))
}

/// Builds, and gives the folder of the profile.
fn build(package: &str, what: &[&str]) -> Result<PathBuf> {
    let folder = target_folder()?;
    let profile = profile_folder()?;
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", package]).args(what);
    cargo.arg("--target-dir").arg(&folder);
    if profile.file_name().is_some_and(|it| it == "release") {
        cargo.arg("--release");
    }
    let output =
        cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!("{package} does not build: {}", String::from_utf8_lossy(&output.stderr));
    }
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
