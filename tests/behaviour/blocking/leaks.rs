//! Blocking clients release their threads and file descriptors. The test counts those of the process, so it runs in
//! its own process.

use std::{fs, thread, time::Instant};

use echo::{
    blocking::{Client, Connection},
    types::MessageData,
};
use test_util::{EchoServer, event};
use tokio::runtime::Runtime;

/// The number of threads of this process that clients started.
fn threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    // A thread that has just ended has no name.
    let names = tasks.filter_map(|it| fs::read_to_string(it.ok()?.path().join("comm")).ok());
    names
        .filter(|it| matches!(it.trim(), "connection" | "lifecycle handl" | "subscription ha"))
        .count()
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Waits until a count has the expected value. Threads end and servers close connections with a delay.
#[track_caller]
fn expect(what: &str, count: impl Fn() -> usize, expected: usize) {
    let start = Instant::now();
    while count() != expected {
        assert!(start.elapsed().as_secs() < 60, "{what}: {} instead of {expected}", count());
        thread::yield_now();
    }
}

#[test]
fn threads_and_descriptors_are_released() {
    test_util::in_own_process(|| {
        let runtime = Runtime::new().unwrap();
        let guard = runtime.enter();
        let echo = EchoServer::start();
        let connect = || -> Client {
            let builder = Connection::builder().socket_path(echo.path());
            Client::new(builder.connect_header("client-name", "accepted.test").connect().unwrap())
        };
        let call = |client: &Client| {
            client.echo_message().message(MessageData::builder().build()).send().unwrap();
        };

        // A connection without subscriptions has no thread, even if many threads use it.
        let client = connect();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..20).for_each(|_| call(&client)));
            }
        });
        assert_eq!(threads(), 0);
        // This includes a connection whose request does not fit into the socket buffer.
        let (large, mut peer) = test_util::blocking::connected(Connection::builder());
        thread::scope(|scope| {
            scope.spawn(|| {
                large.echo_message().message(test_util::blocking::blob(4_000_000)).send().unwrap()
            });
            peer.expect_request(1);
            assert_eq!(threads(), 0);
            peer.respond(1);
        });
        drop((large, peer));
        // All subscriptions of a connection share one background thread. Each handler has its own thread.
        let first = client.echo_stream_messages().send().unwrap();
        let second = client.echo_stream_messages().send().unwrap();
        expect("threads", threads, 1);
        let handle = second.spawn_handler(|_| {});
        expect("threads", threads, 2);
        handle.close();
        drop(first);
        expect("threads", threads, 0);
        call(&client);
        drop(client);

        expect("connections", || echo.open_connections(), 0);
        let before = descriptors();
        for round in 0..300 {
            let client = connect();
            call(&client);
            let mut stream = client.echo_stream_messages().send().unwrap();
            stream.send_event(event("x")).unwrap();
            match round % 4 {
                // Dropped with an event in flight.
                0 => drop((client, stream)),
                1 => {
                    stream.next().unwrap().unwrap();
                    client.connection().close().unwrap();
                }
                2 => {
                    drop(client);
                    drop(stream.spawn_handler(|_| {}));
                }
                _ => {
                    thread::scope(|scope| {
                        scope.spawn(|| stream.by_ref().for_each(drop));
                        scope.spawn(|| client.connection().closed().unwrap());
                        client.connection().close().unwrap();
                    });
                }
            }
        }
        expect("connections", || echo.open_connections(), 0);
        expect("threads", threads, 0);
        expect("descriptors", descriptors, before);

        // Each connection has one socket here and one in the server. The descriptor that wakes this thread exists
        // already.
        let clients: Vec<_> = (0..20).map(|_| connect()).collect();
        clients.iter().for_each(call);
        assert_eq!(descriptors(), before + 2 * clients.len());
        drop(guard);
    });
}
