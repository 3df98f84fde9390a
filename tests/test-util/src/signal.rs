//! Signals to other processes.

use std::process::Command;

/// Sends a signal, such as `TERM`, to a process.
///
/// # Panics
///
/// If there is no such process.
pub fn signal(pid: u32, name: &str) {
    // `kill` is built into every shell; minimal systems have no program of that name.
    let mut shell = Command::new("sh");
    let status = shell.args(["-c", "kill -s $0 $1", name, &pid.to_string()]).status();
    assert!(status.is_ok_and(|it| it.success()), "cannot send {name} to process {pid}");
}
