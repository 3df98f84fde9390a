//! Signals to other processes.

use std::process::Command;

/// Sends a signal, such as `TERM`, to a process.
///
/// # Panics
///
/// If there is no such process.
pub fn signal(pid: u32, name: &str) {
    // Every shell has the command; as a program it is missing on small systems.
    let mut shell = Command::new("sh");
    let status = shell.args(["-c", "kill -s $0 $1", name, &pid.to_string()]).status();
    assert!(status.is_ok_and(|it| it.success()), "no signal {name} to process {pid}");
}
