//! The process of a script, with all its descendants.
//!
//! This module knows neither recipes nor states of components: it starts a shell and ends its process tree.

pub(crate) mod environment;
mod lines;
#[cfg(feature = "cli")]
pub(crate) mod orphans;
mod output;
mod tree;

#[cfg(test)]
mod tests;

use output::Stream;
pub(crate) use output::{Console, Output};

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, ChildStdin, Command},
    task::JoinSet,
};

use lines::Lines;
use tree::Tree;

/// A script to start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script<'a> {
    /// The component that the script belongs to.
    pub(crate) component: &'a str,
    /// The step, such as `Run`.
    pub(crate) step: &'a str,
    /// The text for the shell.
    pub(crate) text: &'a str,
    /// The variables that are added to the environment of this process. The last of several with one name is used.
    pub(crate) environment: &'a [(String, String)],
    /// The working folder. It is created with mode 0700 if it does not exist.
    pub(crate) folder: &'a Path,
}

/// The time after the end of a script in which its output is read to its end, and written.
///
/// Processes that the script leaves behind may keep the output open for longer.
const OUTPUT_TIME: Duration = Duration::from_millis(100);
/// The time between two looks at the processes of a tree that is to end.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A running or ended script. Dropping it kills all processes of its tree.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    tree: Tree,
    /// Never written: a script that reads its input waits.
    _stdin: Option<ChildStdin>,
    readers: JoinSet<()>,
    is_killed: bool,
}

impl Process {
    /// Starts a script with `sh -c`, in a process group of its own and with the umask 0022.
    ///
    /// # Errors
    ///
    /// If the working folder cannot be created, or the shell cannot be started.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O enabled.
    pub(crate) fn start(script: &Script<'_>, output: &Output) -> io::Result<Self> {
        create_work_folder(script.folder)?;
        let mark = crate::random::token();
        // The first shell sets the umask, which a parent cannot do for its child alone, and becomes the second. Their
        // path does not depend on the variables of the script.
        let mut child = Command::new("/bin/sh")
            .args(["-c", r#"umask 0022; exec /bin/sh -c "$1" sh"#, "sh", script.text])
            .current_dir(script.folder)
            .envs(script.environment.iter().map(|(name, value)| (name, value)))
            .env(tree::MARK_VARIABLE, &mark)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| explained(&error))?;
        let id = child.id().and_then(|it| i32::try_from(it).ok()).and_then(Pid::from_raw);
        let group = id.ok_or_else(|| io::Error::other("the shell has no process id"))?;
        let mut readers = JoinSet::new();
        if let Some(stdout) = child.stdout.take() {
            readers.spawn(read(stdout, output.of(script, Stream::Stdout)));
        }
        if let Some(stderr) = child.stderr.take() {
            readers.spawn(read(stderr, output.of(script, Stream::Stderr)));
        }
        let _stdin = child.stdin.take();
        Ok(Self { child, tree: Tree::new(group, mark), _stdin, readers, is_killed: false })
    }

    /// Waits until the script has ended. Processes that it has started may still run.
    ///
    /// # Errors
    ///
    /// If the operating system fails.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: a later call returns the same status.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        let read_all = async { while self.readers.join_next().await.is_some() {} };
        // An error means that another process still has the output open.
        let _ = tokio::time::timeout(OUTPUT_TIME, read_all).await;
        Ok(status)
    }

    /// Waits until no process of the tree is left. Reaps the script.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub(crate) async fn ended(&mut self) {
        // An error means that there is no such process.
        let _ = self.wait().await;
        while self.is_alive() {
            if self.is_killed {
                // A process could have started another one meanwhile.
                self.tree.kill();
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Whether the script or any process that it has started runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(Some(_))) || self.tree.is_alive()
    }

    /// Asks all processes of the tree to end, with SIGTERM.
    pub(crate) fn terminate(&mut self) {
        self.tree.signal(Signal::TERM);
    }

    /// Stops all processes of the tree until [`Self::resume`], with SIGSTOP.
    pub(crate) fn pause(&mut self) {
        self.tree.pause();
    }

    /// Continues all processes of the tree, with SIGCONT.
    pub(crate) fn resume(&mut self) {
        self.tree.signal(Signal::CONT);
    }

    /// Kills all processes of the tree, with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.is_killed = true;
        self.tree.kill();
    }
}

/// Kills the processes of components that a core has left behind, because it was killed. They have these variables.
pub(crate) fn kill_left_behind(variables: &[&str]) {
    if variables.is_empty() {
        return;
    }
    let killed = tree::kill_left_behind(variables);
    if killed > 0 {
        tracing::warn!("killed {killed} processes of components, whose core had been killed");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.is_alive() {
            self.kill();
        }
        // A slow console takes the last lines later.
        self.readers.detach_all();
    }
}

fn create_work_folder(folder: &Path) -> io::Result<()> {
    let created = match folder.parent() {
        Some(parent) => std::fs::create_dir_all(parent),
        None => Ok(()),
    };
    match created.and_then(|()| DirBuilder::new().mode(0o700).create(folder)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => {
            let text = format!(
                "cannot create the working folder {}: {error}; `--root DIR` selects another place",
                folder.display()
            );
            Err(io::Error::new(error.kind(), text))
        }
        Ok(()) => Ok(()),
    }
}

/// An error of starting a shell, with what can be done.
fn explained(error: &io::Error) -> io::Error {
    let remedy = match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
        Some(rustix::io::Errno::TOOBIG) => {
            ": the script and the environment are too long; put the script into an artifact"
        }
        Some(rustix::io::Errno::AGAIN) => ": this user may not start more processes",
        _ => "",
    };
    io::Error::new(error.kind(), format!("cannot start the shell: {error}{remedy}"))
}

/// Passes each line of a stream on until the stream ends.
async fn read(mut stream: impl AsyncRead + Unpin, sink: output::Sink) {
    let mut lines = Lines::default();
    let mut buffer = vec![0; 8 * 1024];
    // An error is an end as well: nothing more can be read.
    while let Ok(len @ 1..) = stream.read(&mut buffer).await {
        for line in lines.split(&buffer[..len]) {
            sink.line(line).await;
        }
    }
    if let Some(line) = lines.last() {
        sink.line(line).await;
    }
    // The end of the script is logged after its lines.
    sink.flush().await;
}
