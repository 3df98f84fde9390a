//! A session, which uses each feature of the echo service once.

use std::{io, sync::Arc, task::Poll, time::Duration};

use echo::{
    Client,
    client::{ConnectionBuilder, Subscription},
    operation::echo_stream_messages::EchoStreamMessages,
    server::{Config, serve_connection},
    types::{EchoStreamingMessage, MessageData},
};
use eventstream_rpc::operation::StreamingOperation;
use test_util::{TIMEOUT, authenticate};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream},
    task::JoinHandle,
    time::timeout,
};

use crate::faults::{
    outcome::{of_connect, of_connection},
    serve::CountingService,
    steps::{ECHO, Step, Steps},
    wire::{Counts, Direction, Fault, proxy},
};

/// The capacity of a byte stream, in bytes.
const CAPACITY: usize = 64 * 1024;

/// The maximum duration of a session, in virtual time.
const SESSION_TIMEOUT: Duration = Duration::from_secs(1800);

/// The server of sessions: a service to which one client at a time connects, through a proxy.
#[derive(Default)]
pub(crate) struct Setup {
    service: CountingService,
}

/// The faults of a connection in both directions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) to_server: Vec<Fault>,
    pub(crate) to_client: Vec<Fault>,
}

impl Faults {
    pub(crate) fn one(direction: Direction, fault: Fault) -> Self {
        let mut faults = Self::default();
        match direction {
            Direction::ToServer => faults.to_server.push(fault),
            Direction::ToClient => faults.to_client.push(fault),
        }
        faults
    }

    pub(crate) fn of(&self, direction: Direction) -> &[Fault] {
        match direction {
            Direction::ToServer => &self.to_server,
            Direction::ToClient => &self.to_client,
        }
    }

    /// All faults, each with the index of its direction in [`Direction::BOTH`].
    pub(crate) fn all(&self) -> impl Iterator<Item = (usize, Fault)> {
        Direction::BOTH
            .into_iter()
            .enumerate()
            .flat_map(|(index, it)| self.of(it).iter().map(move |fault| (index, *fault)))
    }
}

/// The result of a session.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) steps: Vec<Step>,
    /// The requests that the server received.
    pub(crate) requests: Vec<String>,
    /// The error that ended the connection, or `None` if there was no connection or the client closed it.
    pub(crate) ended: Option<String>,
    /// The number of bytes in each direction.
    pub(crate) bytes: [u64; 2],
}

impl Setup {
    /// Runs a session over a connection with these faults.
    ///
    /// # Panics
    ///
    /// If the session does not end or leaves a handler.
    pub(crate) async fn run(&self, faults: &Faults) -> Report {
        timeout(SESSION_TIMEOUT, self.run_unbounded(faults)).await.expect("the session ends")
    }

    async fn run_unbounded(&self, faults: &Faults) -> Report {
        let counts = Arc::default();
        let (client, server) = self.connect(faults, &counts);
        let mut script = Script(Steps::new(Arc::clone(&counts)));
        let ended = script.run(client).await;
        // The client has closed its connection, so the server ends.
        server.await.expect("the server does not panic");
        // The remaining tasks end without further input.
        while tokio::runtime::Handle::current().metrics().num_alive_tasks() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(self.service.serving(), 0, "a handler is left");
        let bytes = Direction::BOTH.map(|it| counts.get(it));
        Report { steps: script.0.taken, requests: self.service.take_requests(), ended, bytes }
    }

    /// Connects through a proxy. Returns the client's end and the server's task, which ends with the connection.
    pub(crate) fn connect(
        &self,
        faults: &Faults,
        counts: &Arc<Counts>,
    ) -> (DuplexStream, JoinHandle<()>) {
        let (client, near) = tokio::io::duplex(CAPACITY);
        let (far, server) = tokio::io::duplex(CAPACITY);
        let Faults { to_server, to_client } = faults.clone();
        tokio::spawn(proxy(near, far, to_server, to_client, Arc::clone(counts)));
        let serving =
            serve_connection(server, self.service.clone(), authenticate, Config::default());
        (client, tokio::spawn(serving))
    }

    /// Checks that another client, whose connection has no faults, is served.
    pub(crate) async fn check_another_client(&self) {
        let (io, server) = self.connect(&Faults::default(), &Arc::default());
        let client = Client::new(builder().connect_over(io).await.expect("the client is accepted"));
        let response = client.echo_message().message(message("text")).send().await;
        assert_eq!(response.expect("the call succeeds").message, Some(message("text")));
        client.connection().close().await.expect("the connection closes");
        server.await.expect("the server does not panic");
        self.service.take_requests();
    }
}

pub(crate) fn builder() -> ConnectionBuilder {
    ConnectionBuilder::default().connect_header("client-name", "accepted.faults")
}

pub(crate) fn message(text: &str) -> MessageData {
    MessageData::builder().string_message(text).build()
}

pub(crate) fn event(text: &str) -> EchoStreamingMessage {
    EchoStreamingMessage::StreamMessage(message(text))
}

/// Runs the client's part of a session over a socket.
pub(crate) async fn run_script<IO>(
    connecting: impl Future<Output = io::Result<IO>>,
) -> io::Result<Report>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut script = Script(Steps::new(Arc::default()));
    let ended = script.run(connecting.await?).await;
    Ok(Report { steps: script.0.taken, requests: Vec::new(), ended, bytes: [0; 2] })
}

/// The client's part of a session.
struct Script(Steps);

impl Script {
    /// Runs the session. Returns the error that ended the connection, if the client did not close it.
    async fn run<IO>(&mut self, io: IO) -> Option<String>
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let connection = match builder().connect_over(io).await {
            Ok(connection) => connection,
            Err(error) => {
                self.0.note("connect", Err(of_connect(&error)));
                return None;
            }
        };
        self.0.note("connect", Ok(String::new()));
        let client = Client::new(connection.clone());
        self.calls(&client).await;
        self.streams(&client).await;
        self.0.pinged(connection.ping(Duration::from_secs(10)).await);
        drop(client);
        let flushed = connection.flush().await;
        self.0.note("flush", of_connection(flushed));
        let closed = connection.close().await;
        self.0.note("close", of_connection(closed));
        connection.closed().await.err().map(|error| error.with_sources().to_string())
    }

    async fn calls(&mut self, client: &Client) {
        for text in ["", "a", "a longer text that takes several reads"] {
            let response = client.echo_message().message(message(text)).send().await;
            self.0.called("echo", response);
        }
        let response = client.cause_service_error().send().await;
        self.0.called("cause_service_error", response);
        // Concurrent calls.
        let call = |text| client.echo_message().message(message(text)).send();
        let (one, two, three) = tokio::join!(call("1"), call("2"), call("3"));
        for (name, response) in [("1", one), ("2", two), ("3", three)] {
            self.0.called(name, response);
        }
    }

    async fn streams(&mut self, client: &Client) {
        let opened = client.echo_stream_messages().send().await;
        match self.0.opened("echo stream", opened) {
            Some(mut stream) => self.echo(&mut stream).await,
            None => self.0.skip(&ECHO),
        }
        let opened = client.cause_stream_service_to_error().send().await;
        match self.0.opened("failing stream", opened) {
            Some(mut stream) => {
                self.send(&stream, "event").await;
                self.next(&mut stream).await;
            }
            None => self.0.skip(&["send event", "next"]),
        }
        let opened = client.echo_stream_messages().send().await;
        match self.0.opened("stream to close", opened) {
            Some(stream) => {
                let closed = stream.close().await;
                self.0.note("close stream", of_connection(closed));
            }
            None => self.0.skip(&["close stream"]),
        }
    }

    async fn echo(&mut self, stream: &mut Subscription<EchoStreamMessages>) {
        for text in ["one", "two", "three"] {
            self.send(stream, text).await;
        }
        for _ in 0..3 {
            self.next(stream).await;
        }
        self.send(stream, "close").await;
        self.next(stream).await;
        // The server ends the stream.
        self.next(stream).await;
    }

    async fn send<O>(&mut self, stream: &Subscription<O>, text: &str)
    where
        O: StreamingOperation<RequestEvent = EchoStreamingMessage>,
    {
        self.0.sent(text, stream.send_event(event(text)).await);
    }

    async fn next<O>(&mut self, stream: &mut Subscription<O>)
    where
        O: StreamingOperation<ResponseEvent = EchoStreamingMessage>,
    {
        let next = timeout(TIMEOUT, stream.next()).await;
        self.0.next(next.map_or(Poll::Pending, Poll::Ready));
    }
}
