//! A client and a server in one process, with a record of the messages between them.

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

use crate::{END, MessageReader, Received, message};

/// A client and the server that it is connected to.
pub struct Pair {
    /// The client.
    pub client: Client,
    /// The record of the messages.
    pub wire: Wire,
    /// The task that serves the connection.
    pub server: JoinHandle<()>,
}

/// The capacity of the byte stream, small so that writes have to wait.
const STREAM_CAPACITY: usize = 256;

impl Pair {
    /// Connects a client to a service.
    pub async fn start(service: impl EchoTestRpc) -> Self {
        Self::with(service, Config::default(), ConnectionBuilder::default()).await
    }

    /// Connects a client to a service with these settings.
    ///
    /// # Panics
    ///
    /// If the handshake fails.
    pub async fn with(
        service: impl EchoTestRpc,
        config: Config,
        builder: ConnectionBuilder,
    ) -> Self {
        let (io, server) = serve(service, config);
        let wire = Wire::default();
        let io = RecordedIo { io, wire: wire.clone(), is_ready: [false; 2] };
        let client = Client::new(builder.connect_over(io).await.unwrap());
        Self { client, wire, server }
    }

    /// Checks that a call succeeds and that this many streams are open.
    ///
    /// # Panics
    ///
    /// If the call fails or the number of open streams differs.
    #[track_caller]
    pub fn assert_healthy(&self, open: usize) -> impl Future<Output = ()> + '_ {
        let caller = std::panic::Location::caller();
        async move {
            let message = message("ping");
            let response = self.client.echo_message().message(message.clone()).send().await;
            let response = response.unwrap_or_else(|error| panic!("{caller}: {error:?}"));
            assert_eq!(response.message, Some(message));
            let streams = self.wire.open_streams();
            assert_eq!(streams.len(), open, "{caller}: open {streams:?}");
        }
    }
}

/// Serves one end of a byte stream. Returns the other end and the task that serves.
pub fn serve(service: impl EchoTestRpc, config: Config) -> (DuplexStream, JoinHandle<()>) {
    let (client_io, server_io) = duplex(STREAM_CAPACITY);
    let service = EchoTestRpcService::new(service);
    let accept_all = |_: &echo::server::ConnectRequest| Ok(Identity(String::new()));
    let server = tokio::spawn(serve_connection(server_io, service, accept_all, config));
    (client_io, server)
}

/// The record of the messages between client and server, taken at the client's end.
#[derive(Clone, Default)]
pub struct Wire(Arc<Mutex<WireState>>);

#[derive(Default)]
struct WireState {
    from_client: MessageReader,
    to_client: MessageReader,
    /// For each stream id, whether the client and the server have ended the stream.
    streams: BTreeMap<i32, [bool; 2]>,
}

impl Wire {
    /// The streams that neither side has ended.
    pub fn open_streams(&self) -> Vec<i32> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = state.streams.iter().filter(|(_, ended)| **ended == [false, false]);
        open.map(|(id, _)| *id).collect()
    }

    fn record(&self, is_from_client: bool, bytes: &[u8]) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.record(is_from_client, bytes);
    }
}

impl WireState {
    fn record(&mut self, is_from_client: bool, bytes: &[u8]) {
        let side = if is_from_client { &mut self.from_client } else { &mut self.to_client };
        side.extend(bytes);
        let mut messages = Vec::new();
        while let Some(message) = side.message().expect("both sides send valid messages") {
            messages.push(message);
        }
        for message in messages {
            // Stream 0 is the connection itself.
            if message.stream != 0 {
                self.on_stream(is_from_client, &message);
            }
        }
    }

    fn on_stream(&mut self, is_from_client: bool, message: &Received) {
        let id = message.stream;
        let ends = message.flags & END != 0;
        if !is_from_client {
            let ended = self.streams.get_mut(&id).expect("only the client opens streams");
            ended[1] |= ends;
            return;
        }
        if message.text("operation").is_some() {
            let last = self.streams.last_key_value().map_or(0, |(id, _)| *id);
            assert_eq!(id, last + 1, "stream ids count up without gaps");
            assert!(!ends, "request {id} ends its stream");
            self.streams.insert(id, [false, false]);
            return;
        }
        let ended = self.streams.get_mut(&id).expect("a stream begins with a request");
        // The server may have ended the stream while this message was in flight.
        assert!(!ended[0], "the client sends a message on stream {id} after ending it");
        ended[0] = ends;
    }
}

/// One end of a byte stream that records what is read and written. It delays each read and write by one poll and
/// limits their size, so that a message takes several polls.
struct RecordedIo<IO> {
    io: IO,
    wire: Wire,
    /// For reading and writing, whether the next poll reaches `io`.
    is_ready: [bool; 2],
}

/// The most bytes that one poll reads or writes.
const MAX_TRANSFER: usize = 100;

impl<IO> RecordedIo<IO> {
    fn poll_delay(&mut self, direction: usize, cx: &Context<'_>) -> Poll<()> {
        self.is_ready[direction] = !self.is_ready[direction];
        if self.is_ready[direction] {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for RecordedIo<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_delay(0, cx));
        let mut bytes = [0; MAX_TRANSFER];
        let mut some = ReadBuf::new(&mut bytes[..MAX_TRANSFER.min(buf.remaining())]);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut some))?;
        self.wire.record(false, some.filled());
        buf.put_slice(some.filled());
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for RecordedIo<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_delay(1, cx));
        let some = &bytes[..MAX_TRANSFER.min(bytes.len())];
        let len = ready!(Pin::new(&mut self.io).poll_write(cx, some))?;
        self.wire.record(true, &bytes[..len]);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
