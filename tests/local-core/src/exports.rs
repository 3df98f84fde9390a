//! The file beside a socket that holds the environment of the core's components.
//!
//! The file is also the lock of the socket: one core at a time has it. It contains tokens, so only this user can read it.

use std::{
    fmt::Write,
    io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use eventstream_rpc::greengrass::{AUTH_TOKEN_VARIABLE, SOCKET_PATH_VARIABLE};

use crate::lock;

/// The path of the file of a socket.
pub(crate) fn path(socket: &Path) -> PathBuf {
    let mut path = socket.as_os_str().to_owned();
    path.push(".env");
    path.into()
}

/// The environment variables of a component.
pub(crate) fn environment(socket: &Path, token: &str) -> [(&'static str, String); 2] {
    [(SOCKET_PATH_VARIABLE, socket.display().to_string()), (AUTH_TOKEN_VARIABLE, token.to_owned())]
}

/// A line with the name of a component, and the lines that export its environment.
pub(crate) fn lines(component: &str, socket: &Path, token: &str) -> String {
    let mut text = format!("# {component}\n");
    for (name, value) in environment(socket, token) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "export {name}={}", quoted(&value));
    }
    text
}

/// Reads the lines that export the environment of a component of the core that listens on a socket.
pub(crate) fn read(socket: &Path, component: &str) -> Result<String, String> {
    let running = UnixStream::connect(socket).and_then(|_| lock::read(&path(socket)));
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

/// Quotes a value for a shell.
pub(crate) fn quoted(value: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "/._-+=:@%".contains(it);
    if value.chars().all(is_plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}
