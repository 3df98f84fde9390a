//! Failed calls report their cause and whether the request may have reached the server.

use std::time::Duration;

use echo::{
    Client,
    client::{ConnectionBuilder, LifecycleHandler, ReconnectPolicy},
    error::{ConnectionError, SdkError},
    server::{Config, EchoTestRpcService, Server},
};
use test_util::{
    CONNECT_ACK, END, EchoService, Feed, MESSAGE, MessageReader, Pair, control, frame, in_time,
    message, socket_path,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    runtime::Runtime,
};

/// Connects a client to a scripted server, which reads nothing after the handshake.
async fn connected(builder: ConnectionBuilder, capacity: usize) -> (Client, DuplexStream) {
    let (client_io, mut server_io) = duplex(capacity);
    let accepting = async {
        let mut reader = MessageReader::default();
        while reader.message().unwrap().is_none() {
            reader.extend(&[server_io.read_u8().await.unwrap()]);
        }
        server_io.write_all(&control(CONNECT_ACK, 1)).await.unwrap();
        server_io
    };
    let (connection, server_io) = tokio::join!(builder.connect_over(client_io), accepting);
    (Client::new(connection.unwrap()), server_io)
}

#[tokio::test(start_paused = true)]
async fn each_call_has_its_own_deadline() {
    let builder = ConnectionBuilder::default().call_timeout(Duration::from_secs(1));
    let (client, mut server_io) = connected(builder, 64 * 1024).await;
    let first = tokio::spawn(client.echo_message().message(message("first")).send());
    server_io.read_buf(&mut bytes::BytesMut::new()).await.unwrap();
    let shape = ("service-model-type", "awstest#EchoMessageResponse");
    server_io.write_all(&frame(MESSAGE, END, 1, &[shape], "{}")).await.unwrap();
    first.await.unwrap().unwrap();
    // The deadline of the first call passes while the connection is idle.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let began = tokio::time::Instant::now();
    let second = client.echo_message().message(message("second")).send();
    let error = tokio::time::timeout(Duration::from_secs(60), second).await.unwrap().unwrap_err();
    assert!(matches!(error, SdkError::Timeout { request_written: true, .. }), "{error:?}");
    assert_eq!(began.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_reports_whether_each_request_was_written() {
    // Some requests arrive, some are in flight, some are queued, some wait for queue capacity.
    let builder = ConnectionBuilder::default().write_queue_limit(2_000);
    let (client, mut server_io) = connected(builder, 3_000).await;
    let calls: Vec<_> = (0..40)
        .map(|number: u32| {
            let text = format!("{number}:{}", "x".repeat(300));
            tokio::spawn(client.echo_message().message(message(&text)).send())
        })
        .collect();
    let events = tokio::spawn(client.echo_stream_messages().send());
    // Runs all tasks until they are idle.
    tokio::time::sleep(Duration::from_millis(1)).await;
    let mut bytes = bytes::BytesMut::new();
    while bytes.len() < 1_500 {
        server_io.read_buf(&mut bytes).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    drop(server_io);

    let mut reader = MessageReader::default();
    reader.extend(&bytes);
    let mut arrived = Vec::new();
    while let Some(request) = reader.message().unwrap() {
        let text = request.payload();
        let number: String = text.chars().skip_while(|it| !it.is_ascii_digit()).collect();
        arrived.push(number.split(':').next().unwrap().parse::<usize>().unwrap());
    }
    let began = tokio::time::Instant::now();
    let mut written = Vec::new();
    for call in calls {
        match call.await.unwrap().unwrap_err() {
            SdkError::DispatchFailure {
                source: ConnectionError::ClosedByPeer,
                request_written,
                ..
            } => written.push(request_written),
            error => panic!("{error:?}"),
        }
    }
    assert!(events.await.unwrap().is_err());
    assert_eq!(
        began.elapsed(),
        Duration::ZERO,
        "the calls fail immediately, not at their deadlines"
    );
    // Requests that arrived count as written. Those in flight may count as written, the others do not.
    let count = written.iter().filter(|it| **it).count();
    assert!(arrived.iter().all(|number| written[*number]), "{arrived:?} {written:?}");
    assert!(arrived.len() > 1 && count < 20, "{arrived:?} {written:?}");
}

#[tokio::test(start_paused = true)]
async fn calls_pings_and_closing_time_out_if_the_server_does_not_read() {
    let builder = ConnectionBuilder::default().write_queue_limit(0);
    let (client, server_io) = connected(builder, 100).await;
    let began = tokio::time::Instant::now();
    let written = client.echo_message().message(message("x")).send();
    let written = tokio::spawn(written);
    tokio::task::yield_now().await;
    let waits = client.echo_message().message(message("x")).send();
    match waits.await.unwrap_err() {
        SdkError::Timeout { request_written, .. } => assert!(!request_written),
        error => panic!("{error:?}"),
    }
    match written.await.unwrap().unwrap_err() {
        SdkError::Timeout { request_written, .. } => {
            assert!(request_written, "the request is in flight")
        }
        error => panic!("{error:?}"),
    }
    let ping = client.connection().ping(Duration::from_secs(5)).await;
    assert!(matches!(ping, Err(echo::client::PingError::Timeout)), "{ping:?}");
    // Both calls end after 10 s, the default timeout; the ping after 5 s more.
    assert_eq!(began.elapsed().as_secs(), 15);
    // Closing waits for a few seconds, because the server may only be slow.
    let error = client.connection().close().await.unwrap_err();
    assert!(matches!(error, ConnectionError::Closed), "the queue was not written: {error:?}");
    assert_eq!(began.elapsed().as_secs(), 18);
    drop(server_io);
}

#[test]
fn the_end_of_a_runtime_ends_its_connections() {
    for reconnects in [false, true] {
        let path = socket_path();
        let other = Runtime::new().unwrap();
        let server = {
            let _other = other.enter();
            Server::bind(&path).unwrap().allow_all()
        };
        let feed = Feed::new(0);
        let service = EchoTestRpcService::new(feed.clone());
        other.spawn(server.serve(service, std::future::pending::<()>()));

        let first = Runtime::new().unwrap();
        let mut builder = ConnectionBuilder::default().socket_path(&path);
        if reconnects {
            builder = builder.reconnect(ReconnectPolicy::default().calls_wait(true));
        }
        let client = Client::new(first.block_on(builder.connect()).unwrap());
        let (call, closed, mut events) = other.block_on(async {
            let events = client.echo_stream_messages().send().await.unwrap();
            let call = tokio::spawn(client.echo_message().message(message("wait")).send());
            let connection = client.connection().clone();
            let closed = tokio::spawn(async move { connection.closed().await });
            in_time("the call is served", async {
                while feed.waiting() == 0 {
                    tokio::task::yield_now().await;
                }
            })
            .await;
            (call, closed, events)
        });
        drop(first);
        other.block_on(async {
            let error = in_time("the call ends", call).await.unwrap().unwrap_err();
            assert!(matches!(error, SdkError::DispatchFailure { request_written: true, .. }));
            let error = in_time("the connection ends", closed).await.unwrap().unwrap_err();
            assert!(matches!(error, ConnectionError::RuntimeStopped), "{error:?}");
            in_time("the stream fails", events.next()).await.unwrap().unwrap_err();
            assert!(in_time("the stream ends", events.next()).await.is_none());
            let error = client.echo_message().send().await.unwrap_err();
            assert!(matches!(error, SdkError::DispatchFailure { request_written: false, .. }));
        });
    }
}

#[test]
fn calls_work_on_other_runtimes_and_without_a_runtime() {
    let runtime = Runtime::new().unwrap();
    let builder = ConnectionBuilder::default().write_queue_limit(0);
    let pair = runtime.block_on(Pair::with(EchoService, Config::default(), builder));
    // Threads without a runtime that wait for queue capacity and for timers.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let call = pair.client.echo_message().message(message("x")).send();
                    assert_eq!(block_on(call).unwrap().message, Some(message("x")));
                    block_on(pair.client.connection().ping(test_util::TIMEOUT)).unwrap();
                }
            });
        }
    });
}

/// Runs a future without a runtime.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut cx = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut cx) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

#[tokio::test]
async fn a_lifecycle_handler_that_panics_is_still_called() {
    struct Panics(tokio::sync::mpsc::UnboundedSender<&'static str>);
    impl LifecycleHandler for Panics {
        fn on_connect(&mut self) {
            self.0.send("connect").unwrap();
            panic!("on connect");
        }

        fn on_disconnect(&mut self, _error: Option<&ConnectionError>) {
            self.0.send("disconnect").unwrap();
        }
    }
    let (sender, mut callbacks) = tokio::sync::mpsc::unbounded_channel();
    let builder = ConnectionBuilder::default().lifecycle_handler(Panics(sender));
    let pair = Pair::with(EchoService, Config::default(), builder).await;
    assert_eq!(in_time("the handler is called", callbacks.recv()).await, Some("connect"));
    pair.assert_healthy(0).await;
    pair.client.connection().close().await.unwrap();
    assert_eq!(in_time("the handler is called", callbacks.recv()).await, Some("disconnect"));
}
