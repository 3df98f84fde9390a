//! The models to generate from, and where the output goes.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use codegen::{
    Config, Connector, Runtime, Sides,
    program::{check_crate, check_module, real, relative},
};

use crate::args::Args;

/// A model and the crate to generate from it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) models: Vec<String>,
    /// The folder of the crate if a manifest is generated, otherwise that of the sources.
    pub(crate) out: PathBuf,
    pub(crate) config: Config,
}

impl Target {
    /// The target that the arguments describe, or the targets of this workspace if there are no arguments.
    pub(crate) fn all(mut args: Args) -> Result<Vec<Self>> {
        if args.0.is_empty() {
            return Ok(workspace());
        }
        let (models, out) = (args.values("--model")?, args.value("--out")?);
        let (name, runtime) = (args.value("--crate")?, args.value("--runtime")?);
        let (connector, list) = (args.value("--connector")?, args.value("--sides")?);
        let (service, skip) = (args.value("--service")?, args.values("--skip")?);
        let (words, modules) = (args.words()?, args.values("--module")?);
        match args.next() {
            Some(word) if !models.is_empty() => {
                bail!("--model takes one path: repeat it for {word:?}")
            }
            Some(word) => bail!("unknown argument {word:?}"),
            None => args.finish()?,
        }
        if models.is_empty() {
            bail!("--model is missing");
        }
        let Some(out) = out.map(PathBuf::from) else { bail!("--out is missing") };
        let mut config = match (name, runtime) {
            (None, Some(_)) => bail!("--runtime needs --crate"),
            (None, None) => Config::new(parent_name(&out).unwrap_or_else(|| "client".to_owned())),
            (Some(name), runtime) => {
                if let Err(why) = check_crate(&name) {
                    bail!("{name:?} cannot be the name of a crate: {why}");
                }
                let mut config = Config::new(name);
                config.runtime = Some(runtime_at(runtime, &out));
                config
            }
        };
        (config.service, config.skip, config.words) = (service, skip, words);
        let sources = if config.runtime.is_some() { "../" } else { "" };
        for module in modules {
            if let Err(why) = check_module(&module) {
                bail!("{module:?} cannot be a module of the crate: {why}");
            }
            config.modules.push(format!("{sources}{module}"));
        }
        config.connector = match connector.as_deref() {
            None => Connector::None,
            Some("greengrass") => Connector::Greengrass,
            Some(name) => bail!("unknown connector {name:?}; expected greengrass"),
        };
        if let Some(list) = list {
            config.sides = sides(&list)?;
        }
        Ok(vec![Self { models, out, config }])
    }
}

fn workspace() -> Vec<Target> {
    let target = |model: &str, out: &str, config| Target {
        models: vec![format!("{}/{model}", root().display())],
        out: root().join(out),
        config,
    };
    let mut greengrass = Config::new("greengrass-core-ipc");
    greengrass.connector = Connector::Greengrass;
    greengrass.readme = true;
    let modules = ["component", "config", "guide", "messages", "shadow"];
    greengrass.modules = modules.iter().map(|it| format!("../helpers/{it}.rs")).collect();
    vec![
        target("model", "generated/src", greengrass),
        target("tests/echo/model", "tests/echo/src", Config::new("echo")),
    ]
}

fn sides(list: &str) -> Result<Sides> {
    list.split(',').try_fold(Sides::NONE, |sides, name| match name.trim() {
        "client" => Ok(sides.with_client()),
        "blocking" => Ok(sides.with_blocking()),
        "server" => Ok(sides.with_server()),
        name => bail!("unknown side {name:?}; expected client, blocking or server"),
    })
}

/// Parses `--runtime`: a version such as `0.1` or `=0.1.3` begins with a digit or an operator; others are folders.
fn runtime_at(place: Option<String>, crate_folder: &Path) -> Runtime {
    let is_version =
        |it: &str| it.starts_with(|first: char| first.is_ascii_digit() || "=^~<>*".contains(first));
    let folder = match place {
        Some(place) if is_version(&place) => return Runtime::Version(place),
        Some(place) => PathBuf::from(place),
        None => root().join("runtime"),
    };
    // Relative to the crate, so that both can be moved together.
    let (crate_folder, real_folder) = (real(crate_folder), real(&folder));
    let folders = crate_folder.ok().zip(real_folder.ok());
    let path = folders.and_then(|(from, to)| relative_path(&from, &to));
    Runtime::Folder(path.unwrap_or_else(|| folder.to_string_lossy().into_owned()))
}

/// The relative path between two absolute folders; `None` if they are on different drives.
fn relative_path(from: &Path, to: &Path) -> Option<String> {
    let shared = from.components().zip(to.components()).take_while(|(from, to)| from == to).count();
    let up = from.components().skip(shared).map(|_| "..".into());
    let down = to.components().skip(shared).map(|it| it.as_os_str().to_string_lossy());
    (shared > 0).then(|| up.chain(down).collect::<Vec<_>>().join("/"))
}

/// The name of the parent folder of `out`, if a crate can have it.
fn parent_name(out: &Path) -> Option<String> {
    let real = real(out).ok()?;
    let name = real.parent()?.file_name()?.to_string_lossy().into_owned();
    check_crate(&name).is_ok().then_some(name)
}

/// The folder of this workspace when the program was compiled.
pub(crate) fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// A path for messages: relative to this workspace if it is inside.
pub(crate) fn shown(path: &Path) -> String {
    relative(path, root())
}

/// The shell command that generates with these arguments from the current folder.
pub(crate) fn command(args: &Args) -> String {
    let mut command = "cargo run".to_owned();
    if !std::env::current_dir().is_ok_and(|it| it.starts_with(root())) {
        let manifest = root().join("Cargo.toml");
        command += &format!(" --manifest-path {}", quoted(&manifest.to_string_lossy()));
    }
    command += if args.0.is_empty() { " -p codegen" } else { " -p codegen --" };
    command + &args.0.iter().map(|arg| format!(" {}", quoted(arg))).collect::<String>()
}

fn quoted(word: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "/._-+=:@%,".contains(it);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
