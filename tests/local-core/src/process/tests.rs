//! Scripts of a real shell.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitStatus,
};

use test_util::{in_time, poll_once};
use tokio::sync::mpsc;

use super::{Console, Output, Process, Script, output::ConsoleStream};

const COMPONENT: &str = "com.example.Hello";

/// A folder for scripts, and what they print.
struct Shell {
    folder: tempfile::TempDir,
    output: Output,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Shell {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (sender, lines) = mpsc::unbounded_channel();
        let writer = || Box::new(Lines(sender.clone()));
        let stream = || ConsoleStream { writer: writer(), is_coloured: false };
        let console = Console { stdout: stream(), stderr: stream() };
        let output = Output::start(folder.path().join("logs"), Some(console)).unwrap();
        Self { folder, output, lines }
    }

    /// A shell whose console stalls after the first line, until the second value is dropped.
    fn stalled() -> (Self, std::sync::mpsc::Sender<()>) {
        let mut shell = Self::new();
        let (over, is_over) = std::sync::mpsc::channel();
        let (sender, lines) = mpsc::unbounded_channel();
        shell.lines = lines;
        let stream = |writer| ConsoleStream { writer, is_coloured: true };
        let stdout = stream(Box::new(Stalled(Lines(sender), is_over)));
        let console = Console { stdout, stderr: stream(Box::new(io::sink())) };
        shell.output = Output::start(shell.folder.path().join("logs"), Some(console)).unwrap();
        (shell, over)
    }

    fn work_folder(&self) -> PathBuf {
        self.folder.path().join("work").join(COMPONENT)
    }

    fn start(&self, text: &str) -> Process {
        self.start_with(text, &[]).unwrap()
    }

    fn start_with(&self, text: &str, environment: &[(String, String)]) -> io::Result<Process> {
        let folder = &self.work_folder();
        let script = Script { component: COMPONENT, step: "Run", text, environment, folder };
        Process::start(&script, &self.output)
    }

    async fn run(&self, text: &str) -> ExitStatus {
        wait(&mut self.start(text)).await
    }

    /// The next line on the console, without the name.
    async fn line(&mut self) -> String {
        let line = in_time("a line", self.lines.recv()).await.unwrap();
        let text = line.strip_prefix(COMPONENT).and_then(|it| it.strip_prefix(" | "));
        text.and_then(|it| it.strip_suffix('\n')).expect(&line).to_owned()
    }

    /// The lines of the file, without times.
    async fn log(&self) -> Vec<String> {
        in_time("the lines are written", self.output.flush()).await;
        let path = self.folder.path().join(format!("logs/{COMPONENT}.log"));
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|it| it.split_once("Z ").unwrap().1.to_owned()).collect()
    }
}

/// A writer that sends each line.
struct Lines(mpsc::UnboundedSender<String>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(String::from_utf8(bytes.to_vec()).unwrap()).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A writer that stalls after each line until the receiver has a message or is closed.
struct Stalled(Lines, std::sync::mpsc::Receiver<()>);

impl Write for Stalled {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.0.write(bytes)?;
        // An error means that the sender is dropped.
        let _ = self.1.recv();
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn wait(process: &mut Process) -> ExitStatus {
    in_time("the script ends", process.wait()).await.unwrap()
}

async fn ended(process: &mut Process) {
    in_time("all processes end", process.ended()).await;
}

/// Whether a process runs. One that has ended and that its parent has not reaped does not.
fn is_running(id: &str) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(id).join("stat"));
    stat.is_ok_and(|it| !it.contains(") Z ") && !it.contains(") X "))
}

#[tokio::test]
async fn the_shell_has_the_environment_of_a_nucleus() {
    let mut shell = Shell::new();
    let environment = [("A", "$HOME"), ("B", "1"), ("B", "2")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let script = r#"pwd -P; echo "$0 $A $B $PATH"; umask; ls -ld . | cut -c 1-10"#;
    let mut process = shell.start_with(script, &environment).unwrap();
    assert!(wait(&mut process).await.success());
    assert_eq!(shell.line().await, shell.work_folder().canonicalize().unwrap().to_str().unwrap());
    assert_eq!(shell.line().await, format!("sh $HOME 2 {}", std::env::var("PATH").unwrap()));
    assert_eq!(shell.line().await, "0022");
    assert_eq!(shell.line().await, "drwx------");
    let path = [("PATH".to_owned(), "/nowhere".to_owned())];
    wait(&mut shell.start_with("echo $PATH", &path).unwrap()).await;
    assert_eq!(shell.line().await, "/nowhere");
}

#[tokio::test]
async fn the_status_is_that_of_the_last_command() {
    let shell = Shell::new();
    assert_eq!(shell.run("false\ntrue").await.code(), Some(0));
    assert_eq!(shell.run("exit 3").await.code(), Some(3));
    assert_eq!(shell.run("no-such-program").await.code(), Some(127));
    let status = shell.run("kill -9 $$").await;
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
}

#[tokio::test]
async fn both_streams_are_logged_to_the_last_line() {
    let shell = Shell::new();
    shell.run(r"echo out; echo; printf '\377last'").await;
    shell.run("echo err >&2").await;
    let expected = [
        "[INFO] (Run) com.example.Hello: stdout. out",
        "[INFO] (Run) com.example.Hello: stdout. ",
        "[INFO] (Run) com.example.Hello: stdout. \u{fffd}last",
        "[WARN] (Run) com.example.Hello: stderr. err",
    ];
    assert_eq!(shell.log().await, expected);
}

#[tokio::test]
async fn the_input_never_ends() {
    let mut shell = Shell::new();
    // `cat` ends with the status 0 at the end of its input.
    shell.run("timeout 0.1 cat; echo $?; test -p /dev/stdin; echo $?").await;
    assert_eq!(shell.line().await, "124");
    assert_eq!(shell.line().await, "0");
}

#[tokio::test]
async fn a_cancelled_wait_loses_nothing() {
    let mut shell = Shell::new();
    let mut process = shell.start("echo started; read line; exit 3");
    drop(poll_once(process.wait()).await);
    assert_eq!(shell.line().await, "started");
    process._stdin = None;
    assert_eq!(wait(&mut process).await.code(), Some(3));
    assert_eq!(wait(&mut process).await.code(), Some(3));
    ended(&mut process).await;
}

/// Starts processes in several ways. Each prints its id.
const TREE: &str = r#"
    show='echo $$; exec sleep 1000'
    sh -c "$show" &
    setsid sh -c "$show" &
    env -i "PATH=$PATH" setsid sh -c "$show" &
    setsid sh -c 'setsid sh -c "$0" &' "$show"
    echo $$
    wait
"#;

/// The ids of the processes of [`TREE`], when all of them run.
async fn tree(shell: &mut Shell) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(shell.line().await);
    }
    assert!(ids.iter().all(|it| is_running(it)));
    ids
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn terminating_ends_processes_that_have_left_the_group() {
    // The processes are found in any of their states, also while they begin a program.
    for _ in 0..10 {
        let mut shell = Shell::new();
        let mut process = shell.start(TREE);
        let ids = tree(&mut shell).await;
        assert!(process.is_alive());
        process.terminate();
        ended(&mut process).await;
        assert!(!process.is_alive());
        assert!(!ids.iter().any(|it| is_running(it)));
    }
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn dropping_a_process_leaves_nothing_behind() {
    let mut shell = Shell::new();
    let process = shell.start(TREE);
    let ids = tree(&mut shell).await;
    drop(process);
    let all_end = async {
        while ids.iter().any(|it| is_running(it)) {
            tokio::task::yield_now().await;
        }
        // The script has been reaped, too.
        while Path::new("/proc").join(&ids[4]).exists() {
            tokio::task::yield_now().await;
        }
    };
    in_time("all processes end", all_end).await;
}

#[tokio::test]
async fn killing_ends_processes_that_ignore_other_signals() {
    let mut shell = Shell::new();
    let mut process =
        shell.start("trap 'echo asked' TERM; echo ready; while :; do sleep 0.01; done");
    assert_eq!(shell.line().await, "ready");
    process.terminate();
    // The shell may also report the end of `sleep`.
    while shell.line().await != "asked" {}
    assert!(process.is_alive());
    drop(poll_once(process.ended()).await);
    process.kill();
    ended(&mut process).await;
    assert_eq!(wait(&mut process).await.code(), None);
}

#[tokio::test]
async fn killing_ends_processes_that_start_others() {
    let mut shell = Shell::new();
    let mut process = shell.start("f() { echo $1; sleep 0.001; f $(($1 + 1)) & }; f 0; sleep 1000");
    while shell.line().await != "20" {}
    process.kill();
    ended(&mut process).await;
    assert!(!process.is_alive());
}

#[tokio::test]
async fn a_script_ends_before_processes_that_hold_its_output() {
    let mut shell = Shell::new();
    let mut process = shell.start("(echo held; exec sleep 1000) & exit 3");
    assert_eq!(wait(&mut process).await.code(), Some(3));
    assert_eq!(shell.line().await, "held");
    assert!(process.is_alive());
    process.terminate();
    ended(&mut process).await;
}

#[tokio::test]
async fn a_console_that_is_not_read_stops_no_task() {
    let (mut shell, _stalled) = Shell::stalled();
    let mut process = shell.start("while :; do echo line; done");
    let line = in_time("a line", shell.lines.recv()).await.unwrap();
    assert_eq!(line.split_once("mcom.example.Hello |\u{1b}[0m ").unwrap().1, "line\n");
    process.kill();
    ended(&mut process).await;
}

#[tokio::test]
async fn a_slow_console_gets_the_last_lines_of_a_script_that_has_ended() {
    let (shell, stalled) = Shell::stalled();
    let mut process = shell.start("seq 1 3000");
    assert!(wait(&mut process).await.success());
    ended(&mut process).await;
    drop(process);
    drop(stalled);
    let all = async { while shell.log().await.len() < 3000 {} };
    in_time("the last line", all).await;
}

#[tokio::test]
async fn errors_name_what_failed() {
    let shell = Shell::new();
    let start = |text: &str| shell.start_with(text, &[]).map(drop).unwrap_err().to_string();
    let long = "#".repeat(1 << 20);
    assert!(start(&long).contains("put the script into an artifact"), "{}", start(&long));
    let work = shell.folder.path().join("work");
    std::fs::remove_dir_all(&work).unwrap();
    std::fs::write(&work, "").unwrap();
    let error = start("true");
    assert!(error.starts_with("cannot create the working folder /"), "{error}");
    assert!(error.contains(COMPONENT), "{error}");
}

#[tokio::test]
async fn a_log_that_cannot_be_written_stops_no_component() {
    let mut shell = Shell::new();
    std::fs::remove_dir(shell.folder.path().join("logs")).unwrap();
    assert!(shell.run("echo a; echo b").await.success());
    assert_eq!(shell.line().await, "a");
    assert_eq!(shell.line().await, "b");
}
