//! A timeout that is too large to be added to the current time means that there is no limit, in both clients.

use std::{
    net::{TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::PathBuf,
    task::Poll,
    thread,
    time::Duration,
};

use echo::{blocking, client, types::MessageData};
use eventstream_rpc::client::{Builder, ReconnectPolicy};
use test_util::{EchoServer, assert_text, event};
use tokio::runtime::Runtime;

/// Durations beyond the range of clocks, and at the limits of the units of operating systems and runtimes.
const HUGE: [Duration; 7] = [
    Duration::MAX,
    Duration::from_secs(i64::MAX as u64 + 1),
    Duration::from_secs(i64::MAX as u64),
    Duration::from_secs(i64::MAX as u64 / 4 * 3),
    Duration::from_secs(i64::MAX as u64 / 1000),
    Duration::from_secs(u32::MAX as u64),
    Duration::from_millis(i32::MAX as u64 + 1),
];

fn with_timeouts<C>(builder: Builder<C>, huge: Duration) -> Builder<C> {
    builder
        .connect_header("client-name", "accepted.test")
        .connect_timeout(huge)
        .handshake_timeout(huge)
        .frame_timeout(huge)
        .call_timeout(huge)
        .reconnect(ReconnectPolicy::default().initial_backoff(huge).max_backoff(huge))
}

/// An echo server with a relay that makes it reachable over TCP too.
fn serve() -> (EchoServer, String) {
    let echo = EchoServer::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let path = echo.path().to_owned();
    thread::spawn(move || {
        for client in listener.incoming() {
            relay(client.unwrap(), path.clone());
        }
    });
    (echo, address)
}

fn relay(client: TcpStream, path: PathBuf) {
    let server = UnixStream::connect(path).unwrap();
    let (mut from_client, mut to_server) =
        (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(std::net::Shutdown::Write);
    });
    thread::spawn(move || {
        let (mut from_server, mut to_client) = (server, client);
        let _ = std::io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(std::net::Shutdown::Write);
    });
}

#[test]
fn blocking_client() {
    let runtime = Runtime::new().unwrap();
    let _guard = runtime.enter();
    let (echo, address) = serve();
    for huge in HUGE {
        let builder = || with_timeouts(blocking::Connection::builder(), huge);
        for builder in [builder().socket_path(echo.path()), builder().tcp_address(&address)] {
            let connection = builder.connect().unwrap();
            connection.ping(huge).unwrap();
            let client = blocking::Client::new(connection.clone());
            let call = client.echo_message().message(MessageData::builder().build());
            call.call_timeout(huge).send().unwrap();
            let mut stream = client.echo_stream_messages().call_timeout(huge).send().unwrap();
            stream.send_event(event("x")).unwrap();
            let Poll::Ready(Some(Ok(event))) = stream.next_timeout(huge) else { panic!() };
            assert_text(&event, "x");
            connection.close().unwrap();
        }
    }
}

#[test]
fn asynchronous_client() {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let (echo, address) = serve();
        for huge in HUGE {
            let builder = || with_timeouts(client::Connection::builder(), huge);
            for builder in [builder().socket_path(echo.path()), builder().tcp_address(&address)] {
                let connection = builder.connect().await.unwrap();
                connection.ping(huge).await.unwrap();
                let client = client::Client::new(connection.clone());
                let call = client.echo_message().message(MessageData::builder().build());
                call.call_timeout(huge).send().await.unwrap();
                let stream = client.echo_stream_messages().call_timeout(huge).send();
                let mut stream = stream.await.unwrap();
                stream.send_event(event("x")).await.unwrap();
                assert_text(&stream.next().await.unwrap().unwrap(), "x");
                connection.close().await.unwrap();
            }
        }
    });
}
