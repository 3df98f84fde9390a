//! Connections used on a runtime other than the one that drives them, and runtimes without timers or I/O.

use std::time::Duration;

use echo::{
    client::{Connection, ConnectionBuilder, PingError},
    error::{ConnectError, SdkError},
    server::Config,
};
use test_util::{EchoService, Pair, control, event, in_time, message, socket_path};
use tokio::{
    io::{AsyncWriteExt, DuplexStream, duplex},
    runtime::{Builder, Runtime},
    time::Instant,
};

/// A connection to a server that accepts it and sends nothing more.
async fn silent() -> (Connection, DuplexStream) {
    let (io, mut server) = duplex(1024);
    server.write_all(&control(5, 1)).await.unwrap();
    (ConnectionBuilder::default().connect_over(io).await.unwrap(), server)
}

#[test]
fn deadlines_pass_while_the_runtime_of_the_connection_is_blocked() {
    // This runtime only runs inside `block_on`.
    let first = Builder::new_current_thread().enable_all().build().unwrap();
    let pair = first.block_on(async {
        let builder = ConnectionBuilder::default().call_timeout(Duration::from_secs(5));
        let pair =
            Pair::with(EchoService, Config::default(), builder.write_queue_limit(1_000)).await;
        let stream = pair.client.echo_stream_messages().send().await.unwrap();
        (pair, stream)
    });
    let (pair, stream) = pair;
    let other = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    other.block_on(async {
        let client = &pair.client;
        let connection = client.connection();
        let began = Instant::now();
        let error = in_time("a call", client.echo_message().send()).await.unwrap_err();
        assert!(error.is_timeout(), "{error:?}");
        assert_eq!(began.elapsed().as_secs(), 5);
        let error = in_time("a subscription", client.echo_stream_messages().send()).await;
        assert!(error.unwrap_err().is_timeout());
        assert_eq!(began.elapsed().as_secs(), 10);
        let ping = connection.ping(Duration::from_secs(1));
        assert!(matches!(in_time("a ping", ping).await, Err(PingError::Timeout)));
        assert_eq!(began.elapsed().as_secs(), 11);
        // From here on the write queue is full.
        let large = event(&"x".repeat(10_000));
        in_time("an event", stream.send_event(large.clone())).await.unwrap();
        let error = in_time("an event", stream.send_event(large)).await.unwrap_err();
        assert!(matches!(error, SdkError::Timeout { request_written: false, .. }), "{error:?}");
        let call = client.echo_message().message(message("x")).send();
        let error = in_time("a call", call).await.unwrap_err();
        assert!(matches!(error, SdkError::Timeout { request_written: false, .. }), "{error:?}");
        assert_eq!(began.elapsed().as_secs(), 21);
        in_time("close", connection.close()).await.unwrap_err();
        assert_eq!(began.elapsed().as_secs(), 24);
    });
}

#[test]
fn a_runtime_without_timers_uses_those_of_the_connection() {
    let first = Runtime::new().unwrap();
    let (connection, _server) = first.block_on(silent());
    let other = Builder::new_current_thread().build().unwrap();
    let ping = other.block_on(connection.ping(Duration::from_millis(10)));
    assert!(matches!(ping, Err(PingError::Timeout)), "{ping:?}");
}

#[test]
fn a_runtime_without_timers_or_io_is_an_error() {
    let path = socket_path();
    let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let connect = || ConnectionBuilder::default().socket_path(&path).connect();
    let connect_tcp = || ConnectionBuilder::default().tcp_address("127.0.0.1:9").connect();
    for mut runtime in [Builder::new_current_thread(), Builder::new_multi_thread()] {
        let without_timers = runtime.enable_io().build().unwrap();
        let error = without_timers.block_on(connect()).unwrap_err();
        assert!(matches!(error, ConnectError::NoRuntime), "{error:?}");
        let over = without_timers
            .block_on(async { ConnectionBuilder::default().connect_over(duplex(1).0).await });
        assert!(matches!(over, Err(ConnectError::NoRuntime)), "{over:?}");
    }
    let without_io = Builder::new_current_thread().enable_time().build().unwrap();
    for connecting in [without_io.block_on(connect()), without_io.block_on(connect_tcp())] {
        assert!(matches!(connecting, Err(ConnectError::NoRuntime)), "{connecting:?}");
    }
    // A byte stream supplied by the caller needs no I/O driver.
    let (connection, server) = without_io.block_on(silent());
    drop(server);
    without_io.block_on(connection.closed()).unwrap_err();
    std::fs::remove_file(path).unwrap();
}
