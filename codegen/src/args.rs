//! The command line.

use std::ffi::OsString;

use anyhow::{Result, anyhow, bail};
use codegen::Words;

pub(crate) const USAGE: &str = "\
usage: cargo run -p codegen [-- ARGUMENTS]

  (no arguments)           generate the bindings of this workspace: model/ to generated/src, and
                           tests/echo/model/ to tests/echo/src
  --model PATH --out DIR   generate from a model of your own
  show [NAME]              print an operation or a shape, and what it is in Rust; without NAME, list all
  diff OLD NEW             compare two models, and say what breaks clients and what breaks servers

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

/// The arguments after the program's name. What is understood is taken out.
#[derive(Debug)]
pub(crate) struct Args(pub(crate) Vec<String>);

impl Args {
    pub(crate) fn new(args: impl Iterator<Item = OsString>) -> Result<Self> {
        let args = args.map(|arg| {
            arg.into_string().map_err(|arg| anyhow!("an argument is not UTF-8: {arg:?}"))
        });
        let args: Vec<_> = args.collect::<Result<_>>()?;
        if args.iter().filter(|it| matches!(it.as_str(), "-" | "--model=-")).count() > 1 {
            bail!("standard input (-) can be read once");
        }
        Ok(Self(args))
    }

    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let at = self.0.iter().position(|it| it == name);
        at.map(|at| self.0.remove(at)).is_some()
    }

    /// The values of an option, each after it or after an equals sign.
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

    /// The value of an option that is given once, if at all.
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

    /// The next argument that is no option. The options have been taken out, as it may be the value of one.
    pub(crate) fn next(&mut self) -> Option<String> {
        let at = self.0.iter().position(|it| it == "-" || !it.starts_with('-'))?;
        Some(self.0.remove(at))
    }

    pub(crate) fn finish(self) -> Result<()> {
        match self.0.first() {
            None => Ok(()),
            Some(arg) if arg.starts_with("--") && USAGE.contains(&format!("\n  {arg} ")) => {
                bail!("{arg} has no meaning here")
            }
            Some(arg) => bail!("unknown argument {arg:?}"),
        }
    }
}
