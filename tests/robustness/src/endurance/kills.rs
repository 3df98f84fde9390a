//! Subscribers that are killed in the middle of a flood.

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

/// How many subscribers are killed at a time.
pub const VICTIMS: usize = 10;

/// How many events a victim has read when it is killed, at least.
const READ: u64 = 100;

/// How far the flood is ahead of the subscriber that stays, in events.
const AHEAD: u64 = 2_000;

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Subscribers killed.
    pub killed: usize,
    /// Events published.
    pub events: u64,
    /// How long that took.
    pub took: Duration,
    /// Calls that were answered meanwhile.
    pub calls: u64,
    /// The slowest of them.
    pub slowest: Duration,
    /// At the beginning and at the end.
    pub figures: [ResourceUsage; 2],
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { killed, events, took, calls, slowest, figures } = self;
        writeln!(f, "  killed    {killed} subscribers")?;
        writeln!(
            f,
            "  flood     {events} events in {took:.1?}; the subscriber that stays has them all"
        )?;
        writeln!(f, "  calls     {calls} answered meanwhile, the slowest in {slowest:?}")?;
        writeln!(f, "  before    {}", figures[0])?;
        write!(f, "  after     {}", figures[1])
    }
}

/// Kills [`VICTIMS`] subscribers again and again; half of them have stopped reading before.
///
/// # Errors
///
/// What the operating system says, or a leak.
///
/// # Panics
///
/// If anyone else is disturbed.
pub async fn run(program: &Path, rounds: u64) -> Result<Report> {
    let path = socket_path();
    let feed = Feed::new(0);
    let service = EchoTestRpcService::new(feed.clone());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(Server::bind(&path)?.allow_all().serve(service, stopped));
    let mut report = Report::default();
    // A first process, so that what processes need is there.
    Command::new("true").status().await?;
    report.figures[0] = ResourceUsage::current()?;

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
        // Some more, which pile up for those that have stopped.
        let enough = feed.published() + AHEAD;
        in_time("the flood goes on", async {
            while feed.published() < enough {
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
    report.took = began.elapsed();
    in_time("the server forgets them", async {
        while feed.subscribers() > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    is_over.store(true, Ordering::Relaxed);
    flood.await?;
    (report.calls, report.slowest) = calls.await??;
    report.events = feed.published();
    let watcher = Arc::into_inner(watcher).context("the flood is over")?;
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
    report.figures[1] = settled(&report.figures[0]).await?;
    Ok(report)
}

/// Publishes as fast as the subscriber that stays can read.
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
        in_time("a call ends", client.echo_message().message(message).send()).await?;
        slowest = slowest.max(began.elapsed());
        count += 1;
    }
    Ok((count, slowest))
}

/// Subscribers in processes of their own, each in the middle of the flood.
async fn victims(program: &Path, path: &Path, count: usize) -> Result<Vec<Child>> {
    let mut victims = Vec::new();
    for _ in 0..count {
        let mut command = Command::new(program);
        command.arg("subscribe").arg(path).stdout(Stdio::piped()).kill_on_drop(true);
        victims.push(command.spawn()?);
    }
    for victim in &mut victims {
        let output = victim.stdout.take().context("it has an output")?;
        let mut lines = BufReader::new(output).lines();
        let line = in_time("a subscriber reads", lines.next_line()).await?;
        ensure!(line.as_deref() == Some("reading"), "a subscriber does not start");
    }
    Ok(victims)
}

fn stop_process(process: &Child) -> Result<()> {
    signal(process.id().context("it runs")?, "STOP");
    Ok(())
}

/// Reads events until it is killed; says so when it has read some.
///
/// # Errors
///
/// The connection, or the subscription.
pub async fn subscribe(path: &Path) -> Result<()> {
    let client = Client::new(ConnectionBuilder::default().socket_path(path).connect().await?);
    let mut events = client.echo_stream_messages().send().await?;
    let mut count = 0;
    while let Some(event) = events.next().await {
        event?;
        count += 1;
        if count == READ {
            println!("reading");
        }
    }
    Ok(())
}
