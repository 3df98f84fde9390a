//! A `tracing` subscriber may use the connections whose log events it receives.

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

/// The connections that the subscriber uses.
#[derive(Default)]
struct Connections {
    client: Option<Client>,
    blocking: Option<blocking::Client>,
    server: Vec<RequestContext>,
}

static CONNECTIONS: Mutex<Connections> =
    Mutex::new(Connections { client: None, blocking: None, server: Vec::new() });
static EVENTS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether `use_all` runs on this thread: using a connection may log another event.
    static IS_USING: Cell<bool> = const { Cell::new(false) };
}

/// Calls a method that takes the connection's lock, for each connection.
fn use_all() {
    if IS_USING.replace(true) {
        return;
    }
    EVENTS.fetch_add(1, Ordering::Relaxed);
    let (client, blocking, server) = {
        let connections = CONNECTIONS.lock().unwrap_or_else(PoisonError::into_inner);
        (connections.client.clone(), connections.blocking.clone(), connections.server.clone())
    };
    let mut cx = Context::from_waker(Waker::noop());
    if let Some(client) = &client {
        let _ = pin!(client.connection().closed()).poll(&mut cx);
    }
    for context in &server {
        let _ = pin!(context.ended()).poll(&mut cx);
    }
    if let Some(client) = &blocking {
        // Ignored: the connection may have ended.
        let _ = client.connection().flush();
    }
    IS_USING.set(false);
}

/// A layer that uses all connections for each event of the library.
struct UsesConnections;

impl<S: tracing::Subscriber> Layer<S> for UsesConnections {
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
        CONNECTIONS.lock().unwrap().server.push(context);
        Ok(StreamingResponse::new(EchoStreamingResponse::default(), EndsAfterOne(request.events)))
    }
}

/// A stream that ends when the client sends an event or ends the stream.
struct EndsAfterOne(EventStream<echo::types::EchoStreamingMessage>);

impl futures_core::Stream for EndsAfterOne {
    type Item = Result<echo::types::EchoStreamingMessage, EchoStreamMessagesError>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
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
    CONNECTIONS.lock().unwrap().client = Some(client.clone());
    // The client ends the first stream, the server ends the second.
    client.echo_stream_messages().send().await.unwrap().close().await.unwrap();
    let mut stream = client.echo_stream_messages().send().await.unwrap();
    stream.send_event(test_util::event("x")).await.unwrap();
    assert!(stream.next().await.is_none());
    client.echo_message().send().await.unwrap_err();
    client.connection().close().await.unwrap();
    let use_blocking = move || {
        let builder = blocking::ConnectionBuilder::default().socket_path(&path);
        let builder = builder.connect_header("client-name", "accepted.test");
        let client = blocking::Client::new(builder.connect().unwrap());
        CONNECTIONS.lock().unwrap().blocking = Some(client.clone());
        drop(client.echo_stream_messages().send().unwrap());
        let mut stream = client.echo_stream_messages().send().unwrap();
        stream.send_event(test_util::event("x")).unwrap();
        assert!(stream.next().is_none());
        client.echo_message().send().unwrap_err();
        client.connection().close().unwrap();
        std::fs::remove_file(path).unwrap();
    };
    tokio::task::spawn_blocking(use_blocking).await.unwrap();
    serving.abort();
}

#[test]
fn a_subscriber_may_use_the_connection() {
    test_util::in_own_process(|| {
        let subscriber = tracing_subscriber::registry().with(UsesConnections);
        tracing::subscriber::set_global_default(subscriber).unwrap();
        let (done, is_done) = std::sync::mpsc::channel();
        // On another thread, so that a deadlock does not hang the test.
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
