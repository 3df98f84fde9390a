//! The command line.

use std::{collections::VecDeque, ffi::OsString, path::PathBuf};

use anyhow::{Result, anyhow, bail};
use codegen::Words;

/// What the program can do.
pub(crate) const USAGE: &str = "\
usage: cargo run -p codegen [-- ARGUMENTS]

  (no arguments)           generate the bindings of this workspace: model/ to generated/src, and
                           tests/echo/model/ to tests/echo/src
  --model PATH --out DIR   generate from a model of your own
  show [NAME]              print an operation or a shape, and what it is in Rust; without NAME, list all
  diff OLD NEW             compare two models, and say what breaks clients and what breaks servers
";

/// The options: a text for people, and what [`option`] goes by. An option takes a value if its name has a
/// word after it, and can be given several times if it says "may be repeated".
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

/// The name of an option, whether it takes a value, and whether it may be repeated.
fn option(name: &str) -> Option<(&'static str, bool, bool)> {
    let mut options = OPTIONS.split("\n  --").skip(1).map(|entry| {
        let (usage, help) = entry.split_once("  ").unwrap_or((entry, ""));
        let (name, value) = usage.trim().split_once(' ').unwrap_or((usage, ""));
        (name, !value.is_empty(), help.contains("may be repeated"))
    });
    options.find(|it| it.0 == name)
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
            arg.into_string().map_err(|arg| anyhow!("an argument is not UTF-8: {arg:?}"))
        });
        let mut args = args.collect::<Result<Vec<_>>>()?.into_iter().peekable();
        let mut parsed = Self::default();
        while let Some(arg) = args.next() {
            let (flag, inline) = match arg.split_once('=') {
                Some((flag, value)) => (flag, Some(value.to_owned())),
                None => (if arg == "-h" { "--help" } else { &*arg }, None),
            };
            let option = flag.strip_prefix("--").and_then(option);
            let Some((name, takes_value, is_repeated)) =
                option.filter(|(_, takes_value, _)| *takes_value || inline.is_none())
            else {
                if arg.starts_with('-') && arg != "-" {
                    bail!("unknown argument {arg:?}");
                }
                parsed.words.push_back(arg);
                continue;
            };
            if !is_repeated && parsed.has(name) {
                bail!("{flag} is given twice");
            }
            let value = match takes_value {
                true => inline.or_else(|| args.next_if(|it| !it.starts_with("--"))),
                false => Some(String::new()),
            };
            let Some(value) = value else { bail!("{flag} needs a value") };
            if value.is_empty() && matches!(name, "model" | "out" | "runtime") {
                bail!("{flag} is empty: name a file or a folder");
            }
            parsed.options.push((name, value));
        }
        let models = parsed.options.iter().filter(|it| it.0 == "model").map(|it| &it.1);
        if models.chain(&parsed.words).filter(|it| *it == "-").count() > 1 {
            bail!("standard input (-) can be read once");
        }
        Ok(parsed)
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
        Words::with(self.take_all("word")).map_err(|error| anyhow!("--word: {error}"))
    }

    /// The next argument that is no option.
    pub(crate) fn next_word(&mut self) -> Option<String> {
        self.words.pop_front()
    }

    /// Checks that everything has been taken out.
    pub(crate) fn finish(self) -> Result<()> {
        match (self.words.front(), self.options.first()) {
            (Some(word), _) => bail!("unknown argument {word:?}"),
            (None, Some((name, _))) => bail!("--{name} has no meaning here"),
            (None, None) => Ok(()),
        }
    }
}
