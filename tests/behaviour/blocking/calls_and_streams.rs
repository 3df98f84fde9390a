//! The generated blocking client, tested against the echo server.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    task::Poll,
    thread,
    time::Duration,
};

use echo::{
    blocking::{BlockingStreamHandler, Client, Connection, Subscription},
    error::{ConnectError, ConnectionError, SdkError},
    operation::{
        cause_service_error::CauseServiceErrorError,
        cause_stream_service_to_error::CauseStreamServiceToErrorError,
        echo_stream_messages::{EchoStreamMessages, EchoStreamMessagesError},
    },
    types::{EchoStreamingMessage, MessageData},
};
use test_util::{EchoServer, TIMEOUT, assert_text, event};
use tokio::runtime::Runtime;

/// An echo server that runs on its own threads.
struct Server {
    echo: EchoServer,
    runtime: Runtime,
}

impl Server {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let guard = runtime.enter();
        let echo = EchoServer::start();
        drop(guard);
        Self { echo, runtime }
    }

    fn connection(&self) -> Connection {
        self.try_connect("accepted.test").unwrap()
    }

    fn try_connect(&self, name: &str) -> Result<Connection, ConnectError> {
        Connection::builder()
            .socket_path(self.echo.path())
            .connect_header("client-name", name)
            .call_timeout(TIMEOUT)
            .connect()
    }

    fn client(&self) -> Client {
        Client::new(self.connection())
    }

    fn wait_until_idle(self) {
        let Self { echo, runtime } = self;
        runtime.block_on(echo.wait_until_idle());
    }
}

fn message(text: &str) -> MessageData {
    MessageData::builder().string_message(text).build()
}

#[track_caller]
fn check_echo(client: &Client, message: MessageData) {
    let response = client.echo_message().message(message.clone()).send().unwrap();
    assert_eq!(response.message, Some(message));
}

#[test]
fn calls_are_answered_one_after_the_other() {
    let server = Server::start();
    let client = server.client();
    for number in 0..500 {
        check_echo(&client, message(&number.to_string()));
    }
    let error = client.cause_service_error().send().unwrap_err();
    assert_eq!(error.code(), Some("ServiceError"));
    let CauseServiceErrorError::ServiceError(error) = error.into_service_error().unwrap() else {
        panic!()
    };
    assert_eq!(error.message.as_deref(), Some("Intentionally thrown ServiceError"));
    drop(client);
    server.wait_until_idle();
}

#[test]
fn large_messages_are_echoed() {
    let server = Server::start();
    let client = server.client();
    let blob: Vec<u8> = (0..2_000_000_u32).map(|it| (it % 251) as u8).collect();
    check_echo(&client, MessageData::builder().blob_message(blob.clone()).build());
    // Several calls at the same time, so that both sides have more to write than the socket buffers hold.
    thread::scope(|scope| {
        for _ in 0..4 {
            let message = MessageData::builder().blob_message(blob.clone()).build();
            scope.spawn(|| check_echo(&client, message));
        }
    });
}

#[test]
fn an_unknown_client_is_rejected() {
    let server = Server::start();
    for name in ["rejected.test", ""] {
        let error = server.try_connect(name).unwrap_err();
        assert!(matches!(error, ConnectError::Rejected), "{error:?}");
    }
    check_echo(&server.client(), message("x"));
}

#[test]
fn many_threads_share_one_connection() {
    let server = Server::start();
    let client = server.client();
    thread::scope(|scope| {
        for thread in 0..64 {
            let client = client.clone();
            scope.spawn(move || {
                for number in 0..50 {
                    check_echo(&client, message(&format!("{thread}:{number}")));
                }
            });
        }
    });
    drop(client);
    server.wait_until_idle();
}

#[test]
fn events_arrive_in_order_until_the_server_ends_the_stream() {
    let server = Server::start();
    let client = server.client();
    let mut stream = client.echo_stream_messages().send().unwrap();
    assert!(stream.next_timeout(Duration::ZERO).is_pending());
    assert!(stream.next_timeout(Duration::from_millis(1)).is_pending());
    for index in 0..1000 {
        stream.send_event(event(&index.to_string())).unwrap();
    }
    stream.send_event(event("Close")).unwrap();
    for index in 0..1000 {
        assert_text(&stream.next().unwrap().unwrap(), &index.to_string());
    }
    let Poll::Ready(Some(Ok(last))) = stream.next_timeout(TIMEOUT) else { panic!() };
    assert_text(&last, "Close");
    assert!(stream.next().is_none());
    assert!(stream.next().is_none());
    let late = stream.send_event(event("late")).unwrap_err();
    assert!(matches!(late, SdkError::StreamEnded), "{late:?}");
    client.get_all_products().send().unwrap();
}

#[test]
fn a_stream_error_ends_only_that_stream() {
    let server = Server::start();
    let client = server.client();
    let mut healthy = client.echo_stream_messages().send().unwrap();
    let mut stream = client.cause_stream_service_to_error().send().unwrap();
    stream.send_event(event("go")).unwrap();
    let error = stream.next().unwrap().unwrap_err().into_service_error().unwrap();
    let CauseStreamServiceToErrorError::ServiceError(error) = error else { panic!("{error:?}") };
    assert_eq!(error.message.as_deref(), Some("Intentionally caused ServiceError on stream"));
    assert!(stream.next().is_none());
    healthy.send_event(event("open")).unwrap();
    assert_text(&healthy.next().unwrap().unwrap(), "open");
}

#[test]
fn streams_are_closed_by_client_server_and_drop() {
    let server = Server::start();
    let client = server.client();
    client.echo_stream_messages().send().unwrap().close().unwrap();

    // Close with events in flight in both directions.
    let stream = client.echo_stream_messages().send().unwrap();
    for _ in 0..100 {
        stream.send_event(event("x")).unwrap();
    }
    stream.close().unwrap();

    let stream = client.echo_stream_messages().send().unwrap();
    stream.send_event(event("x")).unwrap();
    drop(stream);

    let mut stream = client.echo_stream_messages().send().unwrap();
    stream.send_event(event("close")).unwrap();
    assert_text(&stream.next().unwrap().unwrap(), "close");
    stream.close().unwrap();
    check_echo(&client, message("x"));
}

#[test]
fn closing_ends_the_waits_of_other_threads() {
    let server = Server::start();
    let connection = server.connection();
    let client = Client::new(connection.clone());
    let mut streams: Vec<_> =
        (0..4).map(|_| client.echo_stream_messages().send().unwrap()).collect();
    thread::scope(|scope| {
        let (started, all_started) = mpsc::channel();
        let mut waiting = Vec::new();
        for stream in &mut streams {
            let started = started.clone();
            waiting.push(scope.spawn(move || {
                stream.send_event(event("first")).unwrap();
                assert_text(&stream.next().unwrap().unwrap(), "first");
                started.send(()).unwrap();
                // A close by this side is not an error of the stream.
                assert!(stream.next().is_none());
            }));
        }
        let closed = scope.spawn(|| connection.closed());
        for _ in 0..4 {
            all_started.recv_timeout(TIMEOUT).unwrap();
        }
        connection.close().unwrap();
        closed.join().unwrap().unwrap();
        waiting.into_iter().for_each(|it| it.join().unwrap());
    });
    let error = client.get_all_products().send().unwrap_err();
    assert!(
        matches!(
            error,
            SdkError::DispatchFailure {
                source: ConnectionError::Closed,
                request_written: false,
                ..
            }
        ),
        "{error:?}"
    );
    connection.close().unwrap();
    server.wait_until_idle();
}

#[test]
fn dropping_the_last_handle_closes_the_connection() {
    let server = Server::start();
    let client = server.client();
    let stream = client.clone().echo_stream_messages().send().unwrap();
    drop(client);
    // The stream keeps the connection open.
    stream.send_event(event("x")).unwrap();
    let handle = stream.spawn_handler(|_| {});
    assert_eq!(server.echo.open_connections(), 1);
    drop(handle);
    server.wait_until_idle();
}

/// A handler that makes a call and uses another stream for each event, and panics after the event `panic`.
struct NestedCalls {
    client: Client,
    other: Subscription<EchoStreamMessages>,
    seen: mpsc::Sender<String>,
}

impl BlockingStreamHandler<EchoStreamMessages> for NestedCalls {
    fn on_stream_event(&mut self, event: EchoStreamingMessage) {
        let EchoStreamingMessage::StreamMessage(event) = event else { panic!() };
        let text = event.string_message.unwrap();
        check_echo(&self.client, message(&text));
        self.other.send_event(self::event(&text)).unwrap();
        assert_text(&self.other.next().unwrap().unwrap(), &text);
        assert_ne!(text, "panic", "requested by the test");
        self.seen.send(text).unwrap();
    }

    fn on_stream_error(&mut self, error: SdkError<EchoStreamMessagesError>) -> ControlFlow<()> {
        self.seen.send(error.to_string()).unwrap();
        ControlFlow::Break(())
    }

    fn on_stream_closed(&mut self) {
        self.seen.send("closed".to_owned()).unwrap();
    }

    fn on_panic(&mut self, _panic: Box<dyn std::any::Any + Send>) -> ControlFlow<()> {
        self.seen.send("panicked".to_owned()).unwrap();
        ControlFlow::Continue(())
    }
}

#[test]
fn a_handler_may_call_wait_and_panic() {
    let server = Server::start();
    let client = server.client();
    let stream = client.echo_stream_messages().send().unwrap();
    for text in ["one", "panic", "two", "close"] {
        stream.send_event(event(text)).unwrap();
    }
    let other = client.echo_stream_messages().send().unwrap();
    let (seen, events) = mpsc::channel();
    let handle = stream.spawn_handler(NestedCalls { client: client.clone(), other, seen });
    for expected in ["one", "panicked", "two", "close", "closed"] {
        assert_eq!(events.recv_timeout(TIMEOUT).unwrap(), expected);
    }
    handle.closed();
    handle.close();
}

#[test]
fn a_blocking_handler_does_not_delay_other_streams() {
    let server = Server::start();
    let client = server.client();
    let stream = client.echo_stream_messages().send().unwrap();
    for index in 0..100 {
        stream.send_event(event(&index.to_string())).unwrap();
    }
    let (release, released) = mpsc::channel::<()>();
    let count = Arc::new(AtomicUsize::new(0));
    let handle = stream.spawn_handler({
        let count = Arc::clone(&count);
        move |_| {
            // Returns an error as soon as `release` is dropped.
            let _ = released.recv();
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let mut other = client.echo_stream_messages().send().unwrap();
    for index in 0..100 {
        check_echo(&client, message("x"));
        other.send_event(event(&index.to_string())).unwrap();
        assert_text(&other.next().unwrap().unwrap(), &index.to_string());
    }
    assert_eq!(count.load(Ordering::Relaxed), 0);
    drop(release);
    while count.load(Ordering::Relaxed) < 100 {
        thread::yield_now();
    }
    handle.close();
}
