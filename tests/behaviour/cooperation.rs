//! Clients and servers yield to other tasks of the same thread, however much work is ready.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use echo::{
    Client,
    client::{ConnectionBuilder, LifecycleHandler, ReconnectPolicy},
    operation::{
        echo_message::{EchoMessageError, EchoMessageRequest, EchoMessageResponse},
        echo_stream_messages::{EchoStreamMessages, EchoStreamMessagesError},
    },
    server::{
        Config, EchoTestRpc, EchoTestRpcService, RequestContext, Server, StreamingRequest,
        StreamingResponse,
    },
    types::{EchoStreamingMessage, EchoStreamingResponse},
};
use eventstream_rpc::frame::Header;
use test_util::{EchoService, Feed, Pair, TIMEOUT, control, event, in_time, message, socket_path};
use tokio::{
    io::{AsyncWriteExt, duplex},
    sync::Notify,
    task::JoinHandle,
};

/// The most steps that a task may take between two polls of another task. The cooperative budget of tokio is 128, and
/// the scheduler may poll a task a few times in a row.
const MAX_STEPS: usize = 4 * 128;

/// CountsPings steps: in total, since the last poll of the watching task, and the most between two of its polls.
#[derive(Clone, Default)]
struct Steps(Arc<(AtomicUsize, AtomicUsize, AtomicUsize)>);

impl Steps {
    fn step(&self) {
        let (total, since, most) = &*self.0;
        total.fetch_add(1, Ordering::Relaxed);
        most.fetch_max(since.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    fn total(&self) -> usize {
        self.0.0.load(Ordering::Relaxed)
    }

    /// Starts the watching task.
    fn watch(&self) -> JoinHandle<()> {
        let steps = self.clone();
        tokio::spawn(async move {
            loop {
                steps.0.1.store(0, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        })
    }

    #[track_caller]
    fn check(&self, what: &str, total: usize) {
        assert!(self.total() >= total, "{what}: {} steps", self.total());
        let most = self.0.2.load(Ordering::Relaxed);
        assert!(most <= MAX_STEPS, "{what}: {most} steps without a poll of the other task");
    }
}

/// Repeats an operation that is immediately ready and checks that it yields.
async fn check(what: &str, mut operation: impl AsyncFnMut()) {
    let steps = Steps::default();
    let watching = steps.watch();
    for _ in 0..1_000 {
        operation().await;
        steps.step();
    }
    steps.check(what, 1_000);
    watching.abort();
}

#[tokio::test]
async fn operations_that_fail_immediately_yield() {
    let pair = Pair::start(EchoService).await;
    let connection = pair.client.connection().clone();
    let stream = pair.client.echo_stream_messages().send().await.unwrap();
    let handle = pair.client.echo_stream_messages().send().await.unwrap();
    let handle = handle.spawn_for_each(|_| async {});
    check("flush", async || connection.flush().await.unwrap()).await;
    connection.close().await.unwrap();
    handle.closed().await;
    check("a call", async || {
        pair.client.echo_message().message(message("x")).send().await.unwrap_err();
    })
    .await;
    check("a subscription", async || {
        pair.client.echo_stream_messages().send().await.unwrap_err();
    })
    .await;
    check("an event", async || {
        stream.send_event(event("x")).await.unwrap_err();
    })
    .await;
    check("a ping", async || {
        connection.ping(Duration::from_secs(1)).await.unwrap_err();
    })
    .await;
    check("closed", async || connection.closed().await.unwrap()).await;
    check("close", async || connection.close().await.unwrap()).await;
    check("the end of a handler", async || handle.closed().await).await;
    let mut stream = stream.with_notices();
    check("the end of a stream", async || assert!(stream.next().await.is_none())).await;
}

#[tokio::test]
async fn failing_calls_in_a_loop_do_not_prevent_a_reconnect() {
    let path = socket_path();
    let feed = Feed::new(0);
    let serve = || {
        let service = EchoTestRpcService::new(feed.clone());
        let server = Server::bind(&path).unwrap().allow_all();
        tokio::spawn(server.serve(service, std::future::pending::<()>()))
    };
    let server = serve();
    let policy = ReconnectPolicy::default().initial_backoff(Duration::from_millis(1));
    let builder = ConnectionBuilder::default().socket_path(&path).reconnect(policy);
    let client = Client::new(builder.connect().await.unwrap());
    server.abort();
    server.await.unwrap_err();
    let server = serve();
    let until = Instant::now() + TIMEOUT;
    let mut failed = 0;
    while client.echo_message().message(message("x")).send().await.is_err() {
        failed += 1;
        assert!(Instant::now() < until, "{failed} calls failed");
    }
    assert!(failed > 0, "the connection was lost");
    server.abort();
}

/// A service that sends a number of events without waiting, and counts the calls and the events in both directions.
#[derive(Clone)]
struct Ready {
    events: usize,
    sent: Steps,
    received: Steps,
    called: Steps,
    /// Notified when the service shall read the client's events.
    begin: Arc<Notify>,
}

impl Ready {
    fn new(events: usize) -> Self {
        let [sent, received, called] = <[Steps; 3]>::default();
        Self { events, sent, received, called, begin: Arc::default() }
    }
}

/// A number of events that are immediately ready.
struct Events(usize, Steps);

impl futures_core::Stream for Events {
    type Item = Result<EchoStreamingMessage, EchoStreamMessagesError>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        if self.0 == 0 {
            return std::task::Poll::Pending;
        }
        self.0 -= 1;
        self.1.step();
        std::task::Poll::Ready(Some(Ok(event("x"))))
    }
}

impl EchoTestRpc for Ready {
    async fn echo_message(
        &self,
        request: EchoMessageRequest,
        _context: RequestContext,
    ) -> Result<EchoMessageResponse, EchoMessageError> {
        self.called.step();
        Ok(EchoMessageResponse::builder().set_message(request.message).build())
    }

    async fn echo_stream_messages(
        &self,
        mut request: StreamingRequest<EchoStreamMessages>,
        _context: RequestContext,
    ) -> Result<StreamingResponse<EchoStreamMessages>, EchoStreamMessagesError> {
        let (begin, received) = (Arc::clone(&self.begin), self.received.clone());
        tokio::spawn(async move {
            let mut next = async || {
                std::future::poll_fn(|cx| request.events.as_mut().poll_next(cx)).await.map(drop)
            };
            // Reading starts late, when many events are queued.
            begin.notified().await;
            while next().await.is_some() {
                received.step();
            }
        });
        let events = Events(self.events, self.sent.clone());
        Ok(StreamingResponse::new(EchoStreamingResponse::default(), events))
    }
}

#[tokio::test(start_paused = true)]
async fn reading_queued_events_yields() {
    let pair = Pair::start(Ready::new(2_000)).await;
    let client = &pair.client;
    let mut next = client.echo_stream_messages().send().await.unwrap();
    let mut notices = client.echo_stream_messages().send().await.unwrap().with_notices();
    let handled = client.echo_stream_messages().send().await.unwrap();
    // Waits until all events have arrived.
    tokio::time::sleep(Duration::from_secs(1)).await;
    check("next", async || drop(next.next().await.unwrap().unwrap())).await;
    check("notices", async || drop(notices.next().await.unwrap().unwrap())).await;
    let steps = Steps::default();
    let watching = steps.watch();
    let counted = steps.clone();
    let handle = handled.spawn_for_each(move |_| {
        counted.step();
        async {}
    });
    while steps.total() < 2_000 {
        tokio::task::yield_now().await;
    }
    steps.check("a handler", 2_000);
    watching.abort();
    handle.close().await;
}

#[tokio::test]
async fn a_server_yields() {
    let service = Ready::new(2_000);
    let (client_io, server_io) = duplex(1024 * 1024);
    let accept_all = |_: &echo::server::ConnectRequest| Ok(echo::server::Identity(String::new()));
    let serving = EchoTestRpcService::new(service.clone());
    let server = echo::server::serve_connection(server_io, serving, accept_all, Config::default());
    tokio::spawn(server);
    let client = Client::new(ConnectionBuilder::default().connect_over(client_io).await.unwrap());
    let watching = [&service.sent, &service.received, &service.called].map(Steps::watch);
    let stream = client.echo_stream_messages().send().await.unwrap();
    for _ in 0..2_000 {
        stream.send_event(event("x")).await.unwrap();
    }
    let calls: Vec<_> = (0..2_000)
        .map(|_| tokio::spawn(client.echo_message().message(message("x")).send()))
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    service.begin.notify_one();
    while service.received.total() < 2_000 || service.sent.total() < 2_000 {
        tokio::task::yield_now().await;
    }
    service.sent.check("events", 2_000);
    service.received.check("events of the client", 2_000);
    service.called.check("calls", 2_000);
    watching.iter().for_each(JoinHandle::abort);
}

#[tokio::test]
async fn a_busy_lifecycle_handler_yields() {
    struct CountsPings(Steps);
    impl LifecycleHandler for CountsPings {
        fn on_ping(&mut self, _: &[Header], _: &[u8]) {
            self.0.step();
        }
    }
    let steps = Steps::default();
    let builder = ConnectionBuilder::default().lifecycle_handler(CountsPings(steps.clone()));
    let (io, mut server) = duplex(1024 * 1024);
    server.write_all(&control(5, 1)).await.unwrap();
    let connection = builder.connect_over(io).await.unwrap();
    let watching = steps.watch();
    server.write_all(&control(2, 0).repeat(900)).await.unwrap();
    let all_received = async {
        while steps.total() < 900 {
            tokio::task::yield_now().await;
        }
    };
    in_time("the pings are received", all_received).await;
    steps.check("pings", 900);
    watching.abort();
    drop(connection);
}
