//! Parsing of the command line.

use std::{ffi::OsString, path::PathBuf};

pub(crate) const USAGE: &str = "\
usage: greengrass-local-core --component NAME… [--config NAME=JSON…]
                             [--deny-by-default] [--socket PATH]

Serves Greengrass IPC for the development of components without a nucleus, until Ctrl-C or SIGTERM. For each
component, prints two lines that export the socket path and the token in a shell. Each start creates new tokens.

  --component NAME     a component that may connect; may be repeated
  --config NAME=JSON   the initial configuration of a component: a JSON object, or the path of a file that
                       contains one; may be repeated. Implies --component NAME
  --deny-by-default    denies each call that needs a permission and has none, as a device does. Default: only if a
                       configuration contains an accessControl
  --socket PATH        the socket to listen on, used by one core at a time; default:
                       greengrass-local-core-UID/ipc.socket in $XDG_RUNTIME_DIR or the temporary folder
  --help               prints this text

Exit status: 0 after Ctrl-C or SIGTERM, 1 if the core cannot start or fails, 2 for invalid arguments.";

#[derive(Debug, Default)]
pub(crate) struct Args {
    pub(crate) components: Vec<String>,
    /// Pairs of a component and its configuration: a JSON object, or the path of a file that contains one.
    pub(crate) configurations: Vec<(String, String)>,
    pub(crate) denies_by_default: bool,
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
                        .ok_or(format!("--config expects NAME=JSON, not {value:?}"))?;
                    args.configurations.push((name.to_owned(), json.to_owned()));
                }
                "--deny-by-default" => args.denies_by_default = true,
                "--socket" => args.socket = Some(value()?.into()),
                "--help" | "-h" => return Ok(Parsed::Help),
                _ => return Err(format!("unknown option {option:?}")),
            }
        }
        if args.components.is_empty() && args.configurations.is_empty() {
            return Err("no component; add one, such as --component com.example.Hello".to_owned());
        }
        Ok(Parsed::Run(args))
    }
}

fn text(word: OsString) -> Result<String, String> {
    word.into_string().map_err(|word| format!("{word:?} is not UTF-8"))
}
