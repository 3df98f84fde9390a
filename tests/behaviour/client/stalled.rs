//! Servers that stop sending within a message.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::BytesMut;
use echo::{
    Client,
    client::{
        Connection, ConnectionBuilder, LifecycleHandler, Notice, ReconnectPolicy, Subscription,
        SubscriptionItem,
    },
    error::{ConnectError, ConnectionError, SdkError},
    operation::echo_stream_messages::EchoStreamMessages,
};
use eventstream_rpc::greengrass;
use test_util::{MessageBuilder, event, in_time, message, socket_path};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex},
    net::UnixListener,
    time::Instant,
};

fn frame(kind: i32, flags: i32, stream: i32, shape: &str, payload: &str) -> BytesMut {
    MessageBuilder::new(kind, flags, stream).shape(shape).payload(payload.to_owned()).encode()
}

fn event_frame(text: &str) -> BytesMut {
    let payload = format!(r#"{{"streamMessage":{{"stringMessage":"{text}"}}}}"#);
    frame(0, 0, 1, "awstest#EchoStreamingMessage", &payload)
}

/// Reads and discards one message.
async fn read(io: &mut (impl AsyncRead + Unpin)) {
    let len = io.read_u32().await.unwrap();
    let mut rest = vec![0; len as usize - 4];
    io.read_exact(&mut rest).await.unwrap();
}

/// Accepts a client and its subscription.
async fn serve_subscription(io: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    read(io).await;
    io.write_all(&frame(5, 1, 0, "", "")).await.unwrap();
    read(io).await;
    io.write_all(&frame(0, 0, 1, "awstest#EchoStreamingResponse", "{}")).await.unwrap();
}

/// A client with a subscription, and the server's end of its connection.
async fn subscribed() -> (Client, Subscription<EchoStreamMessages>, DuplexStream) {
    let (client_io, mut io) = duplex(256);
    let serving = tokio::spawn(async move {
        serve_subscription(&mut io).await;
        io
    });
    let client = Client::new(ConnectionBuilder::default().connect_over(client_io).await.unwrap());
    let stream = client.echo_stream_messages().send().await.unwrap();
    (client, stream, serving.await.unwrap())
}

fn is_frame_timeout<E>(error: &SdkError<E>) -> bool {
    matches!(error, SdkError::DispatchFailure { source: ConnectionError::FrameTimeout { .. }, .. })
}

#[tokio::test(start_paused = true)]
async fn an_incomplete_message_ends_the_connection() {
    let whole = event_frame("half");
    for len in [1, 11, 12, 40, whole.len() - 1] {
        let (client, mut stream, mut io) = subscribed().await;
        let began = Instant::now();
        // Another deadline passes before the frame timeout.
        io.write_all(&whole[..len]).await.unwrap();
        let call = client.echo_message().message(message("x"));
        let error = call.call_timeout(Duration::from_secs(5)).send().await.unwrap_err();
        assert!(error.is_timeout(), "{error:?}");
        let waiting = client.echo_message().message(message("y"));
        let waiting = tokio::spawn(waiting.call_timeout(Duration::from_secs(3_600)).send());
        let error = stream.next().await.unwrap().unwrap_err();
        assert!(is_frame_timeout(&error), "{len}: {error:?}");
        assert_eq!(began.elapsed().as_secs(), 30, "{len}");
        assert!(stream.next().await.is_none());
        assert!(is_frame_timeout(&waiting.await.unwrap().unwrap_err()));
        let error = client.connection().closed().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the other side began a message and did not finish it within 30s"
        );
        // The client has closed the connection.
        io.read_to_end(&mut Vec::new()).await.unwrap();
    }
    // A server may be silent between messages for any time.
    let (client, mut stream, mut io) = subscribed().await;
    io.write_all(&whole).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), event("half"));
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    io.write_all(&whole).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), event("half"));
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn the_frame_timeout_covers_the_whole_message() {
    let text = "x".repeat(100_000);
    let whole = event_frame(&text);
    let (client, mut stream, mut io) = subscribed().await;
    let writing = tokio::spawn(async move {
        for _ in 0..3 {
            for piece in whole.chunks(whole.len() / 28) {
                tokio::time::sleep(Duration::from_secs(1)).await;
                io.write_all(piece).await.unwrap();
            }
        }
        io
    });
    for _ in 0..3 {
        assert_eq!(stream.next().await.unwrap().unwrap(), event(&text));
    }
    let mut io = writing.await.unwrap();
    let began = Instant::now();
    let trickle = tokio::spawn(async move {
        for byte in event_frame("a text with more bytes than the timeout has seconds").iter() {
            if io.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("the client reads the whole message");
    });
    assert!(is_frame_timeout(&stream.next().await.unwrap().unwrap_err()));
    assert_eq!(began.elapsed().as_secs(), 30);
    trickle.await.unwrap();
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn a_blocked_runtime_does_not_cause_a_frame_timeout() {
    let (client, mut stream, mut io) = subscribed().await;
    let whole = event_frame("whole");
    io.write_all(&whole[..40]).await.unwrap();
    for _ in 0..10 {
        // All tasks run, and then no task runs for an hour.
        tokio::time::timeout(Duration::from_millis(1), stream.next()).await.unwrap_err();
        tokio::time::advance(Duration::from_secs(3_600)).await;
    }
    io.write_all(&whole[40..]).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), event("whole"));
    drop(client);
}

fn policy() -> ReconnectPolicy {
    ReconnectPolicy::default().initial_backoff(Duration::from_millis(1))
}

#[tokio::test]
async fn a_connection_is_restored_after_a_frame_timeout() {
    let path = socket_path();
    let listener = UnixListener::bind(&path).unwrap();
    let serving = tokio::spawn(async move {
        let (mut first, _) = listener.accept().await.unwrap();
        serve_subscription(&mut first).await;
        let half = event_frame("never");
        first.write_all(&event_frame("before")).await.unwrap();
        first.write_all(&half[..half.len() / 2]).await.unwrap();
        let (mut second, _) = listener.accept().await.unwrap();
        serve_subscription(&mut second).await;
        second.write_all(&event_frame("after")).await.unwrap();
        (first, second)
    });
    let builder = ConnectionBuilder::default().socket_path(&path).reconnect(policy());
    let connection = builder.frame_timeout(Duration::from_millis(20)).connect().await.unwrap();
    let client = Client::new(connection);
    let mut stream = client.echo_stream_messages().send().await.unwrap().with_notices();
    for expected in [
        SubscriptionItem::Event(event("before")),
        SubscriptionItem::Notice(Notice::Disconnected),
        SubscriptionItem::Notice(Notice::Resubscribed),
        SubscriptionItem::Event(event("after")),
    ] {
        let item = in_time("the next item", stream.next()).await.unwrap().unwrap();
        assert_eq!(item, expected);
    }
    drop(serving.await.unwrap());
    std::fs::remove_file(path).unwrap();
}

/// A lifecycle handler that records each callback as text.
#[derive(Clone, Default)]
struct Callbacks(Arc<Mutex<Vec<String>>>);

impl Callbacks {
    fn push(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }
}

impl LifecycleHandler for Callbacks {
    fn on_connect(&mut self) {
        self.push("connect".to_owned());
    }

    fn on_disconnect(&mut self, error: Option<&ConnectionError>) {
        self.push(format!("lost: {error:?}"));
    }

    fn on_error(&mut self, error: &(dyn std::error::Error + 'static)) -> bool {
        self.push(format!("error: {error}"));
        true
    }
}

/// The scheduler decides whether the attempt is abandoned before its socket is open, so the test is repeated.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_closed_when_an_attempt_begins_stays_closed() {
    for _ in 0..20 {
        let path = socket_path();
        let listener = UnixListener::bind(&path).unwrap();
        let kept = Arc::new(Mutex::new(None::<Connection>));
        let dropped = Arc::clone(&kept);
        let callbacks = Callbacks::default();
        let builder = greengrass::Builder::<Connection>::default().socket_path(&path);
        let builder = builder.reconnect(policy());
        let builder = builder.lifecycle_handler(callbacks.clone()).token_provider(move || {
            // Drops the last handle at the second call, when the connection was lost.
            drop(dropped.lock().unwrap().take());
            Ok::<_, ConnectError>("token".to_owned())
        });
        let connecting = tokio::spawn(builder.connect());
        let (mut peer, _) = listener.accept().await.unwrap();
        read(&mut peer).await;
        peer.write_all(&frame(5, 1, 0, "", "")).await.unwrap();
        *kept.lock().unwrap() = Some(connecting.await.unwrap().unwrap());
        drop(peer);
        // The lifecycle handler is dropped after its last callback.
        in_time("the handler is dropped", async {
            while Arc::strong_count(&callbacks.0) > 1 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let last = [vec!["connect".to_owned(), "lost: Some(ClosedByPeer)".to_owned()]];
        assert_eq!([callbacks.0.lock().unwrap().clone()], last);
        // If the attempt opened a socket, it has written nothing.
        drop(std::fs::remove_file(&path));
        let accepted = std::future::poll_fn(|cx| std::task::Poll::Ready(listener.poll_accept(cx)));
        if let std::task::Poll::Ready(accepted) = accepted.await {
            let mut sent = Vec::new();
            let mut io = accepted.unwrap().0;
            in_time("the connection ends", io.read_to_end(&mut sent)).await.unwrap();
            assert!(sent.is_empty());
        }
    }
}
