//! A client and a server in one process, and a record of what both send.

use std::{
    collections::BTreeMap,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use echo::{
    Client,
    client::ConnectionBuilder,
    server::{Config, EchoTestRpc, EchoTestRpcService, Identity, serve_connection},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex},
    task::JoinHandle,
};

use crate::{END, Inbox, Received, message};

/// A client and the server that it is connected to, on one thread.
pub struct Pair {
    /// The client.
    pub client: Client,
    /// What both have sent.
    pub wire: Wire,
    /// The task that serves the connection.
    pub server: JoinHandle<()>,
}

/// How many bytes are on their way at most: little, so that much has to wait.
const ON_THE_WAY: usize = 256;

impl Pair {
    /// Connects a client to a service.
    pub async fn start(service: impl EchoTestRpc) -> Self {
        Self::with(service, Config::default(), ConnectionBuilder::default()).await
    }

    /// Connects a client to a service, with these settings.
    ///
    /// # Panics
    ///
    /// If they do not connect.
    pub async fn with(
        service: impl EchoTestRpc,
        config: Config,
        builder: ConnectionBuilder,
    ) -> Self {
        let (io, server) = serve(service, config);
        let wire = Wire::default();
        let tapped = Tapped { io, wire: wire.clone(), is_turn: [false; 2] };
        let client = Client::new(builder.connect_over(tapped).await.unwrap());
        Self { client, wire, server }
    }

    /// Checks that a call works, and that this many streams are open.
    ///
    /// # Panics
    ///
    /// If not.
    #[track_caller]
    pub fn is_well(&self, open: usize) -> impl Future<Output = ()> + '_ {
        let caller = std::panic::Location::caller();
        async move {
            let message = message("well?");
            let response = self.client.echo_message().message(message.clone()).send().await;
            let response = response.unwrap_or_else(|error| panic!("{caller}: {error:?}"));
            assert_eq!(response.message, Some(message));
            let streams = self.wire.open_streams();
            assert_eq!(streams.len(), open, "{caller}: open {streams:?}");
        }
    }
}

/// Serves one end of a byte stream, and returns the other.
pub fn serve(service: impl EchoTestRpc, config: Config) -> (DuplexStream, JoinHandle<()>) {
    let (ours, theirs) = duplex(ON_THE_WAY);
    let service = EchoTestRpcService::new(service);
    let everyone = |_: &echo::server::ConnectRequest| Ok(Identity(String::new()));
    let server = tokio::spawn(serve_connection(theirs, service, everyone, config));
    (ours, server)
}

/// What has passed between client and server, as the client has seen it.
#[derive(Clone, Default)]
pub struct Wire(Arc<Mutex<Passed>>);

#[derive(Default)]
struct Passed {
    from_client: Inbox,
    to_client: Inbox,
    /// Streams, and who has ended them: the client, the server.
    streams: BTreeMap<i32, [bool; 2]>,
}

impl Wire {
    /// The streams that neither side has ended.
    pub fn open_streams(&self) -> Vec<i32> {
        let passed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        passed.streams.iter().filter(|(_, ended)| !ended[0] && !ended[1]).map(|it| *it.0).collect()
    }

    fn passes(&self, is_from_client: bool, bytes: &[u8]) {
        let mut passed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        passed.passes(is_from_client, bytes);
    }
}

impl Passed {
    fn passes(&mut self, is_from_client: bool, bytes: &[u8]) {
        let side = if is_from_client { &mut self.from_client } else { &mut self.to_client };
        side.extend(bytes);
        let mut messages = Vec::new();
        while let Some(message) = side.message().expect("only messages are sent") {
            messages.push(message);
        }
        for message in messages {
            // 0 is the connection itself.
            if message.stream != 0 {
                self.on_stream(is_from_client, &message);
            }
        }
    }

    fn on_stream(&mut self, is_from_client: bool, message: &Received) {
        let id = message.stream;
        let ends = message.flags & END != 0;
        if !is_from_client {
            let ended = self.streams.get_mut(&id).expect("the server opens no streams");
            ended[1] |= ends;
            return;
        }
        if message.text("operation").is_some() {
            let last = self.streams.last_key_value().map_or(0, |it| *it.0);
            assert_eq!(id, last + 1, "ids count up, and none is left out");
            assert!(!ends, "a request that ends its stream");
            self.streams.insert(id, [false, false]);
            return;
        }
        let ended = self.streams.get_mut(&id).expect("a stream begins with its request");
        // It may cross what the server says.
        assert!(!ended[0], "a message on stream {id}, which this side has ended");
        ended[0] = ends;
    }
}

/// One end of a byte stream that is listened in on. It is slow, so that everything takes several turns.
struct Tapped<IO> {
    io: IO,
    wire: Wire,
    /// Whether it reads and writes when it is next asked to, rather than later.
    is_turn: [bool; 2],
}

/// How many bytes it takes at a time.
const AT_A_TIME: usize = 100;

impl<IO> Tapped<IO> {
    fn poll_turn(&mut self, side: usize, cx: &Context<'_>) -> Poll<()> {
        self.is_turn[side] = !self.is_turn[side];
        if self.is_turn[side] {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Tapped<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_turn(0, cx));
        let mut bytes = [0; AT_A_TIME];
        let mut some = ReadBuf::new(&mut bytes[..AT_A_TIME.min(buf.remaining())]);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut some))?;
        self.wire.passes(false, some.filled());
        buf.put_slice(some.filled());
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Tapped<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_turn(1, cx));
        let some = &bytes[..AT_A_TIME.min(bytes.len())];
        let len = ready!(Pin::new(&mut self.io).poll_write(cx, some))?;
        self.wire.passes(true, &bytes[..len]);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
