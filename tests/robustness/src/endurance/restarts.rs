//! A server that is killed and started again, under traffic.

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

/// How many calls are made at once, by as many tasks.
const CALLERS: usize = 8;

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// How often the server was killed.
    pub restarts: u64,
    /// Calls that were answered.
    pub answered: u64,
    /// Calls that failed with the connection, after their request had been written.
    pub lost: u64,
    /// Calls that failed with the connection, before.
    pub unsent: u64,
    /// Calls whose time was up.
    pub late: u64,
    /// Events that arrived, for all subscribers together.
    pub events: u64,
    /// The longest from the death of a server to the return of every subscriber, or to the end of the
    /// connection where there is no return.
    pub longest: Duration,
    /// At the beginning and at the end.
    pub figures: [ResourceUsage; 2],
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { restarts, answered, lost, unsent, late, events, longest, figures } = self;
        writeln!(f, "  restarts  {restarts}, the longest outage {longest:?}")?;
        writeln!(
            f,
            "  calls     {answered} answered, {lost} lost with their connection, {unsent} not sent, {late} late"
        )?;
        writeln!(f, "  events    {events}, none twice and none left out without a notice")?;
        writeln!(f, "  before    {}", figures[0])?;
        write!(f, "  after     {}", figures[1])
    }
}

/// Whether callbacks about the connection come in pairs.
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
    late: AtomicU64,
}

impl Calls {
    /// Calls without a pause until it is told to stop or the connection has ended for good.
    async fn make(self: Arc<Self>, client: Client, caller: usize) {
        for number in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let text = format!("{caller}/{number}");
            let message = MessageData::builder().string_message(&text).build();
            let call = client.echo_message().message(message);
            match in_time("a call ends", call.send()).await {
                Ok(response) => {
                    let message = response.message.unwrap_or_default();
                    assert_eq!(message.string_message, Some(text), "each gets its own answer");
                    self.answered.fetch_add(1, Ordering::Relaxed);
                }
                Err(SdkError::DispatchFailure { source, request_written, .. }) => {
                    let counter = if request_written { &self.lost } else { &self.unsent };
                    counter.fetch_add(1, Ordering::Relaxed);
                    match source {
                        ConnectionError::ReconnectRejected(_)
                        | ConnectionError::ReconnectFailed(_) => return,
                        // The connection is down: there is nothing to do until it is back.
                        _ => tokio::time::sleep(Duration::from_millis(1)).await,
                    }
                }
                Err(SdkError::Timeout { .. }) => {
                    self.late.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => panic!("{error:?}"),
            }
        }
    }
}

fn builder(what: &Serve, policy: ReconnectPolicy) -> ConnectionBuilder {
    ConnectionBuilder::default()
        .socket_path(&what.path)
        .connect_header("token", what.token.as_str())
        .reconnect(policy)
}

fn policy() -> ReconnectPolicy {
    ReconnectPolicy::default()
        .initial_backoff(Duration::from_millis(2))
        .max_backoff(Duration::from_millis(20))
        .max_attempts(1_000)
        // A server that is killed in the handshake looks as one that refuses.
        .max_rejections(100)
}

/// Restarts a server that knows the token again each time: the clients come back.
///
/// # Errors
///
/// What the operating system says, or a leak.
///
/// # Panics
///
/// If a promise is not kept.
pub async fn with_tokens_that_stay(program: &Path, count: u64, seed: u64) -> Result<Report> {
    let mut random = Random::new(seed);
    let mut what = Serve { path: socket_path(), token: "good".to_owned(), generation: 0 };
    let mut server = ServerProcess::start(program, &what).await?;
    // On one calls wait for the connection, on the other they fail.
    let lifecycle = Lifecycle::default();
    let waiting =
        builder(&what, policy().calls_wait(true)).lifecycle_handler(lifecycle.clone()).connect();
    let failing = builder(&what, policy()).connect();
    let mut report = Report::default();
    report.figures[0] = ResourceUsage::current()?;
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
        what.generation = generation;
        server = ServerProcess::start(program, &what).await?;
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
        // What was on its way when a server was killed is lost, and the result may say so.
        let _ = client.connection().close().await;
    }
    for watcher in watchers {
        let watched = watcher.ended().await;
        ensure!(watched.error.is_none(), "closing is no error: {:?}", watched.error);
        ensure!(watched.outages >= count, "{} outages noticed", watched.outages);
        report.events += watched.events;
    }
    let LifecycleState { is_wrong, connects, .. } = &*lifecycle.0;
    ensure!(!is_wrong.load(Ordering::Relaxed), "callbacks out of order");
    ensure!(connects.load(Ordering::Relaxed) > count, "{connects:?} connects");
    report.take(&calls);
    server.kill().await?;
    report.figures[1] = settled(&report.figures[0]).await?;
    std::fs::remove_file(&what.path)?;
    Ok(report)
}

/// Restarts a server that does not know the token again, as a nucleus does: each client ends with an error
/// of its own, and another takes its place.
///
/// # Errors
///
/// What the operating system says, or a leak.
///
/// # Panics
///
/// If a promise is not kept.
pub async fn with_tokens_that_do_not(program: &Path, count: u64, seed: u64) -> Result<Report> {
    let mut random = Random::new(seed);
    let mut what = Serve { path: socket_path(), token: "0".to_owned(), generation: 0 };
    let mut server = ServerProcess::start(program, &what).await?;
    let mut report = Report::default();
    report.figures[0] = ResourceUsage::current()?;
    for generation in 1..=count {
        let rejections = 3;
        let policy = policy().max_rejections(rejections).calls_wait(generation % 2 == 0);
        let client = Client::new(builder(&what, policy).connect().await?);
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
        what = Serve { token: generation.to_string(), generation, ..what };
        server = ServerProcess::start(program, &what).await?;

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
        report.take(&calls);
    }
    server.kill().await?;
    report.figures[1] = settled(&report.figures[0]).await?;
    std::fs::remove_file(&what.path)?;
    Ok(report)
}

impl Report {
    fn take(&mut self, calls: &Calls) {
        self.answered += calls.answered.load(Ordering::Relaxed);
        self.lost += calls.lost.load(Ordering::Relaxed);
        self.unsent += calls.unsent.load(Ordering::Relaxed);
        self.late += calls.late.load(Ordering::Relaxed);
    }
}

/// What is in use once everything has ended that was told to.
///
/// # Errors
///
/// Something stays.
pub(crate) async fn settled(before: &ResourceUsage) -> Result<ResourceUsage> {
    let began = Instant::now();
    loop {
        let figures = ResourceUsage::current()?;
        match figures.leaked_since(before) {
            None => return Ok(figures),
            Some(leak) => ensure!(began.elapsed() < test_util::TIMEOUT, "something stays: {leak}"),
        }
        // Tasks and sockets go away by themselves, and nobody says when.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
