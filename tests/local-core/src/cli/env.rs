//! `env`: the environment of a component of a running core.

use std::process::ExitCode;

use super::{Ended, args::Env, print};
use crate::{exports, socket};

pub(super) fn print_exports(args: &Env) -> Ended {
    let path = match &args.socket.path {
        Some(path) => std::path::absolute(path)?,
        None => socket::user_path()?,
    };
    print(exports::read(&path, &args.name)?);
    Ok(ExitCode::SUCCESS)
}
