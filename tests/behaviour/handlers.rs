//! Handlers that panic in unusual places, or open a connection inside a callback.

use std::{
    any::Any,
    ops::ControlFlow,
    sync::{
        Arc, OnceLock,
        mpsc::{Receiver, Sender, channel},
    },
};

use echo::{
    blocking,
    client::{
        BlockingStreamHandler, ConnectionBuilder, LifecycleHandler, StreamHandler,
        SubscriptionHandle,
    },
    error::ConnectionError,
    operation::echo_stream_messages::EchoStreamMessages,
    types::EchoStreamingMessage,
};
use test_util::{EchoServer, TIMEOUT, event, socket_path};
use tokio::runtime::Runtime;

/// A handler that panics for each event, and again when it is informed of the panic.
struct AlwaysPanics(Sender<&'static str>);

impl StreamHandler<EchoStreamMessages> for AlwaysPanics {
    #[allow(clippy::manual_async_fn, reason = "it panics before it returns a future")]
    fn on_stream_event(&mut self, _: EchoStreamingMessage) -> impl Future<Output = ()> + Send {
        panic!("before the future is returned");
        #[allow(unreachable_code)]
        async {}
    }

    async fn on_stream_closed(&mut self) {
        self.0.send("closed").unwrap();
    }

    async fn on_panic(&mut self, _: Box<dyn Any + Send>) -> ControlFlow<()> {
        self.0.send("panicked").unwrap();
        panic!("again");
    }
}

impl BlockingStreamHandler<EchoStreamMessages> for AlwaysPanics {
    fn on_stream_event(&mut self, _: EchoStreamingMessage) {
        panic!("for an event");
    }

    fn on_stream_closed(&mut self) {
        self.0.send("closed").unwrap();
    }

    fn on_panic(&mut self, _: Box<dyn Any + Send>) -> ControlFlow<()> {
        self.0.send("panicked").unwrap();
        panic!("again");
    }
}

async fn check_panics(
    spawn: impl FnOnce(
        echo::client::Subscription<EchoStreamMessages>,
        AlwaysPanics,
    ) -> SubscriptionHandle,
) {
    let echo = EchoServer::start();
    let client = echo.connect().await;
    let stream = client.echo_stream_messages().send().await.unwrap();
    stream.send_event(event("x")).await.unwrap();
    let (sender, callbacks) = channel();
    let handle = spawn(stream, AlwaysPanics(sender));
    tokio::time::timeout(TIMEOUT, handle.closed()).await.unwrap();
    assert_eq!(callbacks.iter().collect::<Vec<_>>(), ["panicked", "closed"]);
}

#[tokio::test]
async fn a_panic_in_on_panic_ends_the_stream_and_calls_on_stream_closed() {
    check_panics(|stream, handler| stream.spawn_handler(handler)).await;
    check_panics(|stream, handler| stream.spawn_blocking_handler(handler)).await;
}

/// A lifecycle handler that connects with its own builder when its connection ends.
struct ConnectsAgain<B> {
    builder: Arc<OnceLock<B>>,
    /// Connects, which must fail, and returns the error.
    connect: fn(B) -> String,
    callbacks: Sender<String>,
}

impl<B: Clone + Send + Sync + 'static> LifecycleHandler for ConnectsAgain<B> {
    fn on_connect(&mut self) {
        self.callbacks.send("connected".to_owned()).unwrap();
    }

    fn on_disconnect(&mut self, _: Option<&ConnectionError>) {
        let error = (self.connect)(self.builder.get().unwrap().clone());
        self.callbacks.send(format!("result: {error}")).unwrap();
    }

    fn on_error(&mut self, error: &(dyn std::error::Error + 'static)) -> bool {
        self.callbacks.send(format!("error: {error}")).unwrap();
        true
    }
}

#[track_caller]
fn check_callbacks(callbacks: &Receiver<String>) {
    let next = || callbacks.recv_timeout(TIMEOUT).expect("the handler is called");
    assert_eq!(next(), "connected");
    let result = next();
    assert!(result.starts_with("result: the socket"), "{result}");
    assert_eq!(next(), result.replace("result", "error"));
}

/// A runtime that is never dropped: dropping it would wait for a handler that is stuck.
fn runtime() -> &'static Runtime {
    Box::leak(Box::new(Runtime::new().unwrap()))
}

#[test]
fn a_lifecycle_handler_may_connect_with_its_own_builder() {
    let _runtime = runtime().enter();
    let echo = EchoServer::start();
    let (sender, callbacks) = channel();
    let builder = Arc::new(OnceLock::new());
    // Blocks the callback until another thread has tried to connect.
    let connect = |builder: ConnectionBuilder| {
        let connecting = move || runtime().block_on(builder.connect()).unwrap_err().to_string();
        std::thread::spawn(connecting).join().unwrap()
    };
    let handler = ConnectsAgain { builder: Arc::clone(&builder), connect, callbacks: sender };
    let first = echo.builder("accepted.test").lifecycle_handler(handler);
    assert!(builder.set(first.clone().socket_path(socket_path())).is_ok());
    tokio::spawn(async move { first.connect().await.unwrap().close().await });
    check_callbacks(&callbacks);
}

#[test]
fn a_blocking_lifecycle_handler_may_connect_with_its_own_builder() {
    let _runtime = runtime().enter();
    let echo = EchoServer::start();
    let (sender, callbacks) = channel();
    let builder = Arc::new(OnceLock::new());
    let connect = |builder: blocking::ConnectionBuilder| builder.connect().unwrap_err().to_string();
    let handler = ConnectsAgain { builder: Arc::clone(&builder), connect, callbacks: sender };
    let first = blocking::ConnectionBuilder::default()
        .socket_path(echo.path())
        .connect_header("client-name", "accepted.test")
        .lifecycle_handler(handler);
    assert!(builder.set(first.clone().socket_path(socket_path())).is_ok());
    first.connect().unwrap().close().unwrap();
    check_callbacks(&callbacks);
}
