//! The command line.

use std::{collections::VecDeque, ffi::OsString, fmt, path::PathBuf};

use anyhow::Result;
use codegen::Words;

/// What the program can do.
pub(crate) const USAGE: &str = "\
usage: cargo run -p codegen [-- ARGUMENTS]

  (no arguments)           generate the bindings of this workspace: model/ to generated/src, and
                           tests/echo/model/ to tests/echo/src
  --model PATH --out DIR   generate from a model of your own
  show [NAME]              print an operation or a shape, and what it is in Rust; without NAME, list all
  diff OLD NEW             compare two models, and say what breaks clients and what breaks servers
  --help, --version        print this text, or the version
";

/// The options: a text for people, and what [`Args::parse`] goes by. An option takes a value if its name
/// has a word after it, and can be given several times if it says "may be repeated".
pub(crate) const OPTIONS: &str = "
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

To generate, to show and to compare (show has --model too, for another model than model/):
  --service ID      the service, such as aws.greengrass#GreengrassCoreIPC, if a model has several
  --word WORD       a word that stays in one piece in names of fields and methods, spelled as in the model:
                    with GitHub, GitHubToken is github_token. Besides IoT, IPv4, IPv6, SigV4, KiB, MiB, GiB
                    and TiB; may be repeated

In place of all others:
  --help            print this text
  --version         print the version

NAME is a shape ID, such as aws.greengrass#QOS, or its end, or what it is called in Rust. OLD and NEW are
files or folders, as for --model.

Exit status: 0; 1 if a model is refused, --check finds something stale, show does not know NAME, or diff
finds something that breaks; 2 for wrong usage.
";

struct Opt {
    /// Without the dashes.
    name: &'static str,
    takes_value: bool,
    is_repeated: bool,
}

impl Opt {
    fn find(name: &str) -> Option<Self> {
        let entries = OPTIONS.split("\n\n").flat_map(|section| section.split("\n  --").skip(1));
        let mut options = entries.map(|entry| {
            let (usage, help) = entry.split_once("  ").unwrap_or((entry, ""));
            let mut words = usage.split_whitespace();
            let name = words.next().unwrap_or_default();
            let is_repeated = help.contains("may be repeated");
            Self { name, takes_value: words.next().is_some(), is_repeated }
        });
        options.find(|option| option.name == name)
    }
}

/// The arguments after the program's name. What is understood is taken out.
#[derive(Debug, Default)]
pub(crate) struct Args {
    words: VecDeque<String>,
    /// The options by name without dashes, in order; those without a value with an empty one.
    pub(crate) options: Vec<(&'static str, String)>,
}

impl Args {
    pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Self> {
        let args = args.map(|arg| {
            arg.into_string().or_else(|arg| usage(format!("an argument is not UTF-8: {arg:?}")))
        });
        let mut args = args.collect::<Result<Vec<_>>>()?.into_iter().peekable();
        let mut parsed = Self::default();
        while let Some(arg) = args.next() {
            let (name, inline) = match arg.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (if arg == "-h" { "--help" } else { &*arg }, None),
            };
            let option = name.strip_prefix("--").and_then(Opt::find);
            match option.filter(|it| it.takes_value || inline.is_none()) {
                Some(option) if parsed.has(option.name) && !option.is_repeated => {
                    return usage(format!("{name} is given twice"));
                }
                Some(option) if !option.takes_value => {
                    parsed.options.push((option.name, String::new()));
                }
                Some(option) => {
                    let next = || args.next_if(|it| !it.starts_with("--"));
                    let Some(value) = inline.or_else(next) else {
                        return usage(format!("{name} needs a value"));
                    };
                    if value.is_empty() && matches!(option.name, "model" | "out" | "runtime") {
                        return usage(format!("{name} is empty: name a file or a folder"));
                    }
                    parsed.options.push((option.name, value));
                }
                None if arg.starts_with('-') && arg != "-" => return unknown(&arg),
                None => parsed.words.push_back(arg),
            }
        }
        let models = parsed.options.iter().filter(|it| it.0 == "model").map(|it| &it.1);
        match models.chain(&parsed.words).filter(|it| *it == "-").count() {
            0 | 1 => Ok(parsed),
            _ => usage("standard input (-) can be read once"),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.options.iter().any(|it| it.0 == name)
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let index = self.options.iter().position(|it| it.0 == name)?;
        Some(self.options.remove(index).1)
    }

    pub(crate) fn take_all(&mut self, name: &str) -> Vec<String> {
        std::iter::from_fn(|| self.take(name)).collect()
    }

    pub(crate) fn take_paths(&mut self, name: &str) -> Vec<PathBuf> {
        self.take_all(name).into_iter().map(PathBuf::from).collect()
    }

    pub(crate) fn take_words(&mut self) -> Result<Words> {
        let words = Words::with(self.take_all("word"));
        words.or_else(|error| usage(format!("--word: {error}")))
    }

    /// The next argument that is no option.
    pub(crate) fn next_word(&mut self) -> Option<String> {
        self.words.pop_front()
    }

    /// Checks that everything has been taken out.
    pub(crate) fn finish(self) -> Result<()> {
        match (self.words.front(), self.options.first()) {
            (Some(word), _) => unknown(word),
            (None, Some((name, _))) => usage(format!("--{name} has no meaning here")),
            (None, None) => Ok(()),
        }
    }
}

/// Why the command line was not understood.
#[derive(Debug)]
pub(crate) struct UsageError(String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

pub(crate) fn usage<T>(message: impl Into<String>) -> Result<T> {
    Err(UsageError(message.into()).into())
}

pub(crate) fn unknown<T>(word: &str) -> Result<T> {
    usage(format!("unknown argument {word:?}"))
}
