//! The session of the blocking client, over real sockets and in real time.

use std::{os::unix::net::UnixStream as StdUnixStream, sync::Arc, thread, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use echo::{
    blocking::{Client, Connection, Subscription},
    operation::echo_stream_messages::EchoStreamMessages,
    server::{Config, serve_connection},
    types::EchoStreamingMessage,
};
use eventstream_rpc::operation::StreamingOperation;
use test_util::{Random, TIMEOUT, authenticate};
use tokio::{net::UnixStream, runtime::Runtime};

use crate::faults::{
    Tally,
    check::check,
    every::{clean, with_virtual_time},
    outcome::{of_connect, of_connection},
    random::{name, random_faults},
    serve::CountingService,
    session::{Faults, Report, Setup, event, message},
    steps::{ECHO, Steps},
    tally::{panics, watch_panics},
    wire::{Counts, Direction, Fault, Kind, proxy},
};

/// The faults to test: those that are detected without a deadline.
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

/// Tests sessions with random faults, one for each seed beginning with this one.
///
/// # Errors
///
/// If a session violates a rule. The error contains the seed.
pub fn random(seed: u64, sessions: u64) -> Result<Tally> {
    let fixture = Fixture::new()?;
    let mut tally = Tally::default();
    for seed in seed..seed + sessions {
        let faults = random_faults(&mut Random::new(seed), fixture.clean.bytes, false);
        let report = fixture.run_checked(&faults).with_context(|| format!("seed {seed}"))?;
        tally.add(format!("blocking, {}", name(&faults)), &report);
    }
    Ok(tally)
}

/// Tests each fault at each `stride`th byte in both directions.
///
/// # Errors
///
/// If a session violates a rule.
pub fn every(start: u64, stride: usize) -> Result<Tally> {
    let fixture = Fixture::new()?;
    let mut tally = Tally::default();
    for (index, direction) in Direction::BOTH.into_iter().enumerate() {
        for offset in (start..fixture.clean.bytes[index]).step_by(stride) {
            for kind in KINDS {
                let report =
                    fixture.run_checked(&Faults::one(direction, Fault { offset, kind }))?;
                tally.add(format!("blocking, {direction:?} {kind:?}"), &report);
            }
        }
    }
    Ok(tally)
}

/// The server and the expected results of sessions.
struct Fixture {
    runtime: Runtime,
    service: CountingService,
    /// The session of the asynchronous client without faults. That of the blocking client must be equal.
    clean: Report,
}

impl Fixture {
    fn new() -> Result<Self> {
        watch_panics();
        let mut clean = with_virtual_time(async { Ok(clean(&Setup::default()).await) })?;
        // The blocking client writes events immediately, so their bytes count at the step that sends them.
        let mut next = clean.bytes;
        for step in clean.steps.iter_mut().rev() {
            if ["send", "close", "flush"].iter().any(|it| step.name.starts_with(it)) {
                step.at = next;
            }
            next = step.at;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let fixture = Self { runtime, service: CountingService::default(), clean };
        // Without faults, both clients transfer the same number of bytes.
        let report = fixture.run_checked(&Faults::default())?;
        ensure!(
            report.bytes == fixture.clean.bytes,
            "different numbers of bytes: {:?}",
            report.bytes
        );
        Ok(fixture)
    }

    /// Runs a session and checks it.
    fn run_checked(&self, faults: &Faults) -> Result<Report> {
        let before = panics();
        let report = self.run(faults).with_context(|| format!("{faults:?}"))?;
        if let Err(problem) = check(&self.clean, &report, faults) {
            bail!("{faults:?}: {problem}\n{:#?}", report.steps);
        }
        ensure!(panics() == before, "{faults:?}: a task or thread panicked");
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
        let mut script = Script(Steps::new(Arc::clone(&counts)));
        let ended = script.run(client);
        // The client has closed its connection, so the server ends.
        let served = async { tokio::time::timeout(TIMEOUT, serving).await };
        self.runtime.block_on(served).context("the server does not end")???;
        // Each call is served by a task, which may end a little later.
        while self.service.serving() > 0 {
            thread::yield_now();
        }
        self.check_requests()?;
        let bytes = Direction::BOTH.map(|it| counts.get(it));
        Ok(Report { steps: script.0.taken, requests: Vec::new(), ended, bytes })
    }

    /// Checks that the server received only requests that the client makes. Threads make requests in any order.
    fn check_requests(&self) -> Result<()> {
        let mut expected = self.clean.requests.clone();
        for request in self.service.take_requests() {
            let Some(index) = expected.iter().position(|it| *it == request) else {
                bail!("the server received another request: {request}");
            };
            expected.swap_remove(index);
        }
        Ok(())
    }
}

/// The client's part of a session.
struct Script(Steps);

impl Script {
    /// Runs the session. Returns the error that ended the connection, if the client did not close it.
    fn run(&mut self, socket: StdUnixStream) -> Option<String> {
        let builder = Connection::builder().connect_header("client-name", "accepted.faults");
        let connection = match builder.call_timeout(TIMEOUT).connect_over(socket) {
            Ok(connection) => connection,
            Err(error) => {
                self.0.note("connect", Err(of_connect(&error)));
                return None;
            }
        };
        self.0.note("connect", Ok(String::new()));
        let client = Client::new(connection.clone());
        self.calls(&client);
        self.streams(&client);
        self.0.pinged(connection.ping(TIMEOUT));
        drop(client);
        let flushed = connection.flush();
        self.0.note("flush", of_connection(flushed));
        self.0.note("close", of_connection(connection.close()));
        connection.closed().err().map(|error| error.with_sources().to_string())
    }

    fn calls(&mut self, client: &Client) {
        let call = |text| client.echo_message().message(message(text)).send();
        for text in ["", "a", "a longer text that takes several reads"] {
            self.0.called("echo", call(text));
        }
        self.0.called("cause_service_error", client.cause_service_error().send());
        // Concurrent calls of several threads.
        let responses = thread::scope(|scope| {
            let calls = ["1", "2", "3"].map(|text| (text, scope.spawn(move || call(text))));
            calls.map(|(text, call)| (text, call.join().expect("the call does not panic")))
        });
        for (name, response) in responses {
            self.0.called(name, response);
        }
    }

    fn streams(&mut self, client: &Client) {
        match self.0.opened("echo stream", client.echo_stream_messages().send()) {
            Some(mut stream) => self.echo(&mut stream),
            None => self.0.skip(&ECHO),
        }
        match self.0.opened("failing stream", client.cause_stream_service_to_error().send()) {
            Some(mut stream) => {
                self.send(&stream, "event");
                self.next(&mut stream);
            }
            None => self.0.skip(&["send event", "next"]),
        }
        match self.0.opened("stream to close", client.echo_stream_messages().send()) {
            Some(stream) => {
                let closed = stream.close();
                self.0.note("close stream", of_connection(closed));
            }
            None => self.0.skip(&["close stream"]),
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

    fn send<O>(&mut self, stream: &Subscription<O>, text: &str)
    where
        O: StreamingOperation<RequestEvent = EchoStreamingMessage>,
    {
        self.0.sent(text, stream.send_event(event(text)));
    }

    fn next<O>(&mut self, stream: &mut Subscription<O>)
    where
        O: StreamingOperation<ResponseEvent = EchoStreamingMessage>,
    {
        self.0.next(stream.next_timeout(TIMEOUT));
    }
}
