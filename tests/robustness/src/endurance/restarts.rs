//! Killing and restarting a server under traffic.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use echo::{
    Client,
    client::{ConnectionBuilder, LifecycleHandler, ReconnectPolicy},
    error::{ConnectionError, SdkError},
    types::MessageData,
};
use test_util::{Random, ResourceUsage, in_time, socket_path};
use tokio::task::JoinSet;

use crate::endurance::{Serve, ServerProcess, Watcher};

/// The number of tasks that make calls concurrently.
const CALLERS: usize = 8;

/// The result of the test.
#[derive(Debug, Default)]
pub struct Report {
    /// The number of restarts.
    pub restarts: u64,
    /// The number of answered calls.
    pub answered: u64,
    /// The number of calls that failed with the connection after their request was written.
    pub lost: u64,
    /// The number of calls that failed with the connection before their request was written.
    pub unsent: u64,
    /// The number of calls that timed out.
    pub timed_out: u64,
    /// The number of events that all subscribers received.
    pub events: u64,
    /// The longest time from the end of a server until all subscribers were restored or the connection ended.
    pub longest: Duration,
    /// The resources in use at the beginning and at the end.
    pub usage: [ResourceUsage; 2],
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { restarts, answered, lost, unsent, timed_out, events, longest, usage } = self;
        writeln!(f, "  restarts  {restarts}, the longest outage {longest:?}")?;
        writeln!(
            f,
            "  calls     {answered} answered, {lost} lost with their connection, {unsent} not sent, {timed_out} timed out"
        )?;
        writeln!(f, "  events    {events}, without duplicates or unreported gaps")?;
        writeln!(f, "  before    {}", usage[0])?;
        write!(f, "  after     {}", usage[1])
    }
}

/// A lifecycle handler that checks that connects and disconnects alternate.
#[derive(Clone, Default)]
struct Lifecycle(Arc<LifecycleState>);

#[derive(Default)]
struct LifecycleState {
    is_connected: AtomicBool,
    is_wrong: AtomicBool,
    connects: AtomicU64,
}

impl LifecycleHandler for Lifecycle {
    fn on_connect(&mut self) {
        self.0.connects.fetch_add(1, Ordering::Relaxed);
        if self.0.is_connected.swap(true, Ordering::Relaxed) {
            self.0.is_wrong.store(true, Ordering::Relaxed);
        }
    }

    fn on_disconnect(&mut self, _error: Option<&ConnectionError>) {
        if !self.0.is_connected.swap(false, Ordering::Relaxed) {
            self.0.is_wrong.store(true, Ordering::Relaxed);
        }
    }
}

#[derive(Default)]
struct Calls {
    stop: AtomicBool,
    answered: AtomicU64,
    lost: AtomicU64,
    unsent: AtomicU64,
    timed_out: AtomicU64,
}

impl Calls {
    /// Makes calls without pause until `stop` is set or the connection has ended permanently.
    async fn make(self: Arc<Self>, client: Client, caller: usize) {
        for number in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let text = format!("{caller}/{number}");
            let message = MessageData::builder().string_message(&text).build();
            let call = client.echo_message().message(message);
            match in_time("the call ends", call.send()).await {
                Ok(response) => {
                    let message = response.message.unwrap_or_default();
                    assert_eq!(
                        message.string_message,
                        Some(text),
                        "each call receives its own response"
                    );
                    self.answered.fetch_add(1, Ordering::Relaxed);
                }
                Err(SdkError::DispatchFailure { source, request_written, .. }) => {
                    let counter = if request_written { &self.lost } else { &self.unsent };
                    counter.fetch_add(1, Ordering::Relaxed);
                    match source {
                        ConnectionError::ReconnectRejected(_)
                        | ConnectionError::ReconnectFailed(_) => return,
                        // The connection is down. Waits a little before the next call.
                        _ => tokio::time::sleep(Duration::from_millis(1)).await,
                    }
                }
                Err(SdkError::Timeout { .. }) => {
                    self.timed_out.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => panic!("{error:?}"),
            }
        }
    }
}

fn builder(options: &Serve, policy: ReconnectPolicy) -> ConnectionBuilder {
    ConnectionBuilder::default()
        .socket_path(&options.path)
        .connect_header("token", options.token.as_str())
        .reconnect(policy)
}

fn policy() -> ReconnectPolicy {
    ReconnectPolicy::default()
        .initial_backoff(Duration::from_millis(2))
        .max_backoff(Duration::from_millis(20))
        .max_attempts(1_000)
        // A server that is killed during the handshake looks like a rejection.
        .max_rejections(100)
}

/// Restarts a server that accepts the same token each time. The clients reconnect.
///
/// # Errors
///
/// If an operation of the operating system fails or a resource leaks.
///
/// # Panics
///
/// If a promise is broken.
pub async fn with_valid_tokens(program: &Path, count: u64, seed: u64) -> Result<Report> {
    let mut random = Random::new(seed);
    let mut options = Serve { path: socket_path(), token: "good".to_owned(), generation: 0 };
    let mut server = ServerProcess::start(program, &options).await?;
    // During an outage, calls wait on the first connection and fail on the second.
    let lifecycle = Lifecycle::default();
    let waiting =
        builder(&options, policy().calls_wait(true)).lifecycle_handler(lifecycle.clone()).connect();
    let failing = builder(&options, policy()).connect();
    let mut report = Report::default();
    report.usage[0] = ResourceUsage::current()?;
    let clients = [Client::new(waiting.await?), Client::new(failing.await?)];
    let mut watchers = Vec::new();
    let calls = Arc::new(Calls::default());
    let mut callers = JoinSet::new();
    for client in &clients {
        for _ in 0..2 {
            watchers.push(Watcher::stream(client).await?);
            watchers.push(Watcher::handler(client).await?);
        }
        for caller in 0..CALLERS / clients.len() {
            callers.spawn(Arc::clone(&calls).make(client.clone(), caller));
        }
    }
    for generation in 1..=count {
        for watcher in &mut watchers {
            watcher.reaches(generation - 1).await;
        }
        tokio::time::sleep(Duration::from_millis(random.below(20))).await;
        let began = Instant::now();
        server.kill().await?;
        options.generation = generation;
        server = ServerProcess::start(program, &options).await?;
        for watcher in &mut watchers {
            watcher.reaches(generation).await;
        }
        report.longest = report.longest.max(began.elapsed());
        report.restarts += 1;
    }
    calls.stop.store(true, Ordering::Relaxed);
    while let Some(caller) = in_time("every caller stops", callers.join_next()).await {
        caller?;
    }
    for client in clients {
        // Ignored: reports messages that were lost with a killed server.
        let _ = client.connection().close().await;
    }
    for watcher in watchers {
        let watched = watcher.ended().await;
        ensure!(watched.error.is_none(), "closing is not an error: {:?}", watched.error);
        ensure!(watched.outages >= count, "only {} outages detected", watched.outages);
        report.events += watched.events;
    }
    let LifecycleState { is_wrong, connects, .. } = &*lifecycle.0;
    ensure!(!is_wrong.load(Ordering::Relaxed), "callbacks out of order");
    ensure!(connects.load(Ordering::Relaxed) > count, "{connects:?} connects");
    report.add(&calls);
    server.kill().await?;
    report.usage[1] = settled(&report.usage[0]).await?;
    std::fs::remove_file(&options.path)?;
    Ok(report)
}

/// Restarts a server that no longer accepts the token, as a nucleus does. Each client ends with an error, and a new
/// client replaces it.
///
/// # Errors
///
/// If an operation of the operating system fails or a resource leaks.
///
/// # Panics
///
/// If a promise is broken.
pub async fn with_invalidated_tokens(program: &Path, count: u64, seed: u64) -> Result<Report> {
    let mut random = Random::new(seed);
    let mut options = Serve { path: socket_path(), token: "0".to_owned(), generation: 0 };
    let mut server = ServerProcess::start(program, &options).await?;
    let mut report = Report::default();
    report.usage[0] = ResourceUsage::current()?;
    for generation in 1..=count {
        let rejections = 3;
        let policy = policy().max_rejections(rejections).calls_wait(generation % 2 == 0);
        let client = Client::new(builder(&options, policy).connect().await?);
        let mut watchers = [Watcher::stream(&client).await?, Watcher::handler(&client).await?];
        let calls = Arc::new(Calls::default());
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            callers.spawn(Arc::clone(&calls).make(client.clone(), caller));
        }
        for watcher in &mut watchers {
            watcher.reaches(generation - 1).await;
        }
        tokio::time::sleep(Duration::from_millis(random.below(20))).await;
        let began = Instant::now();
        server.kill().await?;
        options = Serve { token: generation.to_string(), generation, ..options };
        server = ServerProcess::start(program, &options).await?;

        let ended = in_time("the connection ends", client.connection().closed()).await;
        ensure!(matches!(ended, Err(ConnectionError::ReconnectRejected(_))), "{ended:?}");
        while let Some(caller) = in_time("every caller stops", callers.join_next()).await {
            caller?;
        }
        for watcher in watchers {
            let watched = watcher.ended().await;
            ensure!(watched.error.is_some() && watched.outages == 1, "{watched:?}");
            report.events += watched.events;
        }
        report.longest = report.longest.max(began.elapsed());
        report.restarts += 1;
        report.add(&calls);
    }
    server.kill().await?;
    report.usage[1] = settled(&report.usage[0]).await?;
    std::fs::remove_file(&options.path)?;
    Ok(report)
}

impl Report {
    fn add(&mut self, calls: &Calls) {
        self.answered += calls.answered.load(Ordering::Relaxed);
        self.lost += calls.lost.load(Ordering::Relaxed);
        self.unsent += calls.unsent.load(Ordering::Relaxed);
        self.timed_out += calls.timed_out.load(Ordering::Relaxed);
    }
}

/// Waits until the resources in use are those of before.
///
/// # Errors
///
/// If a resource leaks.
pub(crate) async fn settled(before: &ResourceUsage) -> Result<ResourceUsage> {
    let began = Instant::now();
    loop {
        let usage = ResourceUsage::current()?;
        match usage.leaked_since(before) {
            None => return Ok(usage),
            Some(leak) => ensure!(began.elapsed() < test_util::TIMEOUT, "leaked: {leak}"),
        }
        // Tasks and sockets end with a delay and without a notification.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
