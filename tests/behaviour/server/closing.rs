//! A server closes connections such that the client can read the server's last messages.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr},
    os::unix::net::UnixStream,
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::BytesMut;
use echo::server::{
    Config, ConnectRequest, EchoTestRpcService, Identity, Rejected, Server, serve_connection,
};
use test_util::{
    CONNECT, CONNECT_ACK, EchoService, Feed, MESSAGE, MessageReader, PING, TIMEOUT, frame, in_time,
    socket_path, wire::PROTOCOL_ERROR,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, duplex, join},
    sync::oneshot,
    task::JoinHandle,
};

fn connect() -> BytesMut {
    frame(CONNECT, 0, 0, &[(":version", "0.1.0")], "")
}

/// A protocol violation: an event on a stream that does not exist.
fn violation() -> BytesMut {
    frame(MESSAGE, 0, 7, &[], "")
}

fn kinds(bytes: BytesMut) -> Vec<i32> {
    let mut reader = MessageReader::default();
    reader.extend(&bytes);
    std::iter::from_fn(|| reader.message().unwrap()).map(|it| it.kind).collect()
}

/// The types of the messages that a client receives for a protocol violation.
const REPLIES: [i32; 2] = [CONNECT_ACK, PROTOCOL_ERROR];

/// A running server on a Unix domain or TCP socket. It rejects clients that send the header `refused`.
struct Running {
    address: Address,
    stop: oneshot::Sender<()>,
    server: JoinHandle<io::Result<()>>,
}

#[derive(Clone, Debug)]
enum Address {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

trait Socket: Read + Write + Send {
    fn finish(&self);
}

impl Socket for UnixStream {
    fn finish(&self) {
        self.shutdown(Shutdown::Write).unwrap();
    }
}

impl Socket for std::net::TcpStream {
    fn finish(&self) {
        self.shutdown(Shutdown::Write).unwrap();
    }
}

impl Address {
    fn connect(&self) -> Box<dyn Socket> {
        match self {
            Self::Unix(path) => Box::new(UnixStream::connect(path).unwrap()),
            Self::Tcp(address) => Box::new(std::net::TcpStream::connect(address).unwrap()),
        }
    }
}

impl Running {
    async fn start(is_tcp: bool, max_connections: usize, feed: Feed) -> Self {
        let path = socket_path();
        let (server, address) = if is_tcp {
            let server = Server::bind_tcp("127.0.0.1:0").await.unwrap();
            let address = Address::Tcp(server.local_addr().unwrap());
            (server, address)
        } else {
            (Server::bind(&path).unwrap(), Address::Unix(path))
        };
        let server =
            server.max_connections(max_connections).authenticator(|request: &ConnectRequest| {
                match request.header("refused") {
                    Some(_) => Err(Rejected),
                    None => Ok(Identity(String::new())),
                }
            });
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(server.serve(EchoTestRpcService::new(feed), stopped));
        Self { address, stop, server }
    }

    async fn stop(self) {
        drop(self.stop);
        in_time("the server stops", self.server).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_still_writing_can_read_the_protocol_error() {
    for is_tcp in [false, true] {
        let running = Running::start(is_tcp, 10, Feed::new(0)).await;
        for _ in 0..20 {
            let address = running.address.clone();
            let client = tokio::task::spawn_blocking(move || {
                let mut socket = address.connect();
                socket.write_all(&[connect(), violation()].concat()).unwrap();
                // The client reads only after it has written far more than the socket buffers hold.
                let ping = frame(PING, 0, 0, &[], &"x".repeat(10_000));
                for _ in 0..500 {
                    socket.write_all(&ping).unwrap();
                }
                socket.finish();
                let mut read = Vec::new();
                socket.read_to_end(&mut read).unwrap();
                kinds(read.as_slice().into())
            });
            assert_eq!(in_time("the client finishes", client).await.unwrap(), REPLIES);
        }
        running.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_server_waits_for_the_client_to_close_first() {
    type Decide = fn(&ConnectRequest) -> Result<Identity, Rejected>;
    let accept_all: Decide = |_| Ok(Identity(String::new()));
    let reject_all: Decide = |_| Err(Rejected);
    for (replies, authenticator) in [(&REPLIES[..], accept_all), (&REPLIES[..1], reject_all)] {
        for closes in [true, false] {
            let (mut io, server_io) = duplex(1_000);
            let service = EchoTestRpcService::new(EchoService);
            let serving = serve_connection(server_io, service, authenticator, Config::default());
            let server = tokio::spawn(serving);
            let began = tokio::time::Instant::now();
            io.write_all(&[connect(), violation()].concat()).await.unwrap();
            let mut read = BytesMut::new();
            while kinds(read.clone()) != replies {
                assert!(io.read_buf(&mut read).await.unwrap() > 0, "{:?}", kinds(read));
            }
            assert_eq!(began.elapsed(), Duration::ZERO, "the replies are sent immediately");
            if closes {
                drop(io);
                server.await.unwrap();
                assert_eq!(began.elapsed(), Duration::ZERO);
                continue;
            }
            assert_eq!(io.read_buf(&mut read).await.unwrap(), 0);
            assert_eq!(began.elapsed().as_secs(), 1);
            // The server still reads and discards bytes.
            io.write_all(&[0; 10_000]).await.unwrap();
            server.await.unwrap();
            assert_eq!(began.elapsed().as_secs(), 3);
        }
    }
}

/// Returns its input, then an error, and is never ready again.
struct FailingReader {
    input: BytesMut,
    has_failed: bool,
}

impl AsyncRead for FailingReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.has_failed {
            return Poll::Pending;
        }
        if self.input.is_empty() {
            self.has_failed = true;
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        buffer.put_slice(&self.input.split());
        Poll::Ready(Ok(()))
    }
}

/// Discards what is written, and counts the polls of its shutdown. The first poll is pending.
struct ShutdownCounter(Arc<AtomicUsize>);

impl AsyncWrite for ShutdownCounter {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.0.fetch_add(1, Ordering::Relaxed) == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_fails_is_closed_immediately() {
    let input = BytesMut::from(&[connect(), violation()].concat()[..]);
    let writer = ShutdownCounter(Arc::default());
    let stream = join(FailingReader { input, has_failed: false }, writer);
    let accept_all = |_: &ConnectRequest| Ok(Identity(String::new()));
    let service = EchoTestRpcService::new(EchoService);
    let began = tokio::time::Instant::now();
    serve_connection(stream, service, accept_all, Config::default()).await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_shut_down_once() {
    let (mut client, server_io) = duplex(10);
    let shutdowns = Arc::new(AtomicUsize::new(0));
    let stream = join(server_io, ShutdownCounter(Arc::clone(&shutdowns)));
    let accept_all = |_: &ConnectRequest| Ok(Identity(String::new()));
    let service = EchoTestRpcService::new(EchoService);
    let server = tokio::spawn(serve_connection(stream, service, accept_all, Config::default()));
    client.write_all(&[connect(), violation()].concat()).await.unwrap();
    // The client continues to send after the grace period, in pieces that fit the stream.
    while shutdowns.load(Ordering::Relaxed) == 0 {
        client.write_all(&[0; 10]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    client.write_all(&[0; 100]).await.unwrap();
    drop(client);
    server.await.unwrap();
    assert_eq!(shutdowns.load(Ordering::Relaxed), 2, "pending, then ready");
}

/// Advances the paused clock until a blocking task ends. The clock does not advance by itself while one runs.
async fn advance_until<T>(what: &str, thread: JoinHandle<T>) -> T {
    let began = Instant::now();
    while !thread.is_finished() {
        assert!(began.elapsed() < TIMEOUT, "{what}: not within {TIMEOUT:?}");
        tokio::time::advance(Duration::from_millis(10)).await;
    }
    thread.await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_rejected_client_that_keeps_sending_is_disconnected() {
    for is_tcp in [false, true] {
        let running = Running::start(is_tcp, 1, Feed::new(0)).await;
        let address = running.address.clone();
        let flood = tokio::task::spawn_blocking(move || {
            let mut socket = address.connect();
            let refused = frame(CONNECT, 0, 0, &[(":version", "0.1.0"), ("refused", "yes")], "");
            socket.write_all(&refused).unwrap();
            let ping = frame(PING, 0, 0, &[], &"x".repeat(10_000));
            while socket.write_all(&ping).is_ok() {}
        });
        advance_until("the connection is closed", flood).await;
        // The connection no longer counts towards the limit.
        let address = running.address.clone();
        let accepted = tokio::task::spawn_blocking(move || {
            let mut ack = vec![0; frame(5, 0, 0, &[], "").len()];
            let began = Instant::now();
            loop {
                let mut socket = address.connect();
                let _ = socket.write_all(&connect());
                if socket.read_exact(&mut ack).is_ok() {
                    break;
                }
                assert!(began.elapsed() < TIMEOUT, "no client is accepted");
            }
        });
        advance_until("another client is accepted", accepted).await;
        running.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn connections_that_are_closing_count_towards_the_limit() {
    const CONNECTIONS: u64 = 2;
    let feed = Feed::new(0);
    let running = Running::start(false, CONNECTIONS as usize, feed.clone()).await;
    let Address::Unix(path) = running.address.clone() else { panic!() };
    // The paused clock does not advance while this task runs.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let clock = tokio::task::spawn_blocking(move || held.recv());
    let call = |stream, text: &str| {
        let payload = format!("{{\"message\":{{\"stringMessage\":\"{text}\"}}}}");
        frame(MESSAGE, 0, stream, &[("operation", "awstest#EchoMessage")], &payload)
    };
    let mut lingering = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut socket = tokio::net::UnixStream::connect(&path).await.unwrap();
        socket.write_all(&[connect(), call(1, "wait")].concat()).await.unwrap();
        lingering.push(socket);
    }
    let waiting = async |count| {
        let began = Instant::now();
        while feed.waiting() != count {
            assert!(began.elapsed() < TIMEOUT, "{} waiting calls", feed.waiting());
            tokio::task::yield_now().await;
        }
    };
    waiting(CONNECTIONS).await;
    // The clients cause a response that exceeds the socket buffer, and do not read it.
    let large = call(2, &"x".repeat(1_000_000));
    for socket in &mut lingering {
        socket.write_all(&[&large[..], &violation()].concat()).await.unwrap();
    }
    waiting(0).await;
    // The calls have ended, but the sockets are still open.
    for _ in 0..10 {
        let mut socket = tokio::net::UnixStream::connect(&path).await.unwrap();
        let _ = socket.write_all(&connect()).await;
        assert_eq!(socket.read(&mut [0]).await.unwrap_or(0), 0, "the limit is reached");
    }
    drop(lingering);
    drop(release);
    clock.await.unwrap().unwrap_err();
    running.stop().await;
}
