//! Everything at once, for a long time.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use echo::{
    Client,
    client::{ConnectionBuilder, Overflow, ReconnectPolicy},
    error::SdkError,
    types::MessageData,
};
use test_util::{Random, ResourceUsage, in_time, socket_path};
use tokio::task::JoinSet;

use crate::endurance::{Serve, ServerProcess, Watcher, restarts::settled};

/// How long the traffic goes on.
#[derive(Clone, Copy, Debug)]
pub struct Rounds {
    /// How many rounds there are. After each everything comes to rest and is measured.
    pub count: u64,
    /// How long each is.
    pub length: Duration,
}

/// How many clients there are, each with a connection of its own.
const CLIENTS: u64 = 6;

/// How many tasks work with each.
const WORKERS: u64 = 4;

/// What happened in one round, or in all of them.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    calls: u64,
    large: u64,
    errors: u64,
    cancelled: u64,
    late: u64,
    subscriptions: u64,
    events: u64,
    lost: u64,
    hang_ups: u64,
    connections: u64,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    counts: Counts,
    /// Here and in the server, after each round.
    pub figures: Vec<[ResourceUsage; 2]>,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let it = &self.counts;
        writeln!(
            f,
            "  calls     {} answered, {} of them large; {} errors as asked for",
            it.calls, it.large, it.errors
        )?;
        writeln!(
            f,
            "            {} cancelled, {} late as asked for, {} lost with their connection",
            it.cancelled, it.late, it.lost
        )?;
        writeln!(f, "  streams   {} opened, {} events", it.subscriptions, it.events)?;
        writeln!(f, "  outages   {} caused; {} connections", it.hang_ups, it.connections)?;
        let last = self.figures.len().saturating_sub(1);
        for (index, [client, server]) in self.figures.iter().enumerate() {
            // Some of many.
            if index == last || index % self.figures.len().div_ceil(12) == 0 {
                writeln!(f, "  round {:<4}clients {client}", index + 1)?;
                writeln!(f, "            server  {server}")?;
            }
        }
        write!(f, "  nothing has grown")
    }
}

/// Lets clients here and a server in another process work, and compares what they use.
///
/// # Errors
///
/// What the operating system says, or something that grows.
///
/// # Panics
///
/// If a promise is not kept.
pub async fn run(program: &Path, rounds: Rounds, seed: u64) -> Result<Report> {
    let what = Serve { path: socket_path(), token: "good".to_owned(), generation: 0 };
    let server = ServerProcess::start(program, &what).await?;
    let pid = server.id().unwrap_or_default();
    let before = ResourceUsage::current()?;
    let server_before = ResourceUsage::of(pid)?;
    let mut report = Report::default();
    for round in 0..rounds.count {
        let counts = one_round(&what, rounds.length, seed.wrapping_add(round * 1_000)).await?;
        report.counts.add(&counts);
        let here = settled(&before).await?;
        let there = server_settled(pid, &server_before).await?;
        report.figures.push([here, there]);
    }
    server.kill().await?;
    std::fs::remove_file(&what.path)?;
    report.check()?;
    Ok(report)
}

/// Waits until the server has no connections and what it had for them.
async fn server_settled(pid: u32, before: &ResourceUsage) -> Result<ResourceUsage> {
    let began = Instant::now();
    loop {
        let figures = ResourceUsage::of(pid)?;
        match figures.leaked_since(before) {
            None => return Ok(figures),
            Some(leak) => ensure!(began.elapsed() < test_util::TIMEOUT, "the server keeps {leak}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Report {
    /// Memory has to be flat once everything has been done a few times.
    fn check(&self) -> Result<()> {
        let warm = self.figures.len() / 3;
        let peak = |figures: &[[ResourceUsage; 2]], side: usize| {
            figures.iter().map(|it| it[side].memory).max().unwrap_or_default()
        };
        for (side, name) in ["the clients", "the server"].into_iter().enumerate() {
            let early = peak(&self.figures[..=warm], side);
            let late = peak(&self.figures[warm..], side);
            // An allocator keeps more or less, by chance.
            let allowed = early + early / 10 + 8 * 1024;
            ensure!(late <= allowed, "memory of {name}: {early} KiB, later {late} KiB\n{self}");
        }
        Ok(())
    }
}

async fn one_round(what: &Serve, length: Duration, seed: u64) -> Result<Counts> {
    let end = Instant::now() + length;
    let mut counts = Counts::default();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(one_client(what.clone(), end, seed + client * WORKERS));
    }
    while let Some(client) = in_time("every client stops", clients.join_next()).await {
        counts.add(&client??);
    }
    Ok(counts)
}

/// A connection with everything on it, which comes back whenever it is lost.
async fn one_client(what: Serve, end: Instant, seed: u64) -> Result<Counts> {
    let policy = ReconnectPolicy::default()
        .initial_backoff(Duration::from_millis(5))
        .max_backoff(Duration::from_millis(100))
        .calls_wait(seed % 2 == 0);
    let builder = ConnectionBuilder::default()
        .socket_path(&what.path)
        .connect_header("token", what.token.as_str());
    let client = Client::new(builder.clone().reconnect(policy).connect().await?);
    let watchers = [Watcher::stream(&client).await?, Watcher::handler(&client).await?];
    let mut counts = Counts { connections: 1, subscriptions: 2, ..Counts::default() };
    let mut workers = JoinSet::new();
    for worker in 0..WORKERS {
        let random = Random::new(seed + worker);
        workers.spawn(work(client.clone(), builder.clone(), end, random));
    }
    while let Some(worker) = in_time("every worker stops", workers.join_next()).await {
        counts.add(&worker?);
    }
    // An outage may have discarded something, and then this says so.
    let _ = client.connection().close().await;
    for watcher in watchers {
        let watched = watcher.ended().await;
        ensure!(watched.error.is_none(), "{watched:?}");
        counts.events += watched.events;
    }
    Ok(counts)
}

async fn work(
    client: Client,
    builder: ConnectionBuilder,
    end: Instant,
    mut random: Random,
) -> Counts {
    let mut counts = Counts::default();
    while Instant::now() < end {
        match random.below(1_000) {
            0..5 => counts.hang_up(&client).await,
            5..25 => counts.connect(&builder).await,
            25..125 => counts.subscribe(&client, random.below(50)).await,
            125..225 => counts.cancel(&client, random.below(4)).await,
            225..275 => counts.late(&client).await,
            275..375 => counts.error(&client).await,
            375..400 => counts.call(&client, 300_000).await,
            _ => counts.call(&client, random.below(2_000) as usize).await,
        }
    }
    counts
}

fn message(text: &str) -> MessageData {
    MessageData::builder().string_message(text).build()
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.large += other.large;
        self.errors += other.errors;
        self.cancelled += other.cancelled;
        self.late += other.late;
        self.subscriptions += other.subscriptions;
        self.events += other.events;
        self.lost += other.lost;
        self.hang_ups += other.hang_ups;
        self.connections += other.connections;
    }

    /// What may happen to anything while connections come and go.
    async fn is_lost<E: std::fmt::Debug>(&mut self, error: &SdkError<E>) {
        match error {
            SdkError::DispatchFailure { .. } => self.lost += 1,
            SdkError::Timeout { .. } => self.late += 1,
            _ => panic!("{error:?}"),
        }
        // The connection is down, or it would not have failed.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    async fn call(&mut self, client: &Client, len: usize) {
        let text = "x".repeat(len);
        match in_time("a call ends", client.echo_message().message(message(&text)).send()).await {
            Ok(response) => {
                assert_eq!(response.message, Some(message(&text)));
                self.calls += 1;
                self.large += u64::from(len > 100_000);
            }
            Err(error) => self.is_lost(&error).await,
        }
    }

    async fn error(&mut self, client: &Client) {
        match in_time("a call ends", client.cause_service_error().send()).await {
            Err(SdkError::ServiceError(_)) => self.errors += 1,
            Err(error) => self.is_lost(&error).await,
            Ok(_) => panic!("it fails"),
        }
    }

    /// A call that nobody waits for after a while.
    async fn cancel(&mut self, client: &Client, millis: u64) {
        let call = client.echo_message().message(message("wait")).send();
        let limit = Duration::from_millis(millis);
        if tokio::time::timeout(limit, call).await.is_err() {
            self.cancelled += 1;
        } else {
            self.lost += 1;
        }
    }

    /// A call whose own time is up.
    async fn late(&mut self, client: &Client) {
        let call = client.echo_message().message(message("wait"));
        let call = call.call_timeout(Duration::from_millis(2)).send();
        match in_time("a call ends", call).await {
            Err(SdkError::Timeout { .. }) => self.late += 1,
            Err(error) => self.is_lost(&error).await,
            Ok(_) => panic!("it is never answered"),
        }
    }

    /// A stream that is read for a while.
    async fn subscribe(&mut self, client: &Client, events: u64) {
        let mut opening = client.echo_stream_messages();
        opening = opening.overflow(Overflow::DropOldest).queue_limit(10_000);
        match in_time("a subscription opens", opening.send()).await {
            Ok(mut stream) => {
                self.subscriptions += 1;
                for _ in 0..events {
                    match in_time("an event comes", stream.next()).await {
                        Some(Ok(_)) => self.events += 1,
                        Some(Err(error)) => return self.is_lost(&error).await,
                        None => return,
                    }
                }
                // Half of them are just dropped.
                if events % 2 == 0 {
                    let _ = in_time("a stream closes", stream.close()).await;
                }
            }
            Err(error) => self.is_lost(&error).await,
        }
    }

    /// The server closes the connection.
    async fn hang_up(&mut self, client: &Client) {
        let call = client.echo_message().message(message("hang up")).send();
        if in_time("a call ends", call).await.is_err() {
            self.hang_ups += 1;
        }
    }

    /// A connection for one call, which is closed, or just dropped.
    async fn connect(&mut self, builder: &ConnectionBuilder) {
        let connecting = builder.clone().connect();
        let client = Client::new(in_time("a connection opens", connecting).await.unwrap());
        self.connections += 1;
        self.call(&client, 10).await;
        if self.connections % 2 == 0 {
            in_time("a connection closes", client.connection().close()).await.unwrap();
        }
    }
}
