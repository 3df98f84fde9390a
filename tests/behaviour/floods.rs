//! Deadlines are kept while the peer sends without pause.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use echo::{
    Client,
    client::ConnectionBuilder,
    error::SdkError,
    server::{Config, EchoTestRpcService, Rejected, serve_connection},
};
use test_util::{CONNECT, EchoService, TIMEOUT, control, frame, message};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::coop,
};

fn connect() -> Vec<u8> {
    frame(CONNECT, 0, 0, &[(":version", "0.1.0")], "").into()
}

/// A byte stream that accepts all writes and is always readable.
struct Flood {
    /// The bytes that are read first.
    first: io::Cursor<Vec<u8>>,
    /// The bytes that are repeated after that.
    repeated: io::Cursor<Vec<u8>>,
    /// Whether reads use the cooperative budget of the task, as those of tokio's sockets do.
    is_cooperative: bool,
    /// When the stream ends, so that a failing test does not hang.
    until: Instant,
    has_ended: Arc<AtomicBool>,
}

impl Flood {
    fn new(first: Vec<u8>, repeated: Vec<u8>, is_cooperative: bool) -> Self {
        Self {
            first: io::Cursor::new(first),
            repeated: io::Cursor::new(repeated),
            is_cooperative,
            until: Instant::now() + TIMEOUT,
            has_ended: Arc::default(),
        }
    }
}

impl AsyncRead for Flood {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_cooperative {
            ready!(coop::poll_proceed(cx)).made_progress();
        }
        if Instant::now() > self.until {
            self.has_ended.store(true, Ordering::Relaxed);
            return Poll::Ready(Ok(()));
        }
        let first = Pin::new(&mut self.first).poll_read(cx, buf);
        if !buf.filled().is_empty() {
            return first;
        }
        if self.repeated.position() == self.repeated.get_ref().len() as u64 {
            self.repeated.set_position(0);
        }
        Pin::new(&mut self.repeated).poll_read(cx, buf)
    }
}

impl AsyncWrite for Flood {
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

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn calls_time_out_during_a_flood_of_messages() {
    // The flood consists of ping responses, which the client ignores.
    for is_cooperative in [false, true] {
        let flood = Flood::new(control(5, 1), control(3, 0), is_cooperative);
        let client = Client::new(ConnectionBuilder::default().connect_over(flood).await.unwrap());
        let call = client.echo_message().message(message("x"));
        let error = call.call_timeout(Duration::from_millis(20)).send().await.unwrap_err();
        assert!(matches!(error, SdkError::Timeout { .. }), "{is_cooperative}: {error:?}");
        let stream = client.echo_stream_messages().call_timeout(Duration::from_millis(20));
        let error = stream.send().await.unwrap_err();
        assert!(matches!(error, SdkError::Timeout { .. }), "{is_cooperative}: {error:?}");
    }
}

#[tokio::test]
async fn a_rejected_client_that_keeps_sending_is_disconnected() {
    for is_cooperative in [false, true] {
        let flood = Flood::new(connect(), control(2, 0), is_cooperative);
        let has_ended = Arc::clone(&flood.has_ended);
        let service = EchoTestRpcService::new(EchoService);
        let reject_all = |_: &echo::server::ConnectRequest| Err(Rejected);
        serve_connection(flood, service, reject_all, Config::default()).await;
        assert!(
            !has_ended.load(Ordering::Relaxed),
            "{is_cooperative}: the server closes the connection"
        );
    }
}
