//! A client that is slow, silent, malicious or disconnected costs the server little, and does not affect other clients.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::BytesMut;
use echo::{
    Client,
    client::ConnectionBuilder,
    server::{
        Config, ConnectRequest, EchoTestRpcService, Identity, Rejected, RequestContext, Server,
        serve_connection,
    },
};
use eventstream_rpc::error::SdkError;
use test_util::{CONNECT, Feed, PING, Pair, ResourceUsage, in_time, message, serve, socket_path};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

fn frame(kind: i32, stream: i32, operation: Option<&str>, payload: &str) -> BytesMut {
    let mut texts: Vec<_> = operation.map(|it| ("operation", it)).into_iter().collect();
    if kind == CONNECT {
        texts.push((":version", "0.1.0"));
    }
    test_util::frame(kind, 0, stream, &texts, payload)
}

const ECHO: &str = "awstest#EchoMessage";

/// Performs the handshake of a scripted client.
async fn connected(mut io: DuplexStream) -> DuplexStream {
    io.write_all(&frame(CONNECT, 0, None, "{}")).await.unwrap();
    // The connect-ack is as long as any message with only the three required headers.
    let mut answer = vec![0; frame(5, 0, None, "").len()];
    io.read_exact(&mut answer).await.unwrap();
    io
}

#[tokio::test(start_paused = true)]
async fn an_incomplete_message_ends_the_connection() {
    let whole = frame(0, 1, Some(ECHO), "{}");
    // The client sends nothing, or a part of its connect message.
    for sent in [&b""[..], &frame(CONNECT, 0, None, "{}")[..20]] {
        let (mut io, server) = serve(Feed::new(0), Config::default());
        io.write_all(sent).await.unwrap();
        let began = tokio::time::Instant::now();
        assert_eq!(io.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(began.elapsed().as_secs(), 10, "{sent:?}");
        server.await.unwrap();
    }
    // The client sends a part of a request, the last bytes one by one.
    for len in [1, 12, whole.len() - 1] {
        let (io, server) = serve(Feed::new(0), Config::default());
        let mut io = connected(io).await;
        io.write_all(&whole[..len.min(10)]).await.unwrap();
        let began = tokio::time::Instant::now();
        for byte in &whole[len.min(10)..len] {
            tokio::time::sleep(Duration::from_millis(50)).await;
            io.write_all(&[*byte]).await.unwrap();
        }
        assert_eq!(io.read(&mut [0]).await.unwrap(), 0);
        assert!((9..=10).contains(&began.elapsed().as_secs()), "{len}: {:?}", began.elapsed());
        server.await.unwrap();
    }
    // An idle client may stay connected.
    let (io, server) = serve(Feed::new(0), Config::default());
    let io = connected(io).await;
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert!(!server.is_finished());
    drop(io);
    server.await.unwrap();
}

/// Sends frames without reading the replies until the server stops reading. Returns the number of bytes sent.
async fn fill(mut next_frame: impl FnMut(i32) -> BytesMut) -> u64 {
    let mut config = Config::default();
    config.reply_queue_limit = 100_000;
    config.write_queue_limit = 10_000;
    let (io, _server) = serve(Feed::new(0), config);
    let mut io = connected(io).await;
    let mut sent = 0;
    for number in 1.. {
        let frame = next_frame(number);
        // The paused clock advances only when all tasks are idle.
        match tokio::time::timeout(Duration::from_secs(1), io.write_all(&frame)).await {
            Ok(result) => result.unwrap(),
            Err(_) => break,
        }
        sent += frame.len() as u64;
        assert!(sent < 10_000_000, "the server reads without limit");
    }
    sent
}

#[tokio::test(start_paused = true)]
async fn the_server_stops_reading_from_a_client_that_pings_and_never_reads() {
    let sent = fill(|_| frame(PING, 0, None, &"x".repeat(500))).await;
    assert!(sent > 50_000, "{sent}");
}

#[tokio::test(start_paused = true)]
async fn the_server_stops_reading_from_a_client_that_calls_and_never_reads() {
    let text = format!("{{\"message\":{{\"stringMessage\":\"{}\"}}}}", "x".repeat(500));
    let sent = fill(|stream| frame(0, stream, Some(ECHO), &text)).await;
    assert!(sent > 50_000, "{sent}");
}

#[tokio::test(start_paused = true)]
async fn the_server_stops_reading_from_a_client_that_causes_errors_and_never_reads() {
    let sent = fill(|stream| frame(0, stream, Some("no#Operation"), "{}")).await;
    assert!(sent > 10_000, "{sent}");
}

#[tokio::test]
async fn a_client_that_reads_late_receives_all_responses() {
    let mut config = Config::default();
    config.reply_queue_limit = 1_000;
    config.write_queue_limit = 100;
    let (io, server) = serve(Feed::new(0), config);
    let io = connected(io).await;
    let (mut read, mut write) = tokio::io::split(io);
    let text = format!("{{\"message\":{{\"stringMessage\":\"{}\"}}}}", "x".repeat(500));
    let requests = tokio::spawn(async move {
        for stream in 1..=100 {
            write.write_all(&frame(0, stream, Some(ECHO), &text)).await.unwrap();
        }
        write.shutdown().await.unwrap();
    });
    let mut responses = Vec::new();
    in_time("the last response", read.read_to_end(&mut responses)).await.unwrap();
    requests.await.unwrap();
    server.await.unwrap();
    assert!(responses.len() > 95 * 500, "{}", responses.len());
}

#[tokio::test(start_paused = true)]
async fn thousands_of_streams_are_served_up_to_the_limit() {
    let mut config = Config::default();
    config.max_streams = 3_000;
    let feed = Feed::new(0);
    let pair = Pair::with(feed.clone(), config, ConnectionBuilder::default()).await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..3_000 {
        let call = pair.client.echo_message().message(message("wait"));
        calls.spawn(call.call_timeout(Duration::from_secs(100)).send());
    }
    in_time("all calls are served", async {
        while feed.waiting() < 3_000 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    // Another call is rejected without affecting the others.
    let error = pair.client.echo_message().message(message("x")).send().await.unwrap_err();
    assert!(matches!(error, SdkError::ServiceError { .. }), "{error:?}");
    assert_eq!(feed.waiting(), 3_000);
    drop(calls);
    in_time("all calls are dropped", async {
        while feed.waiting() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    pair.assert_healthy(0).await;
}

#[tokio::test]
async fn a_lost_connection_drops_its_handlers() {
    let feed = Feed::new(0);
    let pair = Pair::start(feed.clone()).await;
    let events = pair.client.echo_stream_messages().send().await.unwrap();
    let call = tokio::spawn(pair.client.echo_message().message(message("wait")).send());
    in_time("the call is served", async {
        while feed.waiting() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(feed.publish(), 1);
    call.abort();
    let Pair { client, server, .. } = pair;
    drop((client, events));
    server.await.unwrap();
    assert_eq!(feed.publish(), 0);
    in_time("the handler is dropped", async {
        while feed.waiting() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_handler_that_panics_ends_only_its_stream() {
    let pair = Pair::start(Feed::new(0)).await;
    let _events = pair.client.echo_stream_messages().send().await.unwrap();
    for _ in 0..10 {
        let panics = pair.client.echo_message().message(message("panic")).send();
        let error = panics.await.unwrap_err();
        let error = error.service_error().expect("the server reports an error");
        assert_eq!(error.message(), Some("InternalServerError"));
        pair.assert_healthy(1).await;
    }
}

#[tokio::test]
async fn a_panic_of_an_authorizer_or_authenticator_affects_one_client() {
    let path = socket_path();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = Server::bind(&path)
        .unwrap()
        .authenticator(|request: &ConnectRequest| match request.header("name") {
            Some(name) => Ok(Identity(name.to_owned())),
            None => panic!("a client without a name"),
        })
        .authorizer(|context: &RequestContext, operation: &str| {
            assert!(
                context.identity().0 != "denied" || operation != ECHO,
                "a client that must be denied"
            );
            Ok(())
        });
    let service = EchoTestRpcService::new(Feed::new(0));
    let server = tokio::spawn(server.serve(service, stopped));
    let builder = || ConnectionBuilder::default().socket_path(&path);
    let error = builder().connect().await.unwrap_err();
    assert!(matches!(error, echo::error::ConnectError::Rejected), "{error:?}");
    let denied = Client::new(builder().connect_header("name", "denied").connect().await.unwrap());
    for _ in 0..3 {
        let error = denied.echo_message().message(message("x")).send().await.unwrap_err();
        assert!(matches!(error, SdkError::ServiceError { .. }), "{error:?}");
        denied.connection().ping(test_util::TIMEOUT).await.unwrap();
    }
    drop(stop);
    server.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_authenticator_that_never_decides_is_dropped() {
    struct NeverDecides(Arc<AtomicBool>);
    struct SetOnDrop(Arc<AtomicBool>);
    impl Drop for SetOnDrop {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    impl echo::server::Authenticator for NeverDecides {
        async fn authenticate(&self, _: &ConnectRequest) -> Result<Identity, Rejected> {
            let _dropped = SetOnDrop(Arc::clone(&self.0));
            std::future::pending().await
        }
    }
    let is_dropped = Arc::new(AtomicBool::new(false));
    let (client_io, server_io) = duplex(100);
    let service = EchoTestRpcService::new(Feed::new(0));
    let authenticator = NeverDecides(Arc::clone(&is_dropped));
    let server =
        tokio::spawn(serve_connection(server_io, service, authenticator, Config::default()));
    let connecting = ConnectionBuilder::default().handshake_timeout(Duration::from_secs(60));
    connecting.connect_over(client_io).await.unwrap_err();
    in_time("the server ends the connection", server).await.unwrap();
    assert!(is_dropped.load(Ordering::Relaxed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_over_the_limit_are_refused() {
    let path = socket_path();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = Server::bind(&path).unwrap().allow_all().max_connections(3);
    let service = EchoTestRpcService::new(Feed::new(0));
    let server = tokio::spawn(server.serve(service, stopped));
    let connect = || ConnectionBuilder::default().socket_path(&path).connect();
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(connect().await.unwrap());
    }
    let before = ResourceUsage::current().unwrap();
    for _ in 0..20 {
        connect().await.unwrap_err();
    }
    open.remove(0).close().await.unwrap();
    // The server detects the close with a delay.
    in_time("another connection is accepted", async {
        while connect().await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    in_time("the refused connections are released", async {
        while ResourceUsage::current().unwrap().leaked_since(&before).is_some() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(stop);
    server.await.unwrap().unwrap();
}
