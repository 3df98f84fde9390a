//! The command line.

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use codegen::{Config, Connector};

/// How the program is used.
pub(crate) const USAGE: &str = "\
usage: cargo run -p codegen [-- [--check] [--model PATH… --out DIR [--service ID] [--crate NAME]]]

Without --model, the bindings of this workspace are generated: model/*.json to generated/src, and
tests/echo/model/*.json to tests/echo/src.

  --check         write nothing; exit with status 1 if a generated file is not up to date
  --model PATH    a Smithy JSON AST model, or a folder of *.json that is one model; may be repeated
  --out DIR       where the sources go; a folder that holds other files is refused
  --service ID    the service, such as aws.greengrass#GreengrassCoreIPC, if the model has several
  --crate NAME    the crate that the sources are for; without it, the folder that holds DIR
  --help          this text

Exit status: 0, or 1 for a refused model or a stale --check, or 2 for wrong usage.";

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Write,
    Check,
    Help,
}

/// The command line, understood.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) command: Command,
    pub(crate) targets: Vec<Target>,
    /// The command that writes what `--check` finds stale.
    pub(crate) repeat: String,
}

/// A model and the crate that it becomes.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) models: Vec<PathBuf>,
    pub(crate) out: PathBuf,
    pub(crate) config: Config,
}

/// Why the command line was not understood.
#[derive(Debug)]
pub(crate) struct UsageError(String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Understands the arguments after the program's name.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Args, UsageError> {
    let mut command = Command::Write;
    let mut models = Vec::new();
    let (mut out, mut service, mut crate_name) = (None, None, None);
    let mut repeat = "cargo run -p codegen".to_owned();
    let mut args = args.peekable();
    while let Some(arg) = args.next() {
        let name = arg.to_string_lossy().into_owned();
        match &*name {
            "--check" => command = Command::Check,
            "--help" | "-h" => {
                return Ok(Args { command: Command::Help, targets: Vec::new(), repeat });
            }
            "--model" | "--out" | "--service" | "--crate" => {
                let is_value = |it: &OsString| !it.to_string_lossy().starts_with("--");
                let Some(value) = args.next_if(is_value) else {
                    return Err(UsageError(format!("{name} needs a value")));
                };
                let separator = if repeat.ends_with("codegen") { " --" } else { "" };
                repeat.push_str(&format!("{separator} {name} {}", value.to_string_lossy()));
                let text = value.to_string_lossy().into_owned();
                let earlier = match &*name {
                    "--model" => {
                        models.push(PathBuf::from(value));
                        None
                    }
                    "--out" => out.replace(value),
                    "--service" => service.replace(text).map(OsString::from),
                    _ => crate_name.replace(text).map(OsString::from),
                };
                if earlier.is_some() {
                    return Err(UsageError(format!("{name} is given twice")));
                }
            }
            _ => return Err(UsageError(format!("unknown argument {name:?}"))),
        }
    }
    if let Some(name) = &crate_name
        && !is_crate_name(name)
    {
        return Err(UsageError(format!("{name:?} cannot be the name of a crate")));
    }
    let targets = match (models.is_empty(), out) {
        (true, None) if service.is_none() && crate_name.is_none() => workspace(),
        (false, Some(out)) => vec![own(models, out.into(), service, crate_name)],
        (true, _) => return Err(UsageError("--model is missing".to_owned())),
        (false, None) => return Err(UsageError("--out is missing".to_owned())),
    };
    Ok(Args { command, targets, repeat })
}

/// The crates of this workspace.
fn workspace() -> Vec<Target> {
    let root = root();
    let mut greengrass = Config::new("greengrass-core-ipc");
    greengrass.connector = Connector::Greengrass;
    greengrass.readme = true;
    vec![
        Target {
            models: vec![root.join("model")],
            out: root.join("generated").join("src"),
            config: greengrass,
        },
        Target {
            models: vec![root.join("tests").join("echo").join("model")],
            out: root.join("tests").join("echo").join("src"),
            config: Config::new("echo"),
        },
    ]
}

fn own(
    models: Vec<PathBuf>,
    out: PathBuf,
    service: Option<String>,
    name: Option<String>,
) -> Target {
    let absolute = std::path::absolute(&out).unwrap_or_else(|_| out.clone());
    let holder = absolute.parent().and_then(Path::file_name);
    let holder = holder.map(|it| it.to_string_lossy().into_owned()).filter(|it| is_crate_name(it));
    let mut config = Config::new(name.or(holder).unwrap_or_else(|| "client".to_owned()));
    config.service = service;
    Target { models, out, config }
}

fn is_crate_name(name: &str) -> bool {
    name.starts_with(|it: char| it.is_ascii_alphabetic())
        && name.chars().all(|it| it.is_ascii_alphanumeric() || it == '-' || it == '_')
}

/// The folder of the workspace: the one above this package, when it was compiled.
fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// A path as it is written from the folder of the workspace, with forward slashes, if it is inside: what
/// diagnostics and generated files say is the same wherever the workspace is.
pub(crate) fn relative(path: &Path) -> String {
    let inside = path.strip_prefix(root()).unwrap_or(path);
    inside.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/")
}
