//! Signals to other processes.

use std::{
    process::Command,
    sync::mpsc::{RecvTimeoutError, Sender, channel},
};

use crate::TIMEOUT;

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

/// Kills a process after [`TIMEOUT`] unless it is dropped, so that a test that waits for the process fails.
#[derive(Debug)]
pub struct Watchdog {
    _dropped: Sender<()>,
}

impl Watchdog {
    /// Begins to watch a child process of the test.
    pub fn new(pid: u32) -> Self {
        let (_dropped, is_dropped) = channel::<()>();
        std::thread::spawn(move || {
            if is_dropped.recv_timeout(TIMEOUT) == Err(RecvTimeoutError::Timeout) {
                eprintln!("process {pid} is killed after {TIMEOUT:?}; all processes:");
                // Ignored: minimal systems have no such program.
                let columns = "pid,lwp,ppid,pgid,sid,stat,wchan:24,etimes,args";
                let _ = Command::new("ps").args(["-e", "-L", "-o", columns]).status();
                signal(pid, "KILL");
            }
        });
        Self { _dropped }
    }
}
