//! The command line.

use std::ffi::OsString;

use anyhow::{Result, anyhow, bail};
use codegen::Words;

pub(crate) const USAGE: &str = "\
usage: cargo run -p codegen [-- ARGUMENTS]

  (no arguments)           generate the bindings of this workspace: model/ to generated/src, and
                           tests/echo/model/ to tests/echo/src
  --model PATH --out DIR   generate from a model of your own
  show [NAME]              print an operation or a shape and its Rust names; without NAME, list all
  diff OLD NEW             compare two models, and mark what breaks clients and what breaks servers

To generate:
  --check           write nothing; exit with status 1 if a generated file is not up to date
  --model PATH      a file in Smithy JSON AST, a folder whose *.json are one model, or - for standard
                    input; may be repeated
  --out DIR         the folder for the sources. Files that were not generated are never overwritten or
                    deleted: a folder that contains one is refused
  --crate NAME      DIR is a crate: the sources go to DIR/src, and DIR/Cargo.toml is written as well.
                    Other files in DIR are kept. Without --crate, DIR contains only the sources
  --runtime SOURCE  the dependency eventstream-rpc of that crate: a version, such as 0.1, or a folder.
                    By default, the folder runtime/ of this workspace
  --skip OPERATION  leave an operation out, such as one with a streaming blob; may be repeated
  --sides LIST      what to generate: any of client, blocking, server, separated by commas; default: all
  --module FILE     a handwritten module of the crate, relative to DIR, such as helpers/config.rs, which gets
                    the name of the file; may be repeated
  --connector greengrass
                    Client::connect gets its socket and token from the environment of a Greengrass component

To generate, show and compare (show also takes --model, for a model other than model/):
  --service ID      the service, such as aws.greengrass#GreengrassCoreIPC, if a model has several
  --word WORD       a word that is not split in names of fields and methods, spelled as in the model: with
                    GitHub, GitHubToken becomes github_token. IoT, IPv4, IPv6, SigV4, KiB, MiB, GiB and TiB
                    are always included; may be repeated

Other options:
  --help            print this text
  --version         print the version

NAME is a shape ID, such as aws.greengrass#QOS, the part of it after the #, or a Rust name. OLD and NEW are
files or folders, as for --model.

Exit status: 0 for success; 1 if the model has errors, --check finds an outdated file, show does not find
NAME, or diff finds a breaking change; 2 for wrong usage.
";

/// The arguments after the program's name. Each method removes what it reads.
#[derive(Debug)]
pub(crate) struct Args(pub(crate) Vec<String>);

impl Args {
    pub(crate) fn new(args: impl Iterator<Item = OsString>) -> Result<Self> {
        let args = args.map(|arg| {
            arg.into_string().map_err(|arg| anyhow!("an argument is not UTF-8: {arg:?}"))
        });
        let args: Vec<_> = args.collect::<Result<_>>()?;
        if args.iter().filter(|it| matches!(it.as_str(), "-" | "--model=-")).count() > 1 {
            bail!("standard input (-) can be read only once");
        }
        Ok(Self(args))
    }

    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let at = self.0.iter().position(|it| it == name);
        at.map(|at| self.0.remove(at)).is_some()
    }

    /// The values of an option, written `--name value` or `--name=value`.
    pub(crate) fn values(&mut self, name: &str) -> Result<Vec<String>> {
        let mut values = Vec::new();
        while let Some(at) = self.0.iter().position(|it| it.split('=').next() == Some(name)) {
            let value = match self.0.remove(at).split_once('=') {
                Some((_, value)) => value.to_owned(),
                None if self.0.get(at).is_some_and(|it| !it.starts_with("--")) => self.0.remove(at),
                None => bail!("{name} needs a value"),
            };
            if value.is_empty() && ["--model", "--out", "--runtime"].contains(&name) {
                bail!("{name} is empty: name a file or a folder");
            }
            values.push(value);
        }
        Ok(values)
    }

    /// The value of an option that may be given once.
    pub(crate) fn value(&mut self, name: &str) -> Result<Option<String>> {
        match &mut self.values(name)?[..] {
            [] => Ok(None),
            [value] => Ok(Some(std::mem::take(value))),
            _ => bail!("{name} is given twice"),
        }
    }

    pub(crate) fn words(&mut self) -> Result<Words> {
        Words::with(self.values("--word")?).map_err(|error| anyhow!("--word: {error}"))
    }

    /// The next positional argument. Options must be read first, because their values look the same.
    pub(crate) fn next(&mut self) -> Option<String> {
        let at = self.0.iter().position(|it| it == "-" || !it.starts_with('-'))?;
        Some(self.0.remove(at))
    }

    pub(crate) fn finish(self) -> Result<()> {
        match self.0.first() {
            None => Ok(()),
            Some(arg) if arg.starts_with("--") && USAGE.contains(&format!("\n  {arg} ")) => {
                bail!("{arg} cannot be used here")
            }
            Some(arg) => bail!("unknown argument {arg:?}"),
        }
    }
}
