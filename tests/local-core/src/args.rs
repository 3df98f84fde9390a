//! The command line.

use std::{ffi::OsString, path::PathBuf};

pub(crate) const USAGE: &str = "\
usage: greengrass-local-core --component NAME… [--config NAME=JSON…] [--socket PATH]

Serves Greengrass IPC for components that are developed without a nucleus, until Ctrl-C or SIGTERM. Prints, for
each component, the two lines that put its socket and token into the environment of a shell. Each start makes
new tokens.

  --component NAME     a component that may connect; may be repeated
  --config NAME=JSON   the configuration with which a component starts: a JSON object, or the path of a file
                       that holds one; may be repeated. Implies --component NAME
  --socket PATH        where to listen, one core at a time; default: greengrass-local-core-UID/ipc.socket in
                       $XDG_RUNTIME_DIR, or in the folder for temporary files
  --help               this text

Exit status: 0, or 1 for something that cannot be served, or 2 for wrong usage.";

#[derive(Debug, Default)]
pub(crate) struct Args {
    pub(crate) components: Vec<String>,
    /// Each component with a JSON object or the path of a file that holds one.
    pub(crate) configurations: Vec<(String, String)>,
    pub(crate) socket: Option<PathBuf>,
}

#[derive(Debug)]
pub(crate) enum Parsed {
    Run(Args),
    Help,
}

impl Args {
    pub(crate) fn parse(mut words: impl Iterator<Item = OsString>) -> Result<Parsed, String> {
        let mut args = Self::default();
        while let Some(word) = words.next() {
            let option = word.to_string_lossy().into_owned();
            let mut value = || words.next().ok_or(format!("{option} needs a value"));
            match &*option {
                "--component" => args.components.push(text(value()?)?),
                "--config" => {
                    let value = text(value()?)?;
                    let (name, json) = value
                        .split_once('=')
                        .ok_or(format!("--config takes NAME=JSON, not {value:?}"))?;
                    args.configurations.push((name.to_owned(), json.to_owned()));
                }
                "--socket" => args.socket = Some(value()?.into()),
                "--help" | "-h" => return Ok(Parsed::Help),
                _ => return Err(format!("{option:?} is not an option")),
            }
        }
        if args.components.is_empty() && args.configurations.is_empty() {
            return Err("name a component: --component com.example.Hello".to_owned());
        }
        Ok(Parsed::Run(args))
    }
}

fn text(word: OsString) -> Result<String, String> {
    word.into_string().map_err(|word| format!("{word:?} is not UTF-8"))
}
