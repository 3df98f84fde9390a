//! Everything that the echo service has to offer, once.

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
    serve::Watched,
    steps::{ECHO, Step, Steps},
    wire::{Counts, Direction, Fault, proxy},
};

/// How much fits between two ends, in bytes.
const ROOM: usize = 64 * 1024;

/// A whole session has to be over by then, whatever happens. All of this is virtual time.
const BOUND: Duration = Duration::from_secs(1800);

/// A server for one client at a time.
#[derive(Default)]
pub(crate) struct Setup {
    service: Watched,
}

/// What is to happen to the bytes of a connection.
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

    /// All of them, with their directions as positions in [`Direction::BOTH`].
    pub(crate) fn all(&self) -> impl Iterator<Item = (usize, Fault)> {
        Direction::BOTH
            .into_iter()
            .enumerate()
            .flat_map(|(index, it)| self.of(it).iter().map(move |fault| (index, *fault)))
    }
}

/// What came of a session.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) steps: Vec<Step>,
    /// The requests that the server was given.
    pub(crate) requests: Vec<String>,
    /// Why the connection ended, as the client sees it; `None` if there was none, or the client closed it.
    pub(crate) ended: Option<String>,
    /// How many bytes there were to each side in the end.
    pub(crate) bytes: [u64; 2],
}

impl Setup {
    /// Runs a session over a wire with these faults.
    ///
    /// # Panics
    ///
    /// If it does not end, or leaves something behind.
    pub(crate) async fn run(&self, faults: &Faults) -> Report {
        timeout(BOUND, self.run_unbounded(faults)).await.expect("the session never ends")
    }

    async fn run_unbounded(&self, faults: &Faults) -> Report {
        let counts = Arc::default();
        let (client, server) = self.connect(faults, &counts);
        let mut script = Script(Steps::new(Arc::clone(&counts)));
        let ended = script.run(client).await;
        // The client is gone, so the server has nothing left to do.
        server.await.expect("the server panicked");
        // What is left are tasks that have nothing to do but to end.
        while tokio::runtime::Handle::current().metrics().num_alive_tasks() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(self.service.serving(), 0, "a handler is left");
        let bytes = Direction::BOTH.map(|it| counts.get(it));
        Report { steps: script.0.taken, requests: self.service.take_seen(), ended, bytes }
    }

    /// A client's end of a connection, and the server's task, which ends with the connection.
    pub(crate) fn connect(
        &self,
        faults: &Faults,
        counts: &Arc<Counts>,
    ) -> (DuplexStream, JoinHandle<()>) {
        let (client, near) = tokio::io::duplex(ROOM);
        let (far, server) = tokio::io::duplex(ROOM);
        let Faults { to_server, to_client } = faults.clone();
        tokio::spawn(proxy(near, far, to_server, to_client, Arc::clone(counts)));
        let serving =
            serve_connection(server, self.service.clone(), authenticate, Config::default());
        (client, tokio::spawn(serving))
    }

    /// A further client, whose wire is well, is served as if nothing had been.
    pub(crate) async fn check_another_client(&self) {
        let (io, server) = self.connect(&Faults::default(), &Arc::default());
        let client = Client::new(builder().connect_over(io).await.expect("it is let in"));
        let response = client.echo_message().message(message("well")).send().await;
        assert_eq!(response.expect("it is served").message, Some(message("well")));
        client.connection().close().await.expect("it is written");
        server.await.expect("the server panicked");
        self.service.take_seen();
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

/// What a client sees of a session over a socket that is being opened.
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

struct Script(Steps);

impl Script {
    /// Goes through everything; why the connection ended, if this side did not close it.
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
        for text in ["", "a", "a longer text that takes more than one look"] {
            let response = client.echo_message().message(message(text)).send().await;
            self.0.called("echo", response);
        }
        let response = client.cause_service_error().send().await;
        self.0.called("cause_service_error", response);
        // Several on their way at once.
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
                self.send(&stream, "go").await;
                self.next(&mut stream).await;
            }
            None => self.0.skip(&["send go", "next"]),
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
