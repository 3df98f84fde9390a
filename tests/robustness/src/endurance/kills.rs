//! Killing subscribers during a flood of events.

use std::{
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use echo::{
    Client,
    client::ConnectionBuilder,
    server::{EchoTestRpcService, Server},
    types::MessageData,
};
use test_util::{Feed, ResourceUsage, in_time, signal, socket_path};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::endurance::{Watcher, restarts::settled};

/// The number of subscribers that are killed in a round.
pub const VICTIMS: usize = 10;

/// The number of events that a victim reads before it may be killed.
const MIN_EVENTS: u64 = 100;

/// How far the published events are ahead of the surviving subscriber.
const AHEAD: u64 = 2_000;

/// The result of the test.
#[derive(Debug, Default)]
pub struct Report {
    /// The number of killed subscribers.
    pub killed: usize,
    /// The number of published events.
    pub events: u64,
    /// The duration of the flood.
    pub duration: Duration,
    /// The number of concurrent calls that were answered.
    pub calls: u64,
    /// The duration of the slowest call.
    pub slowest: Duration,
    /// The resources in use at the beginning and at the end.
    pub usage: [ResourceUsage; 2],
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { killed, events, duration, calls, slowest, usage } = self;
        writeln!(f, "  killed    {killed} subscribers")?;
        writeln!(
            f,
            "  flood     {events} events in {duration:.1?}; the surviving subscriber has received all"
        )?;
        writeln!(f, "  calls     {calls} answered, the slowest in {slowest:?}")?;
        writeln!(f, "  before    {}", usage[0])?;
        write!(f, "  after     {}", usage[1])
    }
}

/// Kills [`VICTIMS`] subscribers per round. Half of them stop reading before.
///
/// # Errors
///
/// If an operation of the operating system fails or a resource leaks.
///
/// # Panics
///
/// If another client is affected.
pub async fn run(program: &Path, rounds: u64) -> Result<Report> {
    let path = socket_path();
    let feed = Feed::new(0);
    let service = EchoTestRpcService::new(feed.clone());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(Server::bind(&path)?.allow_all().serve(service, stopped));
    let mut report = Report::default();
    // Starts a process before the measurement, which initialises the runtime's process support.
    Command::new("true").status().await?;
    report.usage[0] = ResourceUsage::current()?;

    let client = Client::new(ConnectionBuilder::default().socket_path(&path).connect().await?);
    let watcher = Watcher::stream(&client).await?;
    let watcher = Arc::new(watcher);
    let is_over = Arc::new(AtomicBool::new(false));
    let flood = tokio::spawn(flood(feed.clone(), Arc::clone(&watcher), Arc::clone(&is_over)));
    let calls = tokio::spawn(call(client.clone(), Arc::clone(&is_over)));

    let began = Instant::now();
    for _ in 0..rounds {
        let mut victims = victims(program, &path, VICTIMS).await?;
        for victim in victims.iter().skip(VICTIMS / 2) {
            stop_process(victim)?;
        }
        // More events, which are queued for the stopped subscribers.
        let target = feed.published() + AHEAD;
        in_time("the flood continues", async {
            while feed.published() < target {
                tokio::task::yield_now().await;
            }
        })
        .await;
        for victim in &mut victims {
            victim.start_kill()?;
        }
        for mut victim in victims {
            victim.wait().await?;
            report.killed += 1;
        }
    }
    report.duration = began.elapsed();
    in_time("the server removes the killed subscribers", async {
        while feed.subscribers() > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    is_over.store(true, Ordering::Relaxed);
    flood.await?;
    (report.calls, report.slowest) = calls.await??;
    report.events = feed.published();
    let watcher = Arc::into_inner(watcher).context("the flood has ended")?;
    let last = report.events - 1;
    in_time("the last event arrives", async {
        while watcher.last() != Some((0, last)) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    client.connection().close().await?;
    let watched = watcher.ended().await;
    ensure!(watched.error.is_none() && watched.outages == 0, "{watched:?}");
    drop(client);
    drop(stop);
    server.await??;
    report.usage[1] = settled(&report.usage[0]).await?;
    Ok(report)
}

/// Publishes events as fast as the surviving subscriber reads them.
async fn flood(feed: Feed, watcher: Arc<Watcher>, is_over: Arc<AtomicBool>) {
    while !is_over.load(Ordering::Relaxed) {
        let read = watcher.last().map_or(feed.published(), |(_, number)| number);
        while feed.published() < read + AHEAD {
            feed.publish();
        }
        tokio::task::yield_now().await;
    }
}

async fn call(client: Client, is_over: Arc<AtomicBool>) -> Result<(u64, Duration)> {
    let mut count = 0;
    let mut slowest = Duration::ZERO;
    while !is_over.load(Ordering::Relaxed) {
        let began = Instant::now();
        let message = MessageData::builder().string_message("x").build();
        in_time("the call ends", client.echo_message().message(message).send()).await?;
        slowest = slowest.max(began.elapsed());
        count += 1;
    }
    Ok((count, slowest))
}

/// Starts subscriber processes and waits until each has read events.
async fn victims(program: &Path, path: &Path, count: usize) -> Result<Vec<Child>> {
    let mut victims = Vec::new();
    for _ in 0..count {
        let mut command = Command::new(program);
        command.arg("subscribe").arg(path).stdout(Stdio::piped()).kill_on_drop(true);
        victims.push(command.spawn()?);
    }
    for victim in &mut victims {
        let output = victim.stdout.take().context("stdout is piped")?;
        let mut lines = BufReader::new(output).lines();
        let line = in_time("the subscriber reads", lines.next_line()).await?;
        ensure!(line.as_deref() == Some("reading"), "the subscriber does not start");
    }
    Ok(victims)
}

fn stop_process(process: &Child) -> Result<()> {
    signal(process.id().context("the process runs")?, "STOP");
    Ok(())
}

/// Reads events until the process is killed. Prints `reading` after the first `MIN_EVENTS` events.
///
/// # Errors
///
/// If the connection or the subscription fails.
pub async fn subscribe(path: &Path) -> Result<()> {
    let client = Client::new(ConnectionBuilder::default().socket_path(path).connect().await?);
    let mut events = client.echo_stream_messages().send().await?;
    let mut count = 0;
    while let Some(event) = events.next().await {
        event?;
        count += 1;
        if count == MIN_EVENTS {
            println!("reading");
        }
    }
    Ok(())
}
