//! Mixed traffic for a long time.

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

/// The duration of the traffic.
#[derive(Clone, Copy, Debug)]
pub struct Rounds {
    /// The number of rounds. After each round, all traffic stops and the resources in use are measured.
    pub count: u64,
    /// The duration of a round.
    pub length: Duration,
}

/// The number of clients, each with its own connection.
const CLIENTS: u64 = 6;

/// The number of tasks that use each client.
const WORKERS: u64 = 4;

/// The numbers of operations in one or all rounds.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    calls: u64,
    large: u64,
    errors: u64,
    cancelled: u64,
    timed_out: u64,
    subscriptions: u64,
    events: u64,
    lost: u64,
    hang_ups: u64,
    connections: u64,
}

/// The result of the test.
#[derive(Debug, Default)]
pub struct Report {
    counts: Counts,
    /// The resources in use by this process and the server after each round.
    pub usage: Vec<[ResourceUsage; 2]>,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counts = &self.counts;
        writeln!(
            f,
            "  calls     {} answered, {} of them large; {} expected errors",
            counts.calls, counts.large, counts.errors
        )?;
        writeln!(
            f,
            "            {} cancelled, {} timed out as expected, {} lost with their connection",
            counts.cancelled, counts.timed_out, counts.lost
        )?;
        writeln!(f, "  streams   {} opened, {} events", counts.subscriptions, counts.events)?;
        writeln!(f, "  outages   {} caused; {} connections", counts.hang_ups, counts.connections)?;
        let last = self.usage.len().saturating_sub(1);
        for (index, [client, server]) in self.usage.iter().enumerate() {
            // At most about twelve rounds and the last one.
            if index == last || index % self.usage.len().div_ceil(12) == 0 {
                writeln!(f, "  round {:<4}clients {client}", index + 1)?;
                writeln!(f, "            server  {server}")?;
            }
        }
        write!(f, "  nothing has grown")
    }
}

/// Runs clients in this process and a server in another, and compares the resources in use after each round.
///
/// # Errors
///
/// If an operation of the operating system fails or the resources in use grow.
///
/// # Panics
///
/// If a promise is broken.
pub async fn run(program: &Path, rounds: Rounds, seed: u64) -> Result<Report> {
    let options = Serve { path: socket_path(), token: "good".to_owned(), generation: 0 };
    let server = ServerProcess::start(program, &options).await?;
    let pid = server.id().unwrap_or_default();
    let before = ResourceUsage::current()?;
    let server_before = ResourceUsage::of(pid)?;
    let mut report = Report::default();
    for round in 0..rounds.count {
        let counts = one_round(&options, rounds.length, seed.wrapping_add(round * 1_000)).await?;
        report.counts.add(&counts);
        let own_usage = settled(&before).await?;
        let server_usage = server_settled(pid, &server_before).await?;
        report.usage.push([own_usage, server_usage]);
    }
    server.kill().await?;
    std::fs::remove_file(&options.path)?;
    report.check()?;
    Ok(report)
}

/// Waits until the server has released the resources of its connections.
async fn server_settled(pid: u32, before: &ResourceUsage) -> Result<ResourceUsage> {
    let began = Instant::now();
    loop {
        let usage = ResourceUsage::of(pid)?;
        match usage.leaked_since(before) {
            None => return Ok(usage),
            Some(leak) => ensure!(began.elapsed() < test_util::TIMEOUT, "the server leaks {leak}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Report {
    /// Checks that memory does not grow after the first third of the rounds.
    fn check(&self) -> Result<()> {
        let warm = self.usage.len() / 3;
        let peak = |usage: &[[ResourceUsage; 2]], side: usize| {
            usage.iter().map(|it| it[side].memory).max().unwrap_or_default()
        };
        for (side, name) in ["the clients", "the server"].into_iter().enumerate() {
            let early = peak(&self.usage[..=warm], side);
            let later = peak(&self.usage[warm..], side);
            // Allows for variation in the memory that the allocator retains.
            let allowed = early + early / 10 + 8 * 1024;
            ensure!(later <= allowed, "memory of {name}: {early} KiB, later {later} KiB\n{self}");
        }
        Ok(())
    }
}

async fn one_round(options: &Serve, length: Duration, seed: u64) -> Result<Counts> {
    let end = Instant::now() + length;
    let mut counts = Counts::default();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(one_client(options.clone(), end, seed + client * WORKERS));
    }
    while let Some(client) = in_time("every client stops", clients.join_next()).await {
        counts.add(&client??);
    }
    Ok(counts)
}

/// Runs a client that reconnects, with subscriptions and several workers.
async fn one_client(options: Serve, end: Instant, seed: u64) -> Result<Counts> {
    let policy = ReconnectPolicy::default()
        .initial_backoff(Duration::from_millis(5))
        .max_backoff(Duration::from_millis(100))
        .calls_wait(seed % 2 == 0);
    let builder = ConnectionBuilder::default()
        .socket_path(&options.path)
        .connect_header("token", options.token.as_str());
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
    // Ignored: reports messages that an outage has discarded.
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
            225..275 => counts.time_out(&client).await,
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
        self.timed_out += other.timed_out;
        self.subscriptions += other.subscriptions;
        self.events += other.events;
        self.lost += other.lost;
        self.hang_ups += other.hang_ups;
        self.connections += other.connections;
    }

    /// Counts an error that an outage may cause for any operation.
    async fn count_outage<E: std::fmt::Debug>(&mut self, error: &SdkError<E>) {
        match error {
            SdkError::DispatchFailure { .. } => self.lost += 1,
            SdkError::Timeout { .. } => self.timed_out += 1,
            _ => panic!("{error:?}"),
        }
        // The connection is down. Waits a little before the next operation.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    async fn call(&mut self, client: &Client, len: usize) {
        let text = "x".repeat(len);
        match in_time("the call ends", client.echo_message().message(message(&text)).send()).await {
            Ok(response) => {
                assert_eq!(response.message, Some(message(&text)));
                self.calls += 1;
                self.large += u64::from(len > 100_000);
            }
            Err(error) => self.count_outage(&error).await,
        }
    }

    async fn error(&mut self, client: &Client) {
        match in_time("the call ends", client.cause_service_error().send()).await {
            Err(SdkError::ServiceError { .. }) => self.errors += 1,
            Err(error) => self.count_outage(&error).await,
            Ok(_) => panic!("the call succeeds"),
        }
    }

    /// Makes a call and drops its future after a time.
    async fn cancel(&mut self, client: &Client, millis: u64) {
        let call = client.echo_message().message(message("wait")).send();
        let limit = Duration::from_millis(millis);
        if tokio::time::timeout(limit, call).await.is_err() {
            self.cancelled += 1;
        } else {
            self.lost += 1;
        }
    }

    /// Makes a call that times out.
    async fn time_out(&mut self, client: &Client) {
        let call = client.echo_message().message(message("wait"));
        let call = call.call_timeout(Duration::from_millis(2)).send();
        match in_time("the call ends", call).await {
            Err(SdkError::Timeout { .. }) => self.timed_out += 1,
            Err(error) => self.count_outage(&error).await,
            Ok(_) => panic!("the call is answered"),
        }
    }

    /// Opens a stream and reads some events.
    async fn subscribe(&mut self, client: &Client, events: u64) {
        let mut opening = client.echo_stream_messages();
        opening = opening.overflow(Overflow::DropOldest).queue_limit(10_000);
        match in_time("the subscription opens", opening.send()).await {
            Ok(mut stream) => {
                self.subscriptions += 1;
                for _ in 0..events {
                    match in_time("an event arrives", stream.next()).await {
                        Some(Ok(_)) => self.events += 1,
                        Some(Err(error)) => return self.count_outage(&error).await,
                        None => return,
                    }
                }
                // Half of the streams are dropped without being closed.
                if events % 2 == 0 {
                    let _ = in_time("the stream closes", stream.close()).await;
                }
            }
            Err(error) => self.count_outage(&error).await,
        }
    }

    /// Makes the server close the connection.
    async fn hang_up(&mut self, client: &Client) {
        let call = client.echo_message().message(message("hang up")).send();
        if in_time("the call ends", call).await.is_err() {
            self.hang_ups += 1;
        }
    }

    /// Opens a connection for one call. Half of the connections are closed, the others dropped.
    async fn connect(&mut self, builder: &ConnectionBuilder) {
        let connecting = builder.clone().connect();
        let client = Client::new(in_time("the connection opens", connecting).await.unwrap());
        self.connections += 1;
        self.call(&client, 10).await;
        if self.connections % 2 == 0 {
            in_time("the connection closes", client.connection().close()).await.unwrap();
        }
    }
}
