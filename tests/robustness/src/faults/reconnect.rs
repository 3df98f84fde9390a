//! Clients that reconnect: after a fault the connection is restored, and no event is missing without a notice.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use echo::{
    blocking,
    client::{Connection, Notice, ReconnectPolicy, SubscriptionItem},
    error::{ConnectError, ConnectionError, SdkError},
    operation::echo_message::EchoMessageResponse,
    server::{Config, ConnectRequest, EchoTestRpcService, Identity, serve_connection},
    types::EchoStreamingMessage,
};
use eventstream_rpc::error::OperationError;
use test_util::{Feed, Random, TIMEOUT};
use tokio::{net::UnixListener, runtime::Runtime, task::JoinHandle};

use crate::faults::{
    blocking::KINDS,
    outcome::{Failure, of_call, of_connect},
    random::{Folder, name, random_faults},
    session::{Faults, message},
    tally::{Tally, panics, watch_panics},
    wire::{Counts, Direction, Fault, proxy},
};

/// How long to wait for an event before the next is published: the last one may have had no subscriber.
const PAUSE: Duration = Duration::from_millis(5);

/// The number of calls and of events in a session.
const ROUNDS: u64 = 5;

/// The client under test.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Asynchronous,
    Blocking,
}

const BOTH: [Kind; 2] = [Kind::Asynchronous, Kind::Blocking];

/// Tests sessions of both clients with random faults, one for each seed beginning with this one.
///
/// # Errors
///
/// If a session violates a rule. The error contains the seed.
pub fn random(seed: u64, sessions: u64) -> Result<Tally> {
    let fixture = Fixture::new(seed)?;
    let mut tally = Tally::default();
    for kind in BOTH {
        let bytes = fixture.run_checked(kind, &Faults::default())?.bytes;
        for seed in seed..seed + sessions {
            let faults = random_faults(&mut Random::new(seed), bytes, false);
            let session =
                fixture.run_checked(kind, &faults).with_context(|| format!("seed {seed}"))?;
            tally.add_session(format!("{kind:?}, {}", name(&faults)), session.failed);
        }
    }
    Ok(tally)
}

/// Tests each fault at each `stride`th byte of the first connection in both directions, with both clients.
///
/// # Errors
///
/// If a session violates a rule.
pub fn every(start: u64, stride: usize) -> Result<Tally> {
    let fixture = Fixture::new(start)?;
    let mut tally = Tally::default();
    for kind in BOTH {
        let bytes = fixture.run_checked(kind, &Faults::default())?.bytes;
        for (index, direction) in Direction::BOTH.into_iter().enumerate() {
            for offset in (start..bytes[index]).step_by(stride) {
                for fault in KINDS {
                    let faults = Faults::one(direction, Fault { offset, kind: fault });
                    let session = fixture.run_checked(kind, &faults)?;
                    tally.add_session(format!("{kind:?}, {direction:?} {fault:?}"), session.failed);
                }
            }
        }
    }
    Ok(tally)
}

/// The runtime and the sockets of sessions.
struct Fixture {
    runtime: Runtime,
    folder: Folder,
    number: AtomicU64,
}

impl Fixture {
    fn new(seed: u64) -> Result<Self> {
        watch_panics();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        Ok(Self { runtime, folder: Folder::new(seed)?, number: AtomicU64::new(0) })
    }

    /// Runs a session and checks it.
    fn run_checked(&self, kind: Kind, faults: &Faults) -> Result<Session> {
        let before = panics();
        let session = self.run(kind, faults).with_context(|| format!("{kind:?}, {faults:?}"))?;
        ensure!(panics() == before, "{kind:?}, {faults:?}: a task or thread panicked");
        Ok(session)
    }

    fn run(&self, kind: Kind, faults: &Faults) -> Result<Session> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.0.join(format!("{kind:?}-{number}"));
        let feed = Feed::new(0);
        let wire = {
            let _runtime = self.runtime.enter();
            Wire::new(&path, feed.clone(), faults.clone())?
        };
        let mut session = Session::default();
        let ended = match kind {
            Kind::Asynchronous => {
                let running = asynchronous(&path, &feed, &mut session);
                self.runtime.block_on(async { tokio::time::timeout(TIMEOUT, running).await })
            }
            Kind::Blocking => Ok(blocking(&path, &feed, &mut session)),
        };
        wire.serving.abort();
        std::fs::remove_file(&path)?;
        let problem = match ended {
            Ok(Ok(())) => session.check(faults, &wire),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(anyhow::anyhow!("the session does not end")),
        };
        problem.with_context(|| format!("{:#?}", session.log))?;
        session.bytes = Direction::BOTH.map(|it| wire.counts.get(it));
        Ok(session)
    }
}

/// A server on a socket, with a proxy for each connection. Only the first connection has faults.
struct Wire {
    serving: JoinHandle<()>,
    /// The number of connections so far.
    connections: Arc<AtomicU64>,
    /// The bytes of the first connection.
    counts: Arc<Counts>,
}

impl Wire {
    fn new(path: &Path, feed: Feed, faults: Faults) -> Result<Self> {
        let listener = UnixListener::bind(path)?;
        let connections = Arc::<AtomicU64>::default();
        let counts = Arc::<Counts>::default();
        let (accepted, counted) = (Arc::clone(&connections), Arc::clone(&counts));
        let serving = tokio::spawn(async move {
            let mut first = Some((faults, counted));
            while let Ok((near, _)) = listener.accept().await {
                accepted.fetch_add(1, Ordering::Relaxed);
                let (far, server) = tokio::io::duplex(64 * 1024);
                let accept_all = |_: &ConnectRequest| Ok(Identity(String::new()));
                let service = EchoTestRpcService::new(feed.clone());
                tokio::spawn(serve_connection(server, service, accept_all, Config::default()));
                let (faults, counts) = first.take().unwrap_or_default();
                tokio::spawn(proxy(near, far, faults.to_server, faults.to_client, counts));
            }
        });
        Ok(Self { serving, connections, counts })
    }
}

/// The state and the log of a session.
#[derive(Debug, Default)]
struct Session {
    /// All results, events and notices as text.
    log: Vec<String>,
    /// The number of failed calls.
    failed: u64,
    bytes: [u64; 2],
    /// The last event, if no notice has arrived since.
    last: Option<u64>,
    in_outage: bool,
    outages: u64,
    /// Whether connecting failed, which the client does not retry.
    has_failed_early: bool,
}

impl Session {
    /// Records that connecting failed.
    fn not_connected(&mut self, error: &ConnectError) -> Result<()> {
        self.log.push(error.with_sources().to_string());
        ensure!(!std::mem::replace(&mut self.has_failed_early, true), "connecting fails twice");
        match of_connect(error) {
            Failure::Connection(_) => Ok(()),
            failure => bail!("connecting: {failure:?}"),
        }
    }

    /// Records the result of a call. Returns whether it succeeded.
    fn call<E: OperationError>(
        &mut self,
        text: &str,
        result: Result<EchoMessageResponse, SdkError<E>>,
    ) -> Result<bool> {
        let outcome = match result {
            Ok(response) if response.message == Some(message(text)) => return Ok(true),
            Ok(response) => bail!("a wrong response: {response:?}"),
            Err(error) => of_call(error),
        };
        self.failed(outcome)?;
        Ok(false)
    }

    fn failed(&mut self, outcome: Result<String, Failure>) -> Result<()> {
        self.log.push(format!("{outcome:?}"));
        self.failed += 1;
        match outcome {
            Err(Failure::Connection(text)) if !text.is_empty() => Ok(()),
            outcome => bail!("a call failed with another error: {outcome:?}"),
        }
    }

    /// Records an item of the subscription. Returns whether it is an event.
    fn item<E: std::fmt::Debug>(
        &mut self,
        item: Option<Result<SubscriptionItem<EchoStreamingMessage>, SdkError<E>>>,
    ) -> Result<bool> {
        self.log.push(format!("{item:?}"));
        match item {
            Some(Ok(SubscriptionItem::Event(EchoStreamingMessage::StreamMessage(message)))) => {
                let text = message.string_message.context("an event without a text")?;
                let number: u64 =
                    text.strip_prefix("0:").context("an event of another server")?.parse()?;
                ensure!(!self.in_outage, "an event during an outage");
                let expected = self.last.map_or(number, |it| it + 1);
                ensure!(
                    number == expected,
                    "event {number} after {:?} without a notice",
                    self.last
                );
                self.last = Some(number);
                return Ok(true);
            }
            Some(Ok(SubscriptionItem::Notice(Notice::Disconnected))) if !self.in_outage => {
                self.in_outage = true;
                self.outages += 1;
            }
            Some(Ok(SubscriptionItem::Notice(Notice::Resubscribed))) if self.in_outage => {
                self.in_outage = false;
                self.last = None;
            }
            other => bail!("an unexpected item: {other:?}"),
        }
        Ok(false)
    }

    /// Records the result of closing the connection, which may fail only if an outage has discarded messages.
    fn closed(&mut self, result: Result<(), ConnectionError>) -> Result<()> {
        self.log.push(format!("closed: {result:?}"));
        match result {
            Ok(()) => Ok(()),
            Err(ConnectionError::Closed) => bail!("closing fails without a cause"),
            Err(_) => {
                let was_lost = self.outages + self.failed > 0 || self.has_failed_early;
                ensure!(was_lost, "closing fails without an outage");
                Ok(())
            }
        }
    }

    /// Checks the rules that hold at the end of a session.
    fn check(&self, faults: &Faults, wire: &Wire) -> Result<()> {
        let connections = wire.connections.load(Ordering::Relaxed);
        ensure!(!self.in_outage, "the subscription is not restored");
        if faults.all().all(|(_, it)| it.kind.is_harmless()) {
            ensure!(
                connections == 1 && self.failed == 0 && self.outages == 0,
                "the session has failures although all bytes arrived"
            );
        }
        let outages = self.outages + u64::from(self.has_failed_early);
        if connections == 1 {
            ensure!(self.failed == 0 && outages == 0, "an outage without a second connection");
        }
        ensure!(connections < 10, "{connections} connections");
        Ok(())
    }
}

fn policy() -> ReconnectPolicy {
    let backoff = Duration::from_millis(1);
    ReconnectPolicy::default().initial_backoff(backoff).max_backoff(2 * backoff)
}

/// Runs a session of the asynchronous client. Failed operations are repeated: only the first connection has faults.
async fn asynchronous(path: &Path, feed: &Feed, session: &mut Session) -> Result<()> {
    let connection = loop {
        match Connection::builder().socket_path(path).reconnect(policy()).connect().await {
            Ok(connection) => break connection,
            Err(error) => session.not_connected(&error)?,
        }
    };
    let client = echo::Client::new(connection);
    let mut stream = loop {
        match client.echo_stream_messages().send().await {
            Ok(stream) => break stream.with_notices(),
            Err(error) => {
                session.failed(of_call(error))?;
                tokio::time::sleep(PAUSE).await;
            }
        }
    };
    let mut round = 0;
    let mut is_answered = false;
    while round < ROUNDS || !is_answered {
        let text = format!("call {round}");
        let response = client.echo_message().message(message(&text)).send().await;
        is_answered = session.call(&text, response)?;
        loop {
            feed.publish();
            let Ok(item) = tokio::time::timeout(PAUSE, stream.next()).await else { continue };
            if session.item(item)? {
                break;
            }
        }
        round += 1;
    }
    session.closed(client.connection().close().await)?;
    client.connection().closed().await?;
    while let Some(item) = stream.next().await {
        session.item(Some(item))?;
    }
    Ok(())
}

/// Runs a session of the blocking client.
fn blocking(path: &Path, feed: &Feed, session: &mut Session) -> Result<()> {
    let until = Instant::now() + TIMEOUT;
    let in_time =
        || if Instant::now() < until { Ok(()) } else { bail!("the session does not end") };
    let connection = loop {
        match blocking::Connection::builder().socket_path(path).reconnect(policy()).connect() {
            Ok(connection) => break connection,
            Err(error) => session.not_connected(&error)?,
        }
    };
    let client = blocking::Client::new(connection);
    let mut stream = loop {
        in_time()?;
        match client.echo_stream_messages().send() {
            Ok(stream) => break stream.with_notices(),
            Err(error) => {
                session.failed(of_call(error))?;
                std::thread::sleep(PAUSE);
            }
        }
    };
    let mut round = 0;
    let mut is_answered = false;
    while round < ROUNDS || !is_answered {
        let text = format!("call {round}");
        let response = client.echo_message().message(message(&text)).send();
        is_answered = session.call(&text, response)?;
        loop {
            in_time()?;
            feed.publish();
            let Poll::Ready(item) = stream.next_timeout(PAUSE) else { continue };
            if session.item(item)? {
                break;
            }
        }
        round += 1;
    }
    session.closed(client.connection().close())?;
    client.connection().closed()?;
    for item in stream {
        session.item(Some(item))?;
    }
    Ok(())
}
