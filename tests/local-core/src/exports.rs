//! The file beside a socket that holds the environment of the core's components.
//!
//! The file is also the lock of the socket: one core at a time has it. It contains tokens, so only this user can read it.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use eventstream_rpc::greengrass::{AUTH_TOKEN_VARIABLE, SOCKET_PATH_VARIABLE};

use crate::operations::CLI_LOGIN;

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

/// The variable with the root folder, in which the command line tool finds its login.
const ROOT_VARIABLE: &str = "GGC_ROOT_PATH";

/// A line with the name of a component, and the lines that export its environment. `root` is the root folder, if there is
/// one.
pub(crate) fn lines(component: &str, socket: &Path, token: &str, root: Option<&Path>) -> String {
    let mut text = format!("# {component}\n");
    let root = root.filter(|_| component.starts_with(CLI_LOGIN));
    let root = root.map(|it| (ROOT_VARIABLE, it.display().to_string()));
    for (name, value) in environment(socket, token).into_iter().chain(root) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "export {name}={}", quoted(&value));
    }
    text
}

/// The variables with the tokens in such a file.
pub(crate) fn tokens(text: &str) -> Vec<&str> {
    let variables = text.lines().filter_map(|it| it.strip_prefix("export "));
    variables.filter(|it| it.starts_with(AUTH_TOKEN_VARIABLE)).collect()
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
