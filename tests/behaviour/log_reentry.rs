//! A subscriber of the log that uses the connections about which it is told.

use std::{
    cell::Cell,
    pin::pin,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Waker},
    time::Duration,
};

use echo::{
    Client, blocking,
    operation::echo_stream_messages::{EchoStreamMessages, EchoStreamMessagesError},
    server::{
        Config, EchoTestRpc, EchoTestRpcService, EventStream, RequestContext, StreamingRequest,
        StreamingResponse, serve_connection,
    },
    types::EchoStreamingResponse,
};
use test_util::{authenticate, socket_path};
use tokio::net::UnixListener;
use tracing_subscriber::{Layer, layer::SubscriberExt};

/// Everything that can be used.
#[derive(Default)]
struct Used {
    client: Option<Client>,
    blocking: Option<blocking::Client>,
    server: Vec<RequestContext>,
}

static USED: Mutex<Used> = Mutex::new(Used { client: None, blocking: None, server: Vec::new() });
static EVENTS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Using a connection may log something as well.
    static IS_USING: Cell<bool> = const { Cell::new(false) };
}

/// Locks every connection.
fn use_all() {
    if IS_USING.replace(true) {
        return;
    }
    EVENTS.fetch_add(1, Ordering::Relaxed);
    let (client, blocking, server) = {
        let used = USED.lock().unwrap_or_else(PoisonError::into_inner);
        (used.client.clone(), used.blocking.clone(), used.server.clone())
    };
    let mut cx = Context::from_waker(Waker::noop());
    if let Some(client) = &client {
        let _ = pin!(client.connection().closed()).poll(&mut cx);
    }
    for context in &server {
        let _ = pin!(context.ended()).poll(&mut cx);
    }
    if let Some(client) = &blocking {
        // The connection may have ended.
        let _ = client.connection().flush();
    }
    IS_USING.set(false);
}

struct Using;

impl<S: tracing::Subscriber> Layer<S> for Using {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        if event.metadata().target() == "eventstream_rpc" {
            use_all();
        }
    }
}

struct Service;

impl EchoTestRpc for Service {
    async fn echo_stream_messages(
        &self,
        request: StreamingRequest<EchoStreamMessages>,
        context: RequestContext,
    ) -> Result<StreamingResponse<EchoStreamMessages>, EchoStreamMessagesError> {
        USED.lock().unwrap().server.push(context);
        // It ends when the client ends the stream.
        Ok(StreamingResponse::new(EchoStreamingResponse::default(), Ended(request.events)))
    }
}

struct Ended(EventStream<echo::types::EchoStreamingMessage>);

impl futures_core::Stream for Ended {
    type Item = Result<echo::types::EchoStreamingMessage, EchoStreamMessagesError>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        // Ends the stream after the first event.
        self.0.as_mut().poll_next(cx).map(|_| None)
    }
}

async fn scenario() {
    let path = socket_path();
    let listener = UnixListener::bind(&path).unwrap();
    let serving = tokio::spawn(async move {
        loop {
            let (io, _) = listener.accept().await.unwrap();
            let service = EchoTestRpcService::new(Service);
            tokio::spawn(serve_connection(io, service, authenticate, Config::default()));
        }
    });
    let builder = echo::client::ConnectionBuilder::default().socket_path(&path);
    let builder = builder.connect_header("client-name", "accepted.test");
    let client = Client::new(builder.connect().await.unwrap());
    USED.lock().unwrap().client = Some(client.clone());
    // This side ends a stream, and the other one.
    client.echo_stream_messages().send().await.unwrap().close().await.unwrap();
    let mut stream = client.echo_stream_messages().send().await.unwrap();
    stream.send_event(test_util::event("x")).await.unwrap();
    assert!(stream.next().await.is_none());
    client.echo_message().send().await.unwrap_err();
    client.connection().close().await.unwrap();
    let used = move || {
        let builder = blocking::ConnectionBuilder::default().socket_path(&path);
        let builder = builder.connect_header("client-name", "accepted.test");
        let client = blocking::Client::new(builder.connect().unwrap());
        USED.lock().unwrap().blocking = Some(client.clone());
        drop(client.echo_stream_messages().send().unwrap());
        let mut stream = client.echo_stream_messages().send().unwrap();
        stream.send_event(test_util::event("x")).unwrap();
        assert!(stream.next().is_none());
        client.echo_message().send().unwrap_err();
        client.connection().close().unwrap();
        std::fs::remove_file(path).unwrap();
    };
    tokio::task::spawn_blocking(used).await.unwrap();
    serving.abort();
}

#[test]
fn a_subscriber_may_use_the_connection() {
    test_util::in_own_process(|| {
        let subscriber = tracing_subscriber::registry().with(Using);
        tracing::subscriber::set_global_default(subscriber).unwrap();
        let (done, is_done) = std::sync::mpsc::channel();
        // A thread that is stuck cannot be waited for.
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(scenario());
            done.send(()).unwrap();
        });
        let events = || EVENTS.load(Ordering::Relaxed);
        let done = is_done.recv_timeout(Duration::from_secs(60));
        done.unwrap_or_else(|error| panic!("{error}, after {} events", events()));
        assert!(events() > 10, "{} events", events());
    });
}
