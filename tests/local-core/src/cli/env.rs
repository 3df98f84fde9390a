//! `env`: the environment of a component of a running core.

use std::{io, os::unix::net::UnixStream, path::Path, process::ExitCode};

use super::{Ended, args::Env, print};
use crate::{exports, lock, socket};

pub(super) fn env(args: &Env) -> Ended {
    let path = match &args.socket.path {
        Some(path) => socket::absolute(path)?,
        None => socket::user_path()?,
    };
    print(read(&path, &args.name)?);
    Ok(ExitCode::SUCCESS)
}

/// Reads the lines that export the environment of a component of the core that listens on a socket.
fn read(socket: &Path, component: &str) -> Result<String, String> {
    let running = UnixStream::connect(socket).and_then(|_| lock::read(&exports::path(socket)));
    let text = running.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            format!("no core runs on {}; --socket PATH selects another socket", socket.display())
        }
        _ => error.to_string(),
    })?;
    let head = format!("# {component}");
    let exports = text.lines().skip_while(|it| *it != head).skip(1);
    let exports: String =
        exports.take_while(|it| !it.starts_with('#')).map(|it| format!("{it}\n")).collect();
    if exports.is_empty() {
        let known: Vec<_> = text.lines().filter_map(|it| it.strip_prefix("# ")).collect();
        return Err(format!("the core has no component {component}, but {}", known.join(", ")));
    }
    Ok(exports)
}
