//! Handlers that panic where it hurts, or connect while they are told something.

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

/// Panics whenever it is told something, and once more over that.
struct Hopeless(Sender<&'static str>);

impl StreamHandler<EchoStreamMessages> for Hopeless {
    #[allow(clippy::manual_async_fn, reason = "it panics before there is a future")]
    fn on_stream_event(&mut self, _: EchoStreamingMessage) -> impl Future<Output = ()> + Send {
        panic!("before there is a future");
        #[allow(unreachable_code)]
        async {}
    }

    async fn on_stream_closed(&mut self) {
        self.0.send("closed").unwrap();
    }

    async fn on_panic(&mut self, _: Box<dyn Any + Send>) -> ControlFlow<()> {
        self.0.send("panicked").unwrap();
        panic!("once more");
    }
}

impl BlockingStreamHandler<EchoStreamMessages> for Hopeless {
    fn on_stream_event(&mut self, _: EchoStreamingMessage) {
        panic!("over an event");
    }

    fn on_stream_closed(&mut self) {
        self.0.send("closed").unwrap();
    }

    fn on_panic(&mut self, _: Box<dyn Any + Send>) -> ControlFlow<()> {
        self.0.send("panicked").unwrap();
        panic!("once more");
    }
}

async fn check_hopeless(
    spawn: impl FnOnce(echo::client::Subscription<EchoStreamMessages>, Hopeless) -> SubscriptionHandle,
) {
    let echo = EchoServer::start();
    let client = echo.connect().await;
    let stream = client.echo_stream_messages().send().await.unwrap();
    stream.send_event(event("x")).await.unwrap();
    let (told, is_told) = channel();
    let handle = spawn(stream, Hopeless(told));
    tokio::time::timeout(TIMEOUT, handle.closed()).await.unwrap();
    assert_eq!(is_told.iter().collect::<Vec<_>>(), ["panicked", "closed"]);
}

#[tokio::test]
async fn a_panic_over_a_panic_ends_the_stream_and_the_handler_is_told() {
    check_hopeless(|stream, handler| stream.spawn_handler(handler)).await;
    check_hopeless(|stream, handler| stream.spawn_blocking_handler(handler)).await;
}

/// Connects with its own builder, and waits for that, whenever it is told something.
struct Connects<B> {
    builder: Arc<OnceLock<B>>,
    /// Tries, and gives the error.
    connect: fn(B) -> String,
    told: Sender<String>,
}

impl<B: Clone + Send + Sync + 'static> LifecycleHandler for Connects<B> {
    fn on_connect(&mut self) {
        self.told.send("connected".to_owned()).unwrap();
    }

    fn on_disconnect(&mut self, _: Option<&ConnectionError>) {
        let error = (self.connect)(self.builder.get().unwrap().clone());
        self.told.send(format!("result: {error}")).unwrap();
    }

    fn on_error(&mut self, error: &(dyn std::error::Error + 'static)) -> bool {
        self.told.send(format!("told: {error}")).unwrap();
        true
    }
}

#[track_caller]
fn check_told(told: &Receiver<String>) {
    let next = || told.recv_timeout(TIMEOUT).expect("the handler is told");
    assert_eq!(next(), "connected");
    let result = next();
    assert!(result.starts_with("result: the socket"), "{result}");
    assert_eq!(next(), result.replace("result", "told"));
}

/// A runtime that is never dropped: its end would wait for a handler that is stuck.
fn runtime() -> &'static Runtime {
    Box::leak(Box::new(Runtime::new().unwrap()))
}

#[test]
fn a_lifecycle_handler_may_connect_with_its_own_builder() {
    let _runtime = runtime().enter();
    let echo = EchoServer::start();
    let (told, is_told) = channel();
    let builder = Arc::new(OnceLock::new());
    // On another thread, which is waited for.
    let connect = |builder: ConnectionBuilder| {
        let connecting = move || runtime().block_on(builder.connect()).unwrap_err().to_string();
        std::thread::spawn(connecting).join().unwrap()
    };
    let handler = Connects { builder: Arc::clone(&builder), connect, told };
    let first = echo.builder("accepted.test").lifecycle_handler(handler);
    assert!(builder.set(first.clone().socket_path(socket_path())).is_ok());
    tokio::spawn(async move { first.connect().await.unwrap().close().await });
    check_told(&is_told);
}

#[test]
fn a_blocking_lifecycle_handler_may_connect_with_its_own_builder() {
    let _runtime = runtime().enter();
    let echo = EchoServer::start();
    let (told, is_told) = channel();
    let builder = Arc::new(OnceLock::new());
    let connect = |builder: blocking::ConnectionBuilder| builder.connect().unwrap_err().to_string();
    let handler = Connects { builder: Arc::clone(&builder), connect, told };
    let first = blocking::ConnectionBuilder::default()
        .socket_path(echo.path())
        .connect_header("client-name", "accepted.test")
        .lifecycle_handler(handler);
    assert!(builder.set(first.clone().socket_path(socket_path())).is_ok());
    first.connect().unwrap().close().unwrap();
    check_told(&is_told);
}
