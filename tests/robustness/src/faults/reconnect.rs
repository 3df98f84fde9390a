//! Clients that come back: after a fault the connection returns, and nothing is missed without a notice.

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

/// How long an event is waited for before there is another: it may have gone to nobody.
const PAUSE: Duration = Duration::from_millis(5);

/// How many calls and events there are in a session.
const ROUNDS: u64 = 5;

/// Which client it is.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Asynchronous,
    Blocking,
}

const BOTH: [Kind; 2] = [Kind::Asynchronous, Kind::Blocking];

/// Sessions of both clients with random faults, from this seed on, one for each seed.
///
/// # Errors
///
/// The first session that is not as it must be, with its seed.
pub fn random(seed: u64, sessions: u64) -> Result<Tally> {
    let stage = Stage::new(seed)?;
    let mut tally = Tally::default();
    for kind in BOTH {
        let bytes = stage.try_one(kind, &Faults::default())?.bytes;
        for seed in seed..seed + sessions {
            let faults = random_faults(&mut Random::new(seed), bytes, false);
            let course = stage.try_one(kind, &faults).with_context(|| format!("seed {seed}"))?;
            tally.add_session(format!("{kind:?}, {}", name(&faults)), course.failed);
        }
    }
    Ok(tally)
}

/// Tries every fault at every `stride`th byte of the first connection in both directions, with both clients.
///
/// # Errors
///
/// The first session that is not as it must be.
pub fn every(start: u64, stride: usize) -> Result<Tally> {
    let stage = Stage::new(start)?;
    let mut tally = Tally::default();
    for kind in BOTH {
        let bytes = stage.try_one(kind, &Faults::default())?.bytes;
        for (index, direction) in Direction::BOTH.into_iter().enumerate() {
            for offset in (start..bytes[index]).step_by(stride) {
                for fault in KINDS {
                    let faults = Faults::one(direction, Fault { offset, kind: fault });
                    let course = stage.try_one(kind, &faults)?;
                    tally.add_session(format!("{kind:?}, {direction:?} {fault:?}"), course.failed);
                }
            }
        }
    }
    Ok(tally)
}

/// Where sessions take place.
struct Stage {
    runtime: Runtime,
    folder: Folder,
    number: AtomicU64,
}

impl Stage {
    fn new(seed: u64) -> Result<Self> {
        watch_panics();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        Ok(Self { runtime, folder: Folder::new(seed)?, number: AtomicU64::new(0) })
    }

    /// Runs a session and checks it.
    fn try_one(&self, kind: Kind, faults: &Faults) -> Result<Course> {
        let before = panics();
        let course = self.run(kind, faults).with_context(|| format!("{kind:?}, {faults:?}"))?;
        ensure!(panics() == before, "{kind:?}, {faults:?}: something panicked");
        Ok(course)
    }

    fn run(&self, kind: Kind, faults: &Faults) -> Result<Course> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.0.join(format!("{kind:?}-{number}"));
        let feed = Feed::new(0);
        let wire = {
            let _runtime = self.runtime.enter();
            Wire::new(&path, feed.clone(), faults.clone())?
        };
        let mut course = Course::default();
        let ended = match kind {
            Kind::Asynchronous => {
                let session = asynchronous(&path, &feed, &mut course);
                self.runtime.block_on(async { tokio::time::timeout(TIMEOUT, session).await })
            }
            Kind::Blocking => Ok(blocking(&path, &feed, &mut course)),
        };
        wire.serving.abort();
        std::fs::remove_file(&path)?;
        let problem = match ended {
            Ok(Ok(())) => course.check(faults, &wire),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(anyhow::anyhow!("the session does not end")),
        };
        problem.with_context(|| format!("{:#?}", course.said))?;
        course.bytes = Direction::BOTH.map(|it| wire.counts.get(it));
        Ok(course)
    }
}

/// A server whose first connection has faults.
struct Wire {
    serving: JoinHandle<()>,
    /// How many connections there have been.
    connections: Arc<AtomicU64>,
    /// Of the first connection.
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
                let everyone = |_: &ConnectRequest| Ok(Identity(String::new()));
                let service = EchoTestRpcService::new(feed.clone());
                tokio::spawn(serve_connection(server, service, everyone, Config::default()));
                let (faults, counts) = first.take().unwrap_or_default();
                tokio::spawn(proxy(near, far, faults.to_server, faults.to_client, counts));
            }
        });
        Ok(Self { serving, connections, counts })
    }
}

/// What a client was told in the course of a session.
#[derive(Debug, Default)]
struct Course {
    /// All of it in words.
    said: Vec<String>,
    /// How many calls failed.
    failed: u64,
    bytes: [u64; 2],
    /// The last event, if no notice has come since.
    last: Option<u64>,
    is_out: bool,
    outages: u64,
    /// Whether connecting or subscribing failed, which nobody tries again for the application.
    has_failed_early: bool,
}

impl Course {
    /// A connection could not be opened.
    fn not_connected(&mut self, error: &ConnectError) -> Result<()> {
        self.said.push(error.with_sources().to_string());
        ensure!(!std::mem::replace(&mut self.has_failed_early, true), "the second time as well");
        match of_connect(error) {
            Failure::Connection(_) => Ok(()),
            failure => bail!("connecting: {failure:?}"),
        }
    }

    /// A call has ended; whether it succeeded.
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
        self.said.push(format!("{outcome:?}"));
        self.failed += 1;
        match outcome {
            Err(Failure::Connection(text)) if !text.is_empty() => Ok(()),
            outcome => bail!("a call failed otherwise: {outcome:?}"),
        }
    }

    /// Something has come on the subscription; whether it is an event.
    fn item<E: std::fmt::Debug>(
        &mut self,
        item: Option<Result<SubscriptionItem<EchoStreamingMessage>, SdkError<E>>>,
    ) -> Result<bool> {
        self.said.push(format!("{item:?}"));
        match item {
            Some(Ok(SubscriptionItem::Event(EchoStreamingMessage::StreamMessage(message)))) => {
                let text = message.string_message.context("an event without a text")?;
                let number: u64 = text.strip_prefix("0:").context("another's event")?.parse()?;
                ensure!(!self.is_out, "an event during an outage");
                let expected = self.last.map_or(number, |it| it + 1);
                ensure!(
                    number == expected,
                    "event {number} after {:?} without a notice",
                    self.last
                );
                self.last = Some(number);
                return Ok(true);
            }
            Some(Ok(SubscriptionItem::Notice(Notice::Disconnected))) if !self.is_out => {
                self.is_out = true;
                self.outages += 1;
            }
            Some(Ok(SubscriptionItem::Notice(Notice::Resubscribed))) if self.is_out => {
                self.is_out = false;
                self.last = None;
            }
            other => bail!("not what a subscription may say: {other:?}"),
        }
        Ok(false)
    }

    /// The client has closed the connection, which fails only if an outage has discarded something.
    fn closed(&mut self, result: Result<(), ConnectionError>) -> Result<()> {
        self.said.push(format!("closed: {result:?}"));
        match result {
            Ok(()) => Ok(()),
            Err(ConnectionError::Closed) => bail!("closing fails without a reason"),
            Err(_) => {
                let was_lost = self.outages + self.failed > 0 || self.has_failed_early;
                ensure!(was_lost, "closing fails without an outage");
                Ok(())
            }
        }
    }

    /// What must hold in the end, when a call has succeeded and an event has arrived.
    fn check(&self, faults: &Faults, wire: &Wire) -> Result<()> {
        let connections = wire.connections.load(Ordering::Relaxed);
        ensure!(!self.is_out, "the subscription is not back");
        if faults.all().all(|(_, it)| it.kind.is_harmless()) {
            ensure!(
                connections == 1 && self.failed == 0 && self.outages == 0,
                "every byte arrived"
            );
        }
        let outages = self.outages + u64::from(self.has_failed_early);
        if connections == 1 {
            ensure!(self.failed == 0 && outages == 0, "an outage, and no second connection");
        }
        ensure!(connections < 10, "{connections} connections");
        Ok(())
    }
}

fn policy() -> ReconnectPolicy {
    let backoff = Duration::from_millis(1);
    ReconnectPolicy::default().initial_backoff(backoff).max_backoff(2 * backoff)
}

/// A session of the asynchronous client. What has failed is tried again: the second connection is well.
async fn asynchronous(path: &Path, feed: &Feed, course: &mut Course) -> Result<()> {
    let connection = loop {
        match Connection::builder().socket_path(path).reconnect(policy()).connect().await {
            Ok(connection) => break connection,
            Err(error) => course.not_connected(&error)?,
        }
    };
    let client = echo::Client::new(connection);
    let mut stream = loop {
        match client.echo_stream_messages().send().await {
            Ok(stream) => break stream.with_notices(),
            Err(error) => {
                course.failed(of_call(error))?;
                tokio::time::sleep(PAUSE).await;
            }
        }
    };
    let mut round = 0;
    let mut is_answered = false;
    while round < ROUNDS || !is_answered {
        let text = format!("call {round}");
        let response = client.echo_message().message(message(&text)).send().await;
        is_answered = course.call(&text, response)?;
        loop {
            feed.publish();
            let Ok(item) = tokio::time::timeout(PAUSE, stream.next()).await else { continue };
            if course.item(item)? {
                break;
            }
        }
        round += 1;
    }
    course.closed(client.connection().close().await)?;
    client.connection().closed().await?;
    while let Some(item) = stream.next().await {
        course.item(Some(item))?;
    }
    Ok(())
}

/// The same of the blocking client.
fn blocking(path: &Path, feed: &Feed, course: &mut Course) -> Result<()> {
    let until = Instant::now() + TIMEOUT;
    let in_time =
        || if Instant::now() < until { Ok(()) } else { bail!("the session does not end") };
    let connection = loop {
        match blocking::Connection::builder().socket_path(path).reconnect(policy()).connect() {
            Ok(connection) => break connection,
            Err(error) => course.not_connected(&error)?,
        }
    };
    let client = blocking::Client::new(connection);
    let mut stream = loop {
        in_time()?;
        match client.echo_stream_messages().send() {
            Ok(stream) => break stream.with_notices(),
            Err(error) => {
                course.failed(of_call(error))?;
                std::thread::sleep(PAUSE);
            }
        }
    };
    let mut round = 0;
    let mut is_answered = false;
    while round < ROUNDS || !is_answered {
        let text = format!("call {round}");
        let response = client.echo_message().message(message(&text)).send();
        is_answered = course.call(&text, response)?;
        loop {
            in_time()?;
            feed.publish();
            let Poll::Ready(item) = stream.next_timeout(PAUSE) else { continue };
            if course.item(item)? {
                break;
            }
        }
        round += 1;
    }
    course.closed(client.connection().close())?;
    client.connection().closed()?;
    for item in stream {
        course.item(Some(item))?;
    }
    Ok(())
}
