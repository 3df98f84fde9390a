//! The command line.

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use codegen::{
    Config, Connector, Sides, Words,
    program::{self, Runtime, check_crate},
};

/// How the program is used.
pub(crate) const USAGE: &str = "\
usage: cargo run -p codegen [-- ARGUMENTS]

  (no arguments)           generate the bindings of this workspace: model/ to generated/src, and
                           tests/echo/model/ to tests/echo/src
  --model PATH --out DIR   generate from a model of your own
  show [NAME]              print an operation or a shape, and what it is in Rust; without NAME, list all
  diff OLD NEW             compare two models, and say what breaks clients and what breaks servers
  --help, --version        print this text, or the version

To generate:
  --check           write nothing; exit with status 1 if a generated file is not up to date
  --model PATH      a file in Smithy JSON AST, a folder whose *.json are one model, or - for standard
                    input; may be repeated
  --out DIR         where the sources go. Files that were not generated are never overwritten or deleted:
                    a folder that holds one is refused
  --crate NAME      DIR is a crate: the sources go to DIR/src, and DIR/Cargo.toml is written as well.
                    What else DIR holds is yours and stays. Without --crate, DIR has the sources alone
  --runtime PLACE   where that crate finds eventstream-rpc: a version, such as 0.1, or a folder. Without
                    it, the folder runtime/ of this workspace
  --skip OPERATION  leave an operation out, such as one with a streaming blob; may be repeated
  --sides LIST      what is generated, of client, blocking, server (as in --sides client); all by default
  --connector greengrass
                    Client::connect finds its socket and token as a Greengrass component does

Also to show and to compare:
  --service ID      the service, such as aws.greengrass#GreengrassCoreIPC, if a model has several
  --word WORD       a word that stays in one piece in names of fields and methods, spelled as in the model:
                    with GitHub, GitHubToken is github_token. Besides IoT, IPv4, IPv6, SigV4, KiB, MiB, GiB
                    and TiB; may be repeated
  --model PATH      for show: another model than model/

NAME is a shape ID, such as aws.greengrass#QOS, or its end, or what it is called in Rust. OLD and NEW are
files or folders, as for --model.

Exit status: 0; 1 if a model is refused, --check finds something stale, show does not know NAME, or diff
finds something that breaks; 2 for wrong usage.";

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Version,
    Generate {
        targets: Vec<Target>,
        /// Whether to compare only.
        is_check: bool,
        /// The command that writes what a check finds stale.
        repeat: String,
    },
    Show {
        models: Vec<PathBuf>,
        service: Option<String>,
        words: Words,
        name: Option<String>,
    },
    Diff {
        old: PathBuf,
        new: PathBuf,
        service: Option<String>,
        words: Words,
    },
}

/// A model and the crate that it becomes.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) models: Vec<PathBuf>,
    /// The folder of the sources.
    pub(crate) sources: PathBuf,
    pub(crate) manifest: Option<Manifest>,
    pub(crate) config: Config,
}

/// The `Cargo.toml` of a crate of its own.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// Where it goes.
    pub(crate) folder: PathBuf,
    pub(crate) runtime: Runtime,
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
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Command, UsageError> {
    let mut given = Given::collect(args)?;
    if given.take_flag("--help") {
        return Ok(Command::Help);
    }
    if given.take_flag("--version") {
        return Ok(Command::Version);
    }
    given.check_paths()?;
    let mut words = std::mem::take(&mut given.words).into_iter();
    let command = match words.next() {
        None => given.generate()?,
        Some(word) if word == "show" => given.show(words.next())?,
        Some(word) if word == "diff" => given.diff(words.next(), words.next())?,
        Some(word) if given.options.iter().any(|it| it.0 == "--model") => {
            let word = word.to_string_lossy();
            let message = format!("repeat --model: each takes one path, and {word:?} is one more");
            return Err(UsageError(message));
        }
        Some(word) => return Err(unknown(&word)),
    };
    match (words.next(), given.options.first(), given.flags.first()) {
        (Some(word), ..) => Err(unknown(&word)),
        (_, Some((name, _)), _) | (_, _, Some(name)) => {
            Err(UsageError(format!("{name} has no meaning here")))
        }
        _ => Ok(command),
    }
}

fn unknown(word: &OsString) -> UsageError {
    UsageError(format!("unknown argument {:?}", word.to_string_lossy()))
}

const FLAGS: [&str; 3] = ["--check", "--help", "--version"];

const OPTIONS: [&str; 9] = [
    "--model",
    "--out",
    "--crate",
    "--runtime",
    "--skip",
    "--sides",
    "--connector",
    "--service",
    "--word",
];

/// Those that may be given more than once.
const REPEATED: [&str; 3] = ["--model", "--skip", "--word"];

/// The arguments, sorted; what is understood is taken out.
#[derive(Default)]
struct Given {
    words: Vec<OsString>,
    flags: Vec<&'static str>,
    options: Vec<(&'static str, OsString)>,
}

impl Given {
    fn collect(args: impl Iterator<Item = OsString>) -> Result<Self, UsageError> {
        let mut given = Self::default();
        let mut args = args.peekable();
        while let Some(arg) = args.next() {
            let text = arg.to_string_lossy().into_owned();
            let (name, inline) = match text.split_once('=') {
                Some((name, value)) => (name, Some(OsString::from(value))),
                None => (if text == "-h" { "--help" } else { &*text }, None),
            };
            if let (Some(name), None) = (FLAGS.iter().find(|it| **it == name), &inline) {
                given.flags.push(name);
            } else if let Some(name) = OPTIONS.iter().find(|it| **it == name) {
                let is_value = |it: &OsString| !it.to_string_lossy().starts_with("--");
                let Some(value) = inline.or_else(|| args.next_if(is_value)) else {
                    return Err(UsageError(format!("{name} needs a value")));
                };
                if !REPEATED.contains(name) && given.options.iter().any(|it| it.0 == *name) {
                    return Err(UsageError(format!("{name} is given twice")));
                }
                given.options.push((name, value));
            } else if text.starts_with('-') && text != "-" {
                return Err(unknown(&arg));
            } else {
                given.words.push(arg);
            }
        }
        Ok(given)
    }

    /// Refuses paths that are empty, and to read standard input twice.
    fn check_paths(&self) -> Result<(), UsageError> {
        let options = |names: &'static [&str]| {
            self.options.iter().filter(|it| names.contains(&it.0)).map(|(name, it)| (*name, it))
        };
        let is_diff = self.words.first().is_some_and(|it| it == "diff");
        let words = self.words.iter().skip(1).filter(|_| is_diff).map(|it| ("a path", it));
        let paths = options(&["--model", "--out", "--runtime"]).chain(words.clone());
        if let Some((name, _)) = paths.clone().find(|it| it.1.is_empty()) {
            return Err(UsageError(format!("{name} is empty: name a file or a folder")));
        }
        match options(&["--model"]).chain(words).filter(|it| it.1 == "-").count() {
            0 | 1 => Ok(()),
            _ => Err(UsageError("standard input (-) can be read once".to_owned())),
        }
    }

    fn take_flag(&mut self, name: &str) -> bool {
        let count = self.flags.len();
        self.flags.retain(|it| *it != name);
        self.flags.len() < count
    }

    fn take(&mut self, name: &str) -> Option<OsString> {
        let index = self.options.iter().position(|it| it.0 == name)?;
        Some(self.options.remove(index).1)
    }

    fn take_text(&mut self, name: &str) -> Option<String> {
        self.take(name).map(|it| it.to_string_lossy().into_owned())
    }

    fn take_models(&mut self) -> Vec<PathBuf> {
        std::iter::from_fn(|| self.take("--model")).map(PathBuf::from).collect()
    }

    fn take_words(&mut self) -> Result<Words, UsageError> {
        let words: Vec<_> = std::iter::from_fn(|| self.take_text("--word")).collect();
        Words::with(words).map_err(|it| UsageError(format!("--word: {it}")))
    }

    fn generate(&mut self) -> Result<Command, UsageError> {
        let repeat = self.repeat();
        let is_check = self.take_flag("--check");
        if self.options.is_empty() {
            return Ok(Command::Generate { targets: workspace(), is_check, repeat });
        }
        let models = self.take_models();
        if models.is_empty() {
            return Err(UsageError("--model is missing".to_owned()));
        }
        let Some(out) = self.take("--out").map(PathBuf::from) else {
            return Err(UsageError("--out is missing".to_owned()));
        };
        let crate_name = self.take_text("--crate");
        let mut config = Config::new(match &crate_name {
            Some(name) => check_crate(name).map(|()| name.clone()).map_err(|why| {
                UsageError(format!("{name:?} cannot be the name of a crate: {why}"))
            })?,
            None => holder(&out).unwrap_or_else(|| "client".to_owned()),
        });
        config.service = self.take_text("--service");
        config.skip = std::iter::from_fn(|| self.take_text("--skip")).collect();
        config.words = self.take_words()?;
        config.connector = match self.take_text("--connector").as_deref() {
            None => Connector::None,
            Some("greengrass") => Connector::Greengrass,
            Some(name) => return Err(UsageError(format!("there is no connector {name:?}"))),
        };
        if let Some(list) = self.take_text("--sides") {
            config.sides = sides(&list)?;
        }
        let runtime = self.take_text("--runtime");
        let manifest = match (crate_name, runtime) {
            (None, Some(_)) => return Err(UsageError("--runtime needs --crate".to_owned())),
            (None, None) => None,
            (Some(_), place) => {
                Some(Manifest { folder: out.clone(), runtime: runtime_at(place, &out) })
            }
        };
        let sources = if manifest.is_some() { out.join("src") } else { out };
        let target = Target { models, sources, manifest, config };
        Ok(Command::Generate { targets: vec![target], is_check, repeat })
    }

    fn show(&mut self, name: Option<OsString>) -> Result<Command, UsageError> {
        let mut models = self.take_models();
        if models.is_empty() {
            models.push(root().join("model"));
        }
        let name = name.map(|it| it.to_string_lossy().into_owned());
        let (service, words) = (self.take_text("--service"), self.take_words()?);
        Ok(Command::Show { models, service, words, name })
    }

    fn diff(
        &mut self,
        old: Option<OsString>,
        new: Option<OsString>,
    ) -> Result<Command, UsageError> {
        let (Some(old), Some(new)) = (old, new) else {
            return Err(UsageError(
                "diff needs two models, the old one and the new one".to_owned(),
            ));
        };
        let (service, words) = (self.take_text("--service"), self.take_words()?);
        Ok(Command::Diff { old: old.into(), new: new.into(), service, words })
    }

    /// The command that generates, with these options, for a shell in the current folder.
    fn repeat(&self) -> String {
        let mut command = "cargo run".to_owned();
        if !std::env::current_dir().is_ok_and(|it| it.starts_with(root())) {
            let manifest = root().join("Cargo.toml");
            command.push_str(&format!(" --manifest-path {}", quoted(&manifest.to_string_lossy())));
        }
        command.push_str(" -p codegen");
        for (index, (name, value)) in self.options.iter().enumerate() {
            let separator = if index == 0 { " --" } else { "" };
            let value = quoted(&value.to_string_lossy());
            command.push_str(&format!("{separator} {name} {value}"));
        }
        command
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "/._-+=:@%,".contains(it);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
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
            sources: root.join("generated").join("src"),
            manifest: None,
            config: greengrass,
        },
        Target {
            models: vec![root.join("tests").join("echo").join("model")],
            sources: root.join("tests").join("echo").join("src"),
            manifest: None,
            config: Config::new("echo"),
        },
    ]
}

fn sides(list: &str) -> Result<Sides, UsageError> {
    let mut sides = Sides::NONE;
    for name in list.split(',') {
        match name.trim() {
            "client" => sides.client = true,
            "blocking" => sides.blocking = true,
            "server" => sides.server = true,
            name => {
                return Err(UsageError(format!(
                    "there is no side {name:?}: there are client, blocking and server"
                )));
            }
        }
    }
    Ok(sides)
}

/// What `--runtime` means: a version begins with a digit or an operator, such as `0.1` or `=0.1.3`.
fn runtime_at(place: Option<String>, crate_folder: &Path) -> Runtime {
    let folder = match place {
        Some(place)
            if place.starts_with(|it: char| it.is_ascii_digit() || "=^~<>*".contains(it)) =>
        {
            return Runtime::Version(place);
        }
        Some(place) => PathBuf::from(place),
        None => root().join("runtime"),
    };
    // Relative to the crate, so that both can be moved together.
    let real = |it: &Path| program::real(it).unwrap_or_else(|_| it.to_owned());
    let way = program::way(&real(crate_folder), &real(&folder));
    Runtime::Folder(way.unwrap_or_else(|| folder.to_string_lossy().into_owned()))
}

/// The name of the folder that holds `out`, if a crate can be called so.
fn holder(out: &Path) -> Option<String> {
    let real = program::real(out).ok()?;
    let name = real.parent()?.file_name()?.to_string_lossy().into_owned();
    check_crate(&name).is_ok().then_some(name)
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
