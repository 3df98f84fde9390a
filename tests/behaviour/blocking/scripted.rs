//! The blocking client against a server by hand: what the threads do when the other side is slow, silent or
//! gone.

use std::{
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    task::Poll,
    thread,
    time::Duration,
};

use echo::{
    blocking::{Connection, LifecycleHandler, Notice, Overflow, PingError, SubscriptionItem},
    error::{ConnectError, ConnectionError, SdkError},
};
use eventstream_rpc::{
    client::{Address, Builder, Credentials},
    protocol::MessageType,
};
use test_util::TIMEOUT;
use test_util::blocking::{
    ACCEPTED, Listener, NO_FLAGS, Peer, answered, assert_text, bare, blob, call, connected, event,
    opened, ping,
};

#[test]
fn a_call_that_times_out_ends_its_stream_once_and_its_late_answer_is_passed_over() {
    let (client, mut peer) = connected(Connection::builder());
    let timeout = Duration::from_millis(30);
    let error = client.echo_message().message(blob(1)).call_timeout(timeout).send().unwrap_err();
    assert!(matches!(error, SdkError::Timeout { request_written: true, .. }), "{error:?}");
    peer.expect_request(1);
    peer.expect_end(1);
    peer.respond(1);
    answered(&client, &mut peer, 2);
    drop(client);
    assert!(peer.read().is_none());
}

#[test]
fn a_follower_ends_in_its_own_time() {
    let (client, mut peer) = connected(Connection::builder());
    thread::scope(|scope| {
        scope.spawn(|| call(&client));
        peer.expect_request(1);
        let timeout = Duration::from_millis(30);
        let error =
            client.echo_message().message(blob(1)).call_timeout(timeout).send().unwrap_err();
        assert!(error.is_timeout(), "{error:?}");
        peer.expect_request(2);
        peer.expect_end(2);
        peer.respond(1);
    });
}

#[test]
fn whoever_is_answered_first_leaves_the_reading_to_another() {
    let (client, mut peer) = connected(Connection::builder());
    thread::scope(|scope| {
        for stream in 1..=8 {
            scope.spawn(|| call(&client));
            peer.expect_request(stream);
        }
        // One after the other, beginning with whoever leads.
        for stream in 1..=8 {
            peer.respond(stream);
        }
    });
}

#[test]
fn the_end_of_the_connection_ends_every_call_at_once() {
    let (client, mut peer) = connected(Connection::builder());
    thread::scope(|scope| {
        let mut calls = Vec::new();
        for stream in 1..=8 {
            calls.push(scope.spawn(|| client.echo_message().message(blob(1)).send()));
            peer.expect_request(stream);
        }
        drop(peer);
        for call in calls {
            let error = call.join().unwrap().unwrap_err();
            assert!(
                matches!(
                    error,
                    SdkError::DispatchFailure {
                        source: ConnectionError::ClosedByPeer,
                        request_written: true,
                        ..
                    }
                ),
                "{error:?}"
            );
        }
    });
    let error = client.echo_message().message(blob(1)).send().unwrap_err();
    assert!(matches!(error, SdkError::DispatchFailure { request_written: false, .. }), "{error:?}");
    assert!(matches!(client.connection().closed(), Err(ConnectionError::ClosedByPeer)));
    assert!(matches!(client.connection().flush(), Ok(()) | Err(ConnectionError::ClosedByPeer)));
}

#[test]
fn two_sides_that_both_write_do_not_block_each_other() {
    let (client, mut peer) = connected(Connection::builder());
    answered(&client, &mut peer, 1);
    thread::scope(|scope| {
        scope.spawn(|| {
            client.echo_message().message(blob(4_000_000)).send().unwrap();
            call(&client);
        });
        // More than the sockets hold, before anything is read: late words on a stream that is over.
        let late = event(1, &"x".repeat(40_000));
        for _ in 0..100 {
            peer.write(&late);
        }
        for stream in 2..=3 {
            peer.expect_request(stream);
            peer.respond(stream);
        }
    });
}

#[test]
fn a_call_ends_in_time_though_there_is_no_room_and_the_next_one_writes_the_rest() {
    let (client, mut peer) = connected(Connection::builder());
    let timeout = Duration::from_millis(30);
    let big = client.echo_message().message(blob(4_000_000)).call_timeout(timeout);
    let error = big.send().unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    // There is more in the queue now than it takes.
    let error = client.echo_message().message(blob(1)).call_timeout(timeout).send().unwrap_err();
    assert!(matches!(error, SdkError::Timeout { request_written: false, .. }), "{error:?}");
    thread::scope(|scope| {
        scope.spawn(|| call(&client));
        peer.expect_request(1);
        peer.expect_end(1);
        peer.expect_request(2);
        peer.respond(2);
    });
}

#[test]
fn a_ping_is_answered_at_the_next_call_and_at_once_while_there_is_a_subscription() {
    let (client, mut peer) = connected(Connection::builder());
    peer.write(&ping(3));
    answered(&client, &mut peer, 1);
    peer.expect(MessageType::PingResponse, NO_FLAGS, 0);

    let stream = opened(client.echo_stream_messages(), &mut peer, 2);
    for _ in 0..3 {
        peer.write(&ping(3));
        peer.expect(MessageType::PingResponse, NO_FLAGS, 0);
    }
    drop(stream);
    peer.expect_end(2);
}

#[test]
fn a_ping_of_this_side_waits_for_its_answer() {
    let (client, mut peer) = connected(Connection::builder());
    let connection = client.connection();
    let error = connection.ping(Duration::from_millis(10)).unwrap_err();
    assert!(matches!(error, PingError::Timeout), "{error:?}");
    thread::scope(|scope| {
        let pinging = scope.spawn(|| connection.ping(TIMEOUT));
        for _ in 0..2 {
            peer.expect(MessageType::Ping, NO_FLAGS, 0);
            peer.write(&bare(MessageType::PingResponse, NO_FLAGS, 0));
        }
        pinging.join().unwrap().unwrap();
    });
    drop(peer);
    assert!(matches!(connection.ping(TIMEOUT), Err(PingError::Connection(_))));
}

#[test]
fn a_subscriber_that_is_too_slow_ends_lagged_and_nobody_else_notices() {
    let (client, mut peer) = connected(Connection::builder());
    let mut stream = opened(client.echo_stream_messages().queue_limit(10_000), &mut peer, 1);
    let mut other = opened(client.echo_stream_messages(), &mut peer, 2);
    let text = "x".repeat(1_000);
    for _ in 0..100 {
        peer.write(&event(1, &text));
    }
    // Nobody waits for an event, and they are read all the same.
    peer.expect_end(1);
    peer.write(&event(2, "well"));
    assert_text(&other.next().unwrap().unwrap(), "well");
    answered(&client, &mut peer, 3);
    let events = stream.by_ref().take_while(Result::is_ok).count();
    assert!((5..10).contains(&events), "{events}");
    assert!(stream.next().is_none());
}

#[test]
fn a_queue_that_is_full_before_the_response_ends_the_call() {
    let (client, mut peer) = connected(Connection::builder());
    thread::scope(|scope| {
        let request = client.echo_stream_messages().queue_limit(1).call_timeout(TIMEOUT);
        let subscribing = scope.spawn(move || request.send().map(drop));
        peer.expect_request(1);
        for number in 0..3 {
            peer.write(&event(1, &number.to_string()));
        }
        peer.expect_end(1);
        let error = subscribing.join().unwrap().unwrap_err();
        assert!(matches!(error, SdkError::Lagged { dropped: 2.., .. }), "{error:?}");
    });
    answered(&client, &mut peer, 2);
}

#[test]
fn the_oldest_events_are_dropped_and_counted() {
    let (client, mut peer) = connected(Connection::builder());
    let request = client.echo_stream_messages().queue_limit(1).overflow(Overflow::DropOldest);
    let mut stream = opened(request, &mut peer, 1).with_notices();
    for number in 0..10 {
        peer.write(&event(1, &number.to_string()));
    }
    // Everything before the answer has been read when it comes.
    answered(&client, &mut peer, 2);
    let item = stream.next().unwrap().unwrap();
    assert_eq!(item, SubscriptionItem::Notice(Notice::Dropped(9)));
    let SubscriptionItem::Event(event) = stream.next().unwrap().unwrap() else { panic!() };
    assert_text(&event, "9");
    assert!(stream.next_timeout(Duration::ZERO).is_pending());
}

#[test]
fn a_server_that_does_not_answer_the_connect_message_is_given_up() {
    use std::os::unix::net::UnixStream;

    let (socket, other) = UnixStream::pair().unwrap();
    let builder = Connection::builder().handshake_timeout(Duration::from_millis(20));
    let error = builder.connect_over(socket).unwrap_err();
    assert!(matches!(error, ConnectError::HandshakeTimeout { .. }), "{error:?}");
    let mut peer = Peer::new(other);
    peer.expect(MessageType::Connect, NO_FLAGS, 0);
    assert!(peer.read().is_none());

    let (socket, other) = UnixStream::pair().unwrap();
    drop(other);
    let error = Connection::builder().connect_over(socket).unwrap_err();
    assert!(matches!(error, ConnectError::ClosedDuringHandshake), "{error:?}");
}

#[test]
fn a_socket_that_is_not_there_and_one_that_nobody_serves_are_told_apart() {
    let listener = Listener::new("nobody");
    // One may wait to be accepted, and no more.
    rustix::net::listen(&listener.listener, 0).unwrap();
    let _waiting = std::os::unix::net::UnixStream::connect(&listener.path).unwrap();
    let builder = listener.builder().connect_timeout(Duration::from_millis(20));
    let error = builder.connect().unwrap_err();
    assert!(matches!(error, ConnectError::SocketTimeout { .. }), "{error:?}");
    let error = Connection::builder().socket_path("/nowhere/at/all").connect().unwrap_err();
    assert!(matches!(error, ConnectError::Socket { .. }), "{error:?}");
    let error = Connection::builder().connect().unwrap_err();
    assert!(matches!(error, ConnectError::NoAddress), "{error:?}");
}

/// Tells at which address, and with which payload that counts how often it was asked.
struct Counting(Address, AtomicUsize);

impl Credentials for Counting {
    fn payload(&self) -> Result<bytes::Bytes, ConnectError> {
        Ok(format!("asked {}", self.1.fetch_add(1, Ordering::Relaxed)).into())
    }

    fn address(&self) -> Result<Address, ConnectError> {
        Ok(self.0.clone())
    }
}

#[test]
fn a_client_introduces_itself_by_its_credentials() {
    fn introduced(listener: &Listener, builder: Builder<Connection, impl Credentials>) -> Vec<u8> {
        let connecting = thread::spawn(|| builder.connect());
        let connect = listener.accept().read().unwrap();
        connecting.join().unwrap().unwrap_err();
        connect.message.payload.to_vec()
    }
    let listener = Listener::new("credentials");
    assert_eq!(introduced(&listener, listener.builder()), b"{}");
    assert_eq!(introduced(&listener, listener.builder().connect_payload("who")), b"who");
    let credentials = Counting(Address::unix(&listener.path), AtomicUsize::new(0));
    let builder = Builder::<Connection, _>::new(credentials);
    assert_eq!(introduced(&listener, builder), b"asked 0");
}

#[test]
fn an_error_that_the_server_reports_is_judged_by_the_lifecycle_handler() {
    struct Lenient(mpsc::Sender<String>);

    impl LifecycleHandler for Lenient {
        fn on_error(&mut self, error: &(dyn std::error::Error + 'static)) -> bool {
            self.0.send(error.to_string()).unwrap();
            false
        }
    }

    let (report, reports) = mpsc::channel();
    let (client, mut peer) = connected(Connection::builder().lifecycle_handler(Lenient(report)));
    peer.write(&bare(MessageType::ProtocolError, NO_FLAGS, 0));
    let text = reports.recv_timeout(TIMEOUT).unwrap();
    assert_eq!(text, "the other side reported a protocol error");
    answered(&client, &mut peer, 1);

    let (client, mut peer) = connected(Connection::builder());
    peer.write(&bare(MessageType::InternalError, NO_FLAGS, 0));
    let error = client.connection().closed().unwrap_err();
    assert!(matches!(error, ConnectionError::PeerError { internal: true, .. }), "{error:?}");
    assert!(peer.read().is_none());
}

#[test]
fn a_broken_rule_is_reported_before_the_end() {
    let (client, mut peer) = connected(Connection::builder());
    peer.write(&bare(MessageType::ConnectAck, ACCEPTED, 0));
    let error = client.connection().closed().unwrap_err();
    assert!(matches!(error, ConnectionError::Protocol(_)), "{error:?}");
    peer.expect(MessageType::ProtocolError, NO_FLAGS, 0);
    assert!(peer.read().is_none());
}

#[test]
fn waiting_for_an_event_ends_in_time() {
    let (client, mut peer) = connected(Connection::builder());
    let mut stream = opened(client.echo_stream_messages(), &mut peer, 1);
    assert!(stream.next_timeout(Duration::from_millis(10)).is_pending());
    peer.write(&event(1, "x"));
    let Poll::Ready(Some(Ok(event))) = stream.next_timeout(TIMEOUT) else { panic!() };
    assert_text(&event, "x");
    drop(peer);
    let Poll::Ready(Some(Err(error))) = stream.next_timeout(TIMEOUT) else { panic!() };
    assert!(
        matches!(error, SdkError::DispatchFailure { source: ConnectionError::ClosedByPeer, .. }),
        "{error:?}"
    );
    assert!(matches!(stream.try_next(), Poll::Ready(None)));
}

#[test]
fn a_server_that_stalls_in_a_message_ends_the_connection() {
    let builder = || Connection::builder().frame_timeout(Duration::from_millis(20));
    let is_late = |error: &ConnectionError| matches!(error, ConnectionError::FrameTimeout { .. });

    // The background thread notices.
    let (client, mut peer) = connected(builder());
    let mut stream = opened(client.echo_stream_messages(), &mut peer, 1);
    peer.write(&event(1, "half")[..30]);
    let error = stream.next().unwrap().unwrap_err();
    assert!(
        matches!(&error, SdkError::DispatchFailure { source, .. } if is_late(source)),
        "{error:?}"
    );
    assert!(peer.read().is_none());

    // Whoever waits for the end does.
    let (client, mut peer) = connected(builder());
    peer.write(&ping(100)[..11]);
    assert!(is_late(&client.connection().closed().unwrap_err()));

    // Whoever waits for a response does, long before its time is up.
    let (client, mut peer) = connected(builder());
    thread::scope(|scope| {
        let calls: Vec<_> = (1..=3)
            .map(|stream| {
                let call = client.echo_message().message(blob(1)).call_timeout(TIMEOUT);
                let call = scope.spawn(|| call.send().unwrap_err());
                peer.expect_request(stream);
                call
            })
            .collect();
        peer.write(&ping(100)[..50]);
        for call in calls {
            let error = call.join().unwrap();
            assert!(
                matches!(
                    &error,
                    SdkError::DispatchFailure { source, request_written: true, .. } if is_late(source)
                ),
                "{error:?}"
            );
        }
    });
}

#[test]
fn a_large_message_that_arrives_in_pieces_is_in_time() {
    let (client, mut peer) = connected(Connection::builder().frame_timeout(TIMEOUT));
    let mut stream = opened(client.echo_stream_messages(), &mut peer, 1);
    let text = "x".repeat(1_000_000);
    for piece in event(1, &text).chunks(10_000) {
        peer.write(piece);
        // Nothing is there yet, whoever looks.
        thread::yield_now();
    }
    assert_text(&stream.next().unwrap().unwrap(), &text);
    answered(&client, &mut peer, 2);
}
