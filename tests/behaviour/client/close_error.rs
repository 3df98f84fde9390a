//! A client that is still writing reads the error that the server sends before it closes.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use echo::{
    Client,
    client::ConnectionBuilder,
    error::{ConnectionError, SdkError},
};
use test_util::{control, in_time, message, poll_once};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex},
    time::Instant,
};

const PROTOCOL_ERROR: i32 = 6;

/// A byte stream that refuses writes once `is_broken` is set.
struct BrokenPipe {
    io: DuplexStream,
    is_broken: Arc<AtomicBool>,
}

impl AsyncRead for BrokenPipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for BrokenPipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_broken.load(Ordering::Relaxed) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// A client whose writes fail, and the server's end of its connection.
async fn broken() -> (Client, DuplexStream) {
    let (io, mut server) = duplex(1024);
    let is_broken = Arc::new(AtomicBool::new(false));
    let io = BrokenPipe { io, is_broken: Arc::clone(&is_broken) };
    let connecting = tokio::spawn(ConnectionBuilder::default().connect_over(io));
    server.write_all(&control(5, 1)).await.unwrap();
    let client = Client::new(connecting.await.unwrap().unwrap());
    is_broken.store(true, Ordering::Relaxed);
    (client, server)
}

#[track_caller]
fn assert_peer_error(error: &SdkError<impl std::fmt::Debug>) {
    assert!(
        matches!(
            error,
            SdkError::DispatchFailure {
                source: ConnectionError::PeerError { internal: false, .. },
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_error_is_read_after_a_failed_write() {
    let (client, mut server) = broken().await;
    let call = tokio::spawn(client.echo_message().message(message("x")).send());
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert!(!call.is_finished(), "the server has not closed the connection");
    server.write_all(&control(PROTOCOL_ERROR, 0)).await.unwrap();
    assert_peer_error(&in_time("the call ends", call).await.unwrap().unwrap_err());
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_the_error_is_limited() {
    let (client, mut server) = broken().await;
    let began = Instant::now();
    let error = client.echo_message().message(message("x")).send().await.unwrap_err();
    let SdkError::DispatchFailure { source: ConnectionError::ClosedByPeer, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(began.elapsed().as_secs(), 3);
    server.read_to_end(&mut Vec::new()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_closing_client_reads_while_it_writes() {
    let (io, mut server) = duplex(1024);
    let connecting = tokio::spawn(ConnectionBuilder::default().connect_over(io));
    server.write_all(&control(5, 1)).await.unwrap();
    let client = Client::new(connecting.await.unwrap().unwrap());
    let text = "x".repeat(10_000);
    let _call = poll_once(client.echo_message().message(message(&text)).send()).await;
    let serving = tokio::spawn(async move {
        // The server writes before it reads.
        server.write_all(&control(3, 0).repeat(1_000)).await.unwrap();
        let mut bytes = Vec::new();
        server.read_to_end(&mut bytes).await.unwrap();
        bytes.len()
    });
    let began = Instant::now();
    client.connection().close().await.unwrap();
    assert!(in_time("the server reads", serving).await.unwrap() > text.len());
    assert!(began.elapsed() < std::time::Duration::from_secs(1), "{:?}", began.elapsed());
}
