//! Clients that are slow, silent, rude or gone.

mod support;

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
    operation::{
        echo_message::{EchoMessageError, EchoMessageRequest, EchoMessageResponse},
        echo_stream_messages::{EchoStreamMessages, EchoStreamMessagesError},
    },
    server::{
        Config, ConnectRequest, EchoTestRpc, EchoTestRpcService, EventSender, Identity, OnFull,
        Rejected, RequestContext, Server, StreamingRequest, StreamingResponse, event_queue,
        serve_connection,
    },
    types::EchoStreamingResponse,
};
use endurance::{Feed, figures::Figures, in_time, socket_path};
use eventstream_rpc::{
    error::{SdkError, Unhandled},
    frame::{Header, Message},
};
use support::{Pair, event, message, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

fn frame(kind: i32, stream: i32, operation: Option<&str>, payload: &str) -> BytesMut {
    let mut headers = vec![
        Header::new(":message-type", kind.into()),
        Header::new(":message-flags", 0.into()),
        Header::new(":stream-id", stream.into()),
    ];
    headers.extend(operation.map(|it| Header::new("operation", it.into())));
    if kind == 4 {
        headers.push(Header::new(":version", "0.1.0".into()));
    }
    let mut bytes = BytesMut::new();
    Message { headers, payload: payload.to_owned().into() }.encode(&mut bytes).unwrap();
    bytes
}

const CONNECT: i32 = 4;
const PING: i32 = 2;
const ECHO: &str = "awstest#EchoMessage";

/// A client by hand that has been let in.
async fn introduced(mut io: DuplexStream) -> DuplexStream {
    io.write_all(&frame(CONNECT, 0, None, "{}")).await.unwrap();
    // The acknowledgement is as long as any message without a payload.
    let mut answer = vec![0; frame(5, 0, None, "").len()];
    io.read_exact(&mut answer).await.unwrap();
    io
}

#[tokio::test(start_paused = true)]
async fn half_a_message_and_silence_end_the_connection() {
    let whole = frame(0, 1, Some(ECHO), "{}");
    // Nothing at all, half a connect message.
    for sent in [&b""[..], &frame(CONNECT, 0, None, "{}")[..20]] {
        let (mut io, server) = serve(Feed::new(0), Config::default());
        io.write_all(sent).await.unwrap();
        let began = tokio::time::Instant::now();
        server.await.unwrap();
        assert_eq!(began.elapsed().as_secs(), 10, "{sent:?}");
    }
    // Half a request, and a byte now and then.
    for len in [1, 12, whole.len() - 1] {
        let (io, server) = serve(Feed::new(0), Config::default());
        let mut io = introduced(io).await;
        io.write_all(&whole[..len.min(10)]).await.unwrap();
        let began = tokio::time::Instant::now();
        for byte in &whole[len.min(10)..len] {
            tokio::time::sleep(Duration::from_millis(50)).await;
            io.write_all(&[*byte]).await.unwrap();
        }
        server.await.unwrap();
        assert!((9..=10).contains(&began.elapsed().as_secs()), "{len}: {:?}", began.elapsed());
    }
    // A client with nothing to say may stay.
    let (io, server) = serve(Feed::new(0), Config::default());
    let io = introduced(io).await;
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert!(!server.is_finished());
    drop(io);
    server.await.unwrap();
}

/// What a client that never reads makes the server hold: it stops taking anything.
async fn is_bounded(mut write: impl FnMut(i32) -> BytesMut) -> u64 {
    let mut config = Config::default();
    config.reply_queue_limit = 100_000;
    config.write_queue_limit = 10_000;
    let (io, _server) = serve(Feed::new(0), config);
    let mut io = introduced(io).await;
    let mut taken = 0;
    for number in 1.. {
        let frame = write(number);
        // Time stands still until nothing else can happen.
        match tokio::time::timeout(Duration::from_secs(1), io.write_all(&frame)).await {
            Ok(result) => result.unwrap(),
            Err(_) => break,
        }
        taken += frame.len() as u64;
        assert!(taken < 10_000_000, "the server takes all that comes");
    }
    taken
}

#[tokio::test(start_paused = true)]
async fn a_client_that_pings_and_never_reads_stops_being_heard() {
    let taken = is_bounded(|_| frame(PING, 0, None, &"x".repeat(500))).await;
    assert!(taken > 50_000, "{taken}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_and_never_reads_stops_being_heard() {
    let text = format!("{{\"message\":{{\"stringMessage\":\"{}\"}}}}", "x".repeat(500));
    let taken = is_bounded(|stream| frame(0, stream, Some(ECHO), &text)).await;
    assert!(taken > 50_000, "{taken}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_refused_again_and_again_stops_being_heard() {
    let taken = is_bounded(|stream| frame(0, stream, Some("no#Operation"), "{}")).await;
    assert!(taken > 10_000, "{taken}");
}

#[tokio::test]
async fn a_client_that_reads_late_gets_everything() {
    let mut config = Config::default();
    config.reply_queue_limit = 1_000;
    config.write_queue_limit = 100;
    let (io, server) = serve(Feed::new(0), config);
    let io = introduced(io).await;
    let (mut read, mut write) = tokio::io::split(io);
    let text = format!("{{\"message\":{{\"stringMessage\":\"{}\"}}}}", "x".repeat(500));
    let asking = tokio::spawn(async move {
        for stream in 1..=100 {
            write.write_all(&frame(0, stream, Some(ECHO), &text)).await.unwrap();
        }
        write.shutdown().await.unwrap();
    });
    let mut answers = Vec::new();
    in_time("the last answer", read.read_to_end(&mut answers)).await.unwrap();
    asking.await.unwrap();
    server.await.unwrap();
    assert!(answers.len() > 95 * 500, "{}", answers.len());
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
    in_time("all are served", async {
        while feed.waiting() < 3_000 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    // One more is refused, and nobody else is disturbed.
    let error = pair.client.echo_message().message(message("x")).send().await.unwrap_err();
    assert!(matches!(error, SdkError::ServiceError(_)), "{error:?}");
    assert_eq!(feed.waiting(), 3_000);
    drop(calls);
    in_time("all are dropped", async {
        while feed.waiting() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    pair.is_well(0).await;
}

#[tokio::test]
async fn a_client_that_vanishes_takes_its_handlers_with_it() {
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
async fn a_handler_that_panics_ends_its_stream_alone() {
    let pair = Pair::start(Feed::new(0)).await;
    let _events = pair.client.echo_stream_messages().send().await.unwrap();
    for _ in 0..10 {
        let panics = pair.client.echo_message().message(message("panic")).send();
        let error = panics.await.unwrap_err();
        let error = error.service_error().expect("the server says so");
        assert_eq!(error.message(), Some("InternalServerError"));
        pair.is_well(1).await;
    }
}

#[tokio::test]
async fn an_authorizer_or_authenticator_that_panics_concerns_one_client() {
    let path = socket_path();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = Server::bind(&path)
        .unwrap()
        .authenticator(|request: &ConnectRequest| match request.header("name") {
            Some(name) => Ok(Identity(name.to_owned())),
            None => panic!("a client without a name"),
        })
        .authorizer(|context: &RequestContext, operation: &str| {
            assert!(context.identity().0 != "odd" || operation != ECHO, "an odd client");
            Ok(())
        });
    let service = EchoTestRpcService::new(Feed::new(0));
    let server = tokio::spawn(server.serve(service, stopped));
    let builder = || ConnectionBuilder::default().socket_path(&path);
    let error = builder().connect().await.unwrap_err();
    assert!(matches!(error, echo::error::ConnectError::Rejected), "{error:?}");
    let odd = Client::new(builder().connect_header("name", "odd").connect().await.unwrap());
    for _ in 0..3 {
        let error = odd.echo_message().message(message("x")).send().await.unwrap_err();
        assert!(matches!(error, SdkError::ServiceError(_)), "{error:?}");
        odd.connection().ping(endurance::PATIENCE).await.unwrap();
    }
    drop(stop);
    server.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_an_authenticator_that_never_decides() {
    struct Undecided(Arc<AtomicBool>);
    struct SetOnDrop(Arc<AtomicBool>);
    impl Drop for SetOnDrop {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    impl echo::server::Authenticator for Undecided {
        async fn authenticate(&self, _: &ConnectRequest) -> Result<Identity, Rejected> {
            let _dropped = SetOnDrop(Arc::clone(&self.0));
            std::future::pending().await
        }
    }
    let is_dropped = Arc::new(AtomicBool::new(false));
    let (ours, theirs) = duplex(100);
    let service = EchoTestRpcService::new(Feed::new(0));
    let authenticator = Undecided(Arc::clone(&is_dropped));
    let server = tokio::spawn(serve_connection(theirs, service, authenticator, Config::default()));
    let connecting = ConnectionBuilder::default().handshake_timeout(Duration::from_secs(60));
    connecting.connect_over(ours).await.unwrap_err();
    in_time("the server gives up", server).await.unwrap();
    assert!(is_dropped.load(Ordering::Relaxed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_connections_than_allowed() {
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
    let before = Figures::here().unwrap();
    for _ in 0..20 {
        connect().await.unwrap_err();
    }
    open.remove(0).close().await;
    // Nobody says when the server has seen it.
    in_time("there is room again", async {
        while connect().await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    in_time("nothing is left of those that were turned away", async {
        while Figures::here().unwrap().leaked_since(&before).is_some() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(stop);
    server.await.unwrap().unwrap();
}

/// A service whose subscribers get what is sent into a queue before they are answered.
struct Early(OnFull<EchoStreamMessagesError>, fn(&EventSender<EchoStreamMessages>));

impl EchoTestRpc for Early {
    async fn echo_message(
        &self,
        request: EchoMessageRequest,
        _context: RequestContext,
    ) -> Result<EchoMessageResponse, EchoMessageError> {
        Ok(EchoMessageResponse::builder().set_message(request.message).build())
    }

    async fn echo_stream_messages(
        &self,
        _request: StreamingRequest<EchoStreamMessages>,
        _context: RequestContext,
    ) -> Result<StreamingResponse<EchoStreamMessages>, EchoStreamMessagesError> {
        let (sender, events) = event_queue(2_000, self.0.clone());
        (self.1)(&sender);
        // Others have their turn before the response goes out.
        tokio::task::yield_now().await;
        Ok(StreamingResponse::queued(EchoStreamingResponse::default(), events))
    }
}

#[track_caller]
fn check_queue(
    on_full: OnFull<EchoStreamMessagesError>,
    send: fn(&EventSender<EchoStreamMessages>),
    expected: &[&str],
) {
    support::run(async {
        let pair = Pair::start(Early(on_full, send)).await;
        for _ in 0..3 {
            let mut stream = pair.client.echo_stream_messages().send().await.unwrap();
            let mut items = Vec::new();
            // The sender is gone, and so the stream ends.
            while let Some(item) = in_time("the end", stream.next()).await {
                items.push(match item {
                    Ok(item) => expected
                        .iter()
                        .find(|it| event(it) == item)
                        .map_or_else(|| format!("{item:?}"), |it| (*it).to_owned()),
                    Err(error) => error.service_error().unwrap().message().unwrap().to_owned(),
                });
            }
            assert_eq!(items, expected);
            pair.is_well(0).await;
        }
    });
}

fn send_ten(sender: &EventSender<EchoStreamMessages>) {
    for number in 0..10 {
        // Which of them there is room for is for the queue to decide.
        let _ = sender.send(&event(&format!("{number}{}", "x".repeat(300))));
    }
}

fn fail() -> OnFull<EchoStreamMessagesError> {
    OnFull::Fail(Unhandled::internal().into())
}

#[test]
fn events_sent_before_the_response_follow_it() {
    check_queue(
        fail(),
        |it| {
            it.send(&event("1")).unwrap();
            it.send(&event("2")).unwrap();
        },
        &["1", "2"],
    );
}

#[test]
fn a_queue_ends_as_its_sender_says() {
    check_queue(
        fail(),
        |it| {
            it.send(&event("1")).unwrap();
            it.end();
            it.send(&event("2")).unwrap_err();
            assert!(!it.is_open());
        },
        &["1"],
    );
    check_queue(
        fail(),
        |it| {
            it.send(&event("1")).unwrap();
            it.fail(Unhandled::internal());
            it.end();
        },
        &["1", "InternalServerError"],
    );
}

#[test]
fn a_queue_that_is_full_does_as_it_was_told() {
    let nth = |number: usize| format!("{number}{}", "x".repeat(300));
    let texts: Vec<_> = (0..10).map(nth).collect();
    let text = |index: usize| texts[index].as_str();
    let full = |it: &EventSender<EchoStreamMessages>| {
        send_ten(it);
        assert!(it.dropped() > 0 && !it.is_open());
    };
    check_queue(fail(), full, &[text(0), text(1), text(2), "InternalServerError"]);
    let drops = |it: &EventSender<EchoStreamMessages>| {
        send_ten(it);
        assert!(it.dropped() == 7 && it.is_open());
    };
    check_queue(OnFull::DropOldest, drops, &[text(7), text(8), text(9)]);
    let replaces = |it: &EventSender<EchoStreamMessages>| {
        send_ten(it);
        assert!(it.dropped() == 9 && it.is_open());
    };
    check_queue(OnFull::LatestOnly, replaces, &[text(9)]);
}
