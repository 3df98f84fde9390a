//! The log of the program, on standard error.

use std::{
    io::{self, Write},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel},
    },
    thread,
    time::Duration,
};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    filter::Targets,
    layer::{Layer, SubscriberExt},
    util::SubscriberInitExt,
};

/// Logs what `RUST_LOG` selects. Default: warnings, changes of lifecycles and connections to a broker; with `verbose`,
/// each step of the communication too.
pub(super) fn start(verbose: bool) -> io::Result<()> {
    QUEUE.start()?;
    let directives = std::env::var("RUST_LOG").ok().filter(|it| !it.is_empty());
    let parsed = directives.as_deref().map(str::parse::<Targets>).transpose();
    let targets = parsed.as_ref().cloned().unwrap_or_default().unwrap_or_else(|| default(verbose));
    let lines = tracing_subscriber::fmt::layer().with_writer(|| &QUEUE).with_target(false);
    tracing_subscriber::registry().with(lines.with_filter(targets)).init();
    if let Err(error) = parsed {
        tracing::warn!(
            "RUST_LOG is ignored: {error}; a valid value is greengrass_local_core=debug"
        );
    }
    Ok(())
}

/// Writes the error that ends the program.
pub(super) fn error(error: &dyn std::error::Error) {
    // Ignored, as for the rest of the log: the queue may be full.
    let _ = (&QUEUE).write(format!("greengrass-local-core: {error}\n").as_bytes());
}

/// Waits until the log is written, for up to one second: standard error may not be read.
pub(super) fn finish() {
    let open = QUEUE.open().take();
    if let Some(Open { lines, is_written }) = open {
        drop(lines);
        // Nothing is sent: the thread closes the channel.
        let _ = is_written.recv_timeout(Duration::from_secs(1));
    }
}

/// The lines that a thread of their own writes, because a pipe that is not read blocks it.
static QUEUE: Queue = Queue { open: Mutex::new(None), dropped: AtomicUsize::new(0) };

/// The number of lines that wait for a slow reader before lines are dropped.
const QUEUE_LEN: usize = 4096;

struct Queue {
    open: Mutex<Option<Open>>,
    /// The number of lines that had no room.
    dropped: AtomicUsize,
}

struct Open {
    lines: SyncSender<Vec<u8>>,
    /// Closed by the thread when it has written the last line.
    is_written: Receiver<()>,
}

impl Queue {
    fn start(&'static self) -> io::Result<()> {
        let (lines, received) = sync_channel(QUEUE_LEN);
        let (written, is_written) = channel();
        let thread = thread::Builder::new().name("log".to_owned());
        thread.spawn(move || self.write_all(received, written))?;
        *self.open() = Some(Open { lines, is_written });
        Ok(())
    }

    fn open(&self) -> std::sync::MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_all(&self, lines: Receiver<Vec<u8>>, _written: Sender<()>) {
        for line in lines {
            let dropped = self.dropped.swap(0, Ordering::Relaxed);
            let mut stderr = io::stderr();
            // Errors are ignored: there is no other place to report them.
            if dropped > 0 {
                let _ = writeln!(
                    stderr,
                    "{dropped} lines of the log are missing, because it was not read"
                );
            }
            let _ = stderr.write_all(&line);
        }
    }
}

impl Write for &Queue {
    /// Queues a line, which is written in one piece.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Some(open) = &*self.open() {
            if let Err(TrySendError::Full(_)) = open.lines.try_send(line.to_owned()) {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn default(verbose: bool) -> Targets {
    let targets = Targets::new().with_default(LevelFilter::WARN);
    if verbose {
        let ours = targets.with_target("greengrass_local_core", LevelFilter::DEBUG);
        ours.with_target("eventstream_rpc", LevelFilter::DEBUG)
    } else {
        let targets = targets.with_target("greengrass_local_core::lifecycle", LevelFilter::INFO);
        targets.with_target("greengrass_local_core::iot_core::broker", LevelFilter::INFO)
    }
}
