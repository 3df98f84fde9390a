//! The clients under test, and how their drivers are started.

use std::{path::Path, process::Stdio};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::official;

/// A client under test: a column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// This project's asynchronous client.
    Ours,
    /// This project's blocking client.
    OursBlocking,
    /// The official Python SDK, its first client.
    PythonV1,
    /// The official Python SDK, its second client.
    PythonV2,
    /// The official JavaScript SDK.
    JavaScript,
    /// The crate `greengrass-ipc-rust`.
    GreengrassIpcRust,
    /// The crate `greengrass-ipc`.
    GreengrassIpc,
}

impl Column {
    /// All clients, in the order of the table.
    pub const ALL: [Self; 7] = [
        Self::Ours,
        Self::OursBlocking,
        Self::PythonV1,
        Self::PythonV2,
        Self::JavaScript,
        Self::GreengrassIpcRust,
        Self::GreengrassIpc,
    ];

    /// The title of the column.
    pub fn title(self) -> &'static str {
        match self {
            Self::Ours => "client here",
            Self::OursBlocking => "blocking client here",
            Self::PythonV1 => "Python V1",
            Self::PythonV2 => "Python V2",
            Self::JavaScript => "JavaScript",
            Self::GreengrassIpcRust => "`greengrass-ipc-rust`",
            Self::GreengrassIpc => "`greengrass-ipc`",
        }
    }

    /// The command that starts the client's driver. Installs or builds what the driver needs.
    ///
    /// # Errors
    ///
    /// If the installation or the build fails.
    pub fn driver(self) -> Result<Command> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("drivers");
        let mut command = match self {
            Self::Ours | Self::OursBlocking => {
                let mut command = Command::new(own_program()?);
                command.arg("driver");
                if self == Self::OursBlocking {
                    command.arg("blocking");
                }
                command
            }
            Self::PythonV1 | Self::PythonV2 => {
                let mut command = Command::new("python3");
                command.env("PYTHONPATH", official::python_folder()?).arg(folder.join("driver.py"));
                command.arg(if self == Self::PythonV1 { "v1" } else { "v2" });
                command
            }
            Self::JavaScript => {
                let mut command = Command::new("node");
                command.env("NODE_PATH", official::node_folder()?.join("node_modules"));
                command.arg(folder.join("driver.js"));
                command
            }
            Self::GreengrassIpcRust => Command::new(crate_driver("driver-greengrass-ipc-rust")?),
            Self::GreengrassIpc => Command::new(crate_driver("driver-greengrass-ipc")?),
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        Ok(command)
    }
}

/// The binary `conformance`: the current process, or the binary beside the running test.
fn own_program() -> Result<std::path::PathBuf> {
    let name = format!("conformance{}", std::env::consts::EXE_SUFFIX);
    let program = official::profile_folder()?.join(name);
    if !program.exists() {
        bail!("{} is missing: build this package", program.display());
    }
    Ok(program)
}

/// The driver of another crate. The drivers are a separate workspace with its own lock file.
fn crate_driver(name: &str) -> Result<std::path::PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("drivers/crates");
    let target = official::target_folder()?.join("conformance");
    let output = std::process::Command::new(env!("CARGO"))
        .args(["build", "--release", "--quiet", "--locked", "--package", name, "--target-dir"])
        .arg(&target)
        // Overrides the toolchain that the crate selects for its development.
        .env("RUSTC", Path::new(env!("CARGO")).with_file_name("rustc"))
        .current_dir(source)
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!("{name} does not build: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(target.join("release").join(name))
}
