//! The output of all processes: on the console, and in a file for each component.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, IsTerminal, Write},
    path::PathBuf,
    sync::Arc,
    time::SystemTime,
};

use greengrass_core_ipc::primitives::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::Script;

/// A stream of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// The destination of lines besides the files.
pub(crate) struct Console {
    pub(super) stdout: ConsoleStream,
    pub(super) stderr: ConsoleStream,
}

/// A stream of the console.
pub(super) struct ConsoleStream {
    pub(super) writer: Box<dyn Write + Send>,
    /// Whether names of components are coloured.
    pub(super) is_coloured: bool,
}

impl Console {
    /// The output of this process. Names are coloured on a terminal, unless `NO_COLOR` is set.
    pub(crate) fn standard() -> Self {
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let is_coloured = |is_terminal| is_terminal && std::env::var_os("NO_COLOR").is_none();
        let [for_stdout, for_stderr] =
            [stdout.is_terminal(), stderr.is_terminal()].map(is_coloured);
        Self {
            stdout: ConsoleStream { writer: Box::new(stdout), is_coloured: for_stdout },
            stderr: ConsoleStream { writer: Box::new(stderr), is_coloured: for_stderr },
        }
    }
}

/// The number of lines that wait for a slow console before processes do.
const QUEUE_LEN: usize = 256;

/// A handle of the thread that writes lines. Clones write through the same thread, which ends with the last of them.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    // A thread, because a console that is not read would stop a task and the runtime with it.
    sender: mpsc::Sender<Message>,
}

#[derive(Debug)]
enum Message {
    Line { source: Arc<Source>, stream: Stream, text: String },
    Flush(oneshot::Sender<()>),
}

/// The process that writes a line.
#[derive(Debug)]
struct Source {
    component: String,
    step: String,
}

impl Output {
    /// Starts writing into files in a folder, and on a console.
    ///
    /// # Errors
    ///
    /// If the folder cannot be created, or the thread cannot be started.
    pub(crate) fn start(logs: PathBuf, console: Option<Console>) -> io::Result<Self> {
        // Not when there is a line: a core that ends removes the folder.
        fs::create_dir_all(&logs).map_err(|error| {
            let text = format!("cannot create the folder of logs {}: {error}", logs.display());
            io::Error::new(error.kind(), text)
        })?;
        let (sender, received) = mpsc::channel(QUEUE_LEN);
        let writer = Writer { logs, console, files: HashMap::new() };
        let thread = std::thread::Builder::new().name("component output".to_owned());
        thread.spawn(move || writer.run(received))?;
        Ok(Self { sender })
    }

    /// Waits until all lines so far are written.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no line.
    pub(crate) async fn flush(&self) {
        flush(&self.sender).await;
    }

    pub(super) fn of(&self, script: &Script<'_>, stream: Stream) -> Sink {
        let source =
            Source { component: script.component.to_owned(), step: script.step.to_owned() };
        Sink { source: Arc::new(source), stream, sender: self.sender.clone() }
    }
}

async fn flush(sender: &mpsc::Sender<Message>) {
    let (done, is_done) = oneshot::channel();
    if sender.send(Message::Flush(done)).await.is_ok() {
        // An error means that the thread has ended.
        let _ = is_done.await;
    }
}

/// The destination of a stream of a process.
#[derive(Debug)]
pub(super) struct Sink {
    source: Arc<Source>,
    stream: Stream,
    sender: mpsc::Sender<Message>,
}

impl Sink {
    pub(super) async fn line(&self, text: String) {
        let source = Arc::clone(&self.source);
        // An error means that the thread has ended.
        let _ = self.sender.send(Message::Line { source, stream: self.stream, text }).await;
    }

    pub(super) async fn flush(&self) {
        flush(&self.sender).await;
    }
}

/// The state of the thread.
struct Writer {
    logs: PathBuf,
    console: Option<Console>,
    /// The files by component. `None`: the file failed, which has been reported.
    files: HashMap<String, Option<File>>,
}

impl Writer {
    fn run(mut self, mut received: mpsc::Receiver<Message>) {
        while let Some(message) = received.blocking_recv() {
            match message {
                Message::Line { source, stream, text } => {
                    self.write_to_console(&source, stream, &text);
                    self.write_to_file(&source, stream, &text);
                }
                Message::Flush(done) => {
                    // An error means that the future was dropped.
                    let _ = done.send(());
                }
            }
        }
    }

    /// Writes a line to the console. An error is ignored, because the line is in the file.
    fn write_to_console(&mut self, source: &Source, stream: Stream, text: &str) {
        let Some(console) = &mut self.console else { return };
        let to = match stream {
            Stream::Stdout => &mut console.stdout,
            Stream::Stderr => &mut console.stderr,
        };
        let name = &source.component;
        let line = if to.is_coloured {
            format!("\x1b[{}m{name} |\x1b[0m {text}\n", colour(name))
        } else {
            format!("{name} | {text}\n")
        };
        let _ = to.writer.write_all(line.as_bytes()).and_then(|()| to.writer.flush());
    }

    fn write_to_file(&mut self, source: &Source, stream: Stream, text: &str) {
        let path = self.logs.join(format!("{}.log", source.component));
        let file = self.files.entry(source.component.clone()).or_insert_with(|| {
            reported(File::options().create(true).append(true).open(&path), &path)
        });
        let Some(open) = file else { return };
        let (level, stream) = match stream {
            Stream::Stdout => ("INFO", "stdout"),
            Stream::Stderr => ("WARN", "stderr"),
        };
        let Source { component, step } = source;
        let time = timestamp(SystemTime::now());
        let line = format!("{time} [{level}] ({step}) {component}: {stream}. {text}\n");
        if reported(open.write_all(line.as_bytes()), &path).is_none() {
            *file = None;
        }
    }
}

/// Logs an error of a file. Components keep running without it.
fn reported<T>(result: io::Result<T>, path: &std::path::Path) -> Option<T> {
    let report =
        |error| tracing::warn!("{}: {error}; no more lines are logged there", path.display());
    result.map_err(report).ok()
}

/// The number of a terminal's colour, always the same for a name.
fn colour(name: &str) -> u8 {
    31 + name.bytes().fold(0_u8, |sum, it| sum.wrapping_mul(31).wrapping_add(it)) % 6
}

/// A time in the form `2026-01-31T23:59:59.999Z`.
fn timestamp(time: SystemTime) -> String {
    let time = Timestamp::from(time);
    // The clock is in the range of the format.
    let whole = Timestamp::from_secs(time.secs()).to_date_time().unwrap_or_default();
    format!("{}.{:03}Z", whole.trim_end_matches('Z'), time.subsec_nanos() / 1_000_000)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::timestamp;

    #[test]
    fn a_timestamp_has_the_date_and_the_time() {
        let at = |seconds, millis| {
            timestamp(UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(millis))
        };
        assert_eq!(at(0, 0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(951_782_400, 7), "2000-02-29T00:00:00.007Z");
        assert_eq!(at(1_735_689_599, 999), "2024-12-31T23:59:59.999Z");
        assert_eq!(at(4_107_542_400, 0), "2100-03-01T00:00:00.000Z");
    }
}
