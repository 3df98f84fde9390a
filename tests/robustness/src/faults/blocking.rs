//! The same session by the blocking client, over real sockets and in real time.

use std::{
    os::unix::net::UnixStream as StdUnixStream, sync::Arc, task::Poll, thread, time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use echo::{
    blocking::{Client, Connection, PingError, Subscription},
    error::SdkError,
    operation::echo_stream_messages::EchoStreamMessages,
    server::{Config, serve_connection},
    types::EchoStreamingMessage,
};
use eventstream_rpc::operation::StreamingOperation;
use test_util::{PATIENCE, Random, authenticate};
use tokio::{net::UnixStream, runtime::Runtime};

use crate::faults::{
    Tally,
    check::check,
    every::{clean, with_virtual_time},
    outcome::{Failure, Outcome, of_call, of_connect, of_connection},
    random::{name, random_faults},
    serve::Watched,
    session::{Faults, Report, Setup, Step, event, message},
    tally::{panics, watch_panics},
    wire::{Counts, Direction, Fault, Kind, proxy},
};

/// What is tried at each byte: what needs no deadline to be noticed.
pub(crate) const KINDS: [Kind; 8] = [
    Kind::Split,
    Kind::Merge,
    Kind::Delay(Duration::from_millis(2)),
    Kind::Corrupt(0x01),
    Kind::Corrupt(0x80),
    Kind::Double,
    Kind::Cut,
    Kind::HalfClose,
];

/// Sessions with random faults, from this seed on, one for each seed.
///
/// # Errors
///
/// The first session that is not as it must be, with its seed.
pub fn random(seed: u64, sessions: u64) -> Result<Tally> {
    let stage = Stage::new()?;
    let mut tally = Tally::default();
    for seed in seed..seed + sessions {
        let faults = random_faults(&mut Random::new(seed), stage.clean.bytes, false);
        let report = stage.try_one(&faults).with_context(|| format!("seed {seed}"))?;
        tally.add(format!("blocking, {}", name(&faults)), &report);
    }
    Ok(tally)
}

/// Tries every fault at every `stride`th byte in both directions.
///
/// # Errors
///
/// The first session that is not as it must be.
pub fn every(start: u64, stride: usize) -> Result<Tally> {
    let stage = Stage::new()?;
    let mut tally = Tally::default();
    for (index, direction) in Direction::BOTH.into_iter().enumerate() {
        for offset in (start..stage.clean.bytes[index]).step_by(stride) {
            for kind in KINDS {
                let report = stage.try_one(&Faults::one(direction, Fault { offset, kind }))?;
                tally.add(format!("blocking, {direction:?} {kind:?}"), &report);
            }
        }
    }
    Ok(tally)
}

/// Where sessions take place.
struct Stage {
    runtime: Runtime,
    service: Watched,
    /// What the asynchronous client sees over a wire that is well: the other sees the same.
    clean: Report,
}

impl Stage {
    fn new() -> Result<Self> {
        watch_panics();
        let mut clean = with_virtual_time(async { Ok(clean(&Setup::default()).await) })?;
        // Here the bytes of what is only sent go out while it is sent, and count by the step that follows.
        let mut next = clean.bytes;
        for step in clean.steps.iter_mut().rev() {
            if ["send", "close", "flush"].iter().any(|it| step.name.starts_with(it)) {
                step.at = next;
            }
            next = step.at;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let stage = Self { runtime, service: Watched::default(), clean };
        // As over any wire, and to the byte.
        let report = stage.try_one(&Faults::default())?;
        ensure!(report.bytes == stage.clean.bytes, "other bytes: {:?}", report.bytes);
        Ok(stage)
    }

    /// Runs a session and checks it.
    fn try_one(&self, faults: &Faults) -> Result<Report> {
        let before = panics();
        let report = self.run(faults).with_context(|| format!("{faults:?}"))?;
        if let Err(problem) = check(&self.clean, &report, faults) {
            bail!("{faults:?}: {problem}\n{:#?}", report.steps);
        }
        ensure!(panics() == before, "{faults:?}: something panicked");
        Ok(report)
    }

    fn run(&self, faults: &Faults) -> Result<Report> {
        let counts = Arc::<Counts>::default();
        let (client, near) = StdUnixStream::pair()?;
        near.set_nonblocking(true)?;
        let Faults { to_server, to_client } = faults.clone();
        let (service, proxied) = (self.service.clone(), Arc::clone(&counts));
        let serving = self.runtime.spawn(async move {
            let near = UnixStream::from_std(near)?;
            let (far, server) = UnixStream::pair()?;
            let serving = serve_connection(server, service, authenticate, Config::default());
            tokio::join!(proxy(near, far, to_server, to_client, proxied), serving);
            std::io::Result::Ok(())
        });
        let mut script = Script { counts: Arc::clone(&counts), steps: Vec::new() };
        let ended = script.run(client);
        // The client is gone, so that the server has nothing left to do.
        let served = async { tokio::time::timeout(PATIENCE, serving).await };
        self.runtime.block_on(served).context("the server does not end")???;
        // A call is served on a task of its own, which may still be on its way out.
        while self.service.serving() > 0 {
            thread::yield_now();
        }
        self.check_requests()?;
        let bytes = Direction::BOTH.map(|it| counts.get(it));
        Ok(Report { steps: script.steps, requests: Vec::new(), ended, bytes })
    }

    /// The server was asked for nothing but what the client asks for. Threads do not ask in a certain order.
    fn check_requests(&self) -> Result<()> {
        let mut expected = self.clean.requests.clone();
        for request in self.service.take_seen() {
            let Some(index) = expected.iter().position(|it| *it == request) else {
                bail!("the server was asked for something else: {request}");
            };
            expected.swap_remove(index);
        }
        Ok(())
    }
}

struct Script {
    counts: Arc<Counts>,
    steps: Vec<Step>,
}

impl Script {
    fn note(&mut self, name: impl Into<String>, outcome: Outcome) {
        let at = Direction::BOTH.map(|it| self.counts.get(it));
        self.steps.push(Step { name: name.into(), outcome, at });
    }

    /// Goes through everything; why the connection ended, if this side did not close it.
    fn run(&mut self, socket: StdUnixStream) -> Option<String> {
        let builder = Connection::builder().connect_header("client-name", "accepted.faults");
        let connection = match builder.call_timeout(PATIENCE).connect_over(socket) {
            Ok(connection) => connection,
            Err(error) => {
                self.note("connect", Err(of_connect(&error)));
                return None;
            }
        };
        self.note("connect", Ok(String::new()));
        let client = Client::new(connection.clone());
        self.calls(&client);
        self.streams(&client);
        let outcome = match connection.ping(PATIENCE) {
            Ok(()) => Ok("pong".to_owned()),
            Err(error @ PingError::Timeout) => Err(Failure::Deadline(error.to_string())),
            Err(error) => Err(Failure::Connection(error.to_string())),
        };
        self.note("ping", outcome);
        drop(client);
        let flushed = connection.flush();
        self.note("flush", of_connection(flushed));
        self.note("close", of_connection(connection.close()));
        connection.closed().err().map(|error| error.with_sources().to_string())
    }

    fn calls(&mut self, client: &Client) {
        let call = |text| {
            let response = client.echo_message().message(message(text)).send();
            response.map(|it| format!("{it:?}")).or_else(of_call)
        };
        for text in ["", "a", "a longer text that takes more than one look"] {
            self.note("echo", call(text));
        }
        let response = client.cause_service_error().send();
        self.note("cause_service_error", response.map(|it| format!("{it:?}")).or_else(of_call));
        // Several threads at once.
        let outcomes = thread::scope(|scope| {
            let calls = ["1", "2", "3"].map(|text| (text, scope.spawn(move || call(text))));
            calls.map(|(text, call)| (text, call.join().expect("a call panicked")))
        });
        for (name, outcome) in outcomes {
            self.note(name, outcome);
        }
    }

    fn streams(&mut self, client: &Client) {
        match self.opened("echo stream", client.echo_stream_messages().send()) {
            Some(mut stream) => self.echo(&mut stream),
            None => {
                let sends = ["send one", "send two", "send three"];
                let rest = ["next", "next", "next", "send close", "next", "next"];
                sends.iter().chain(&rest).for_each(|it| self.skip(it));
            }
        }
        match self.opened("failing stream", client.cause_stream_service_to_error().send()) {
            Some(mut stream) => {
                let sent = stream.send_event(event("go"));
                self.note("send go", sent.map(|()| String::new()).or_else(of_call));
                self.next(&mut stream);
            }
            None => ["send go", "next"].iter().for_each(|it| self.skip(it)),
        }
        match self.opened("stream to close", client.echo_stream_messages().send()) {
            Some(stream) => {
                let closed = stream.close();
                self.note("close stream", of_connection(closed));
            }
            None => self.skip("close stream"),
        }
    }

    fn echo(&mut self, stream: &mut Subscription<EchoStreamMessages>) {
        for text in ["one", "two", "three"] {
            self.send(stream, text);
        }
        for _ in 0..3 {
            self.next(stream);
        }
        self.send(stream, "close");
        self.next(stream);
        // The server ends the stream.
        self.next(stream);
    }

    fn skip(&mut self, name: &str) {
        self.note(name, Err(Failure::Skipped));
    }

    fn opened<O: StreamingOperation>(
        &mut self,
        name: &str,
        opened: Result<Subscription<O>, SdkError<O::Error>>,
    ) -> Option<Subscription<O>> {
        match opened {
            Ok(stream) => {
                self.note(name, Ok(String::new()));
                Some(stream)
            }
            Err(error) => {
                self.note(name, of_call(error));
                None
            }
        }
    }

    fn send(&mut self, stream: &Subscription<EchoStreamMessages>, text: &str) {
        let sent = stream.send_event(event(text));
        self.note(format!("send {text}"), sent.map(|()| String::new()).or_else(of_call));
    }

    /// An event, an error in its place, or the end.
    fn next<O>(&mut self, stream: &mut Subscription<O>)
    where
        O: StreamingOperation<ResponseEvent = EchoStreamingMessage>,
    {
        let outcome = match stream.next_timeout(PATIENCE) {
            Poll::Pending => Err(Failure::NoEvent),
            Poll::Ready(None) => Ok("end".to_owned()),
            Poll::Ready(Some(Ok(event))) => Ok(format!("{event:?}")),
            Poll::Ready(Some(Err(error))) => of_call(error),
        };
        // After an error there is nothing more, and nobody needs to be told again.
        let last = self.steps.last().map(|it| &it.outcome);
        let is_over = matches!(last, Some(Err(_))) && outcome.as_deref() == Ok("end");
        self.note("next", if is_over { Err(Failure::Skipped) } else { outcome });
    }
}
