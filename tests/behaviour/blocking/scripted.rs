//! The threads of a blocking client when the server is slow, silent or closes the connection. Uses a scripted server.

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
fn a_call_that_times_out_ends_its_stream_once_and_its_late_response_is_ignored() {
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
fn a_waiting_call_times_out_while_another_thread_reads() {
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
fn a_thread_that_has_its_response_hands_the_reading_to_another() {
    let (client, mut peer) = connected(Connection::builder());
    thread::scope(|scope| {
        for stream in 1..=8 {
            scope.spawn(|| call(&client));
            peer.expect_request(stream);
        }
        // In order, beginning with the thread that reads.
        for stream in 1..=8 {
            peer.respond(stream);
        }
    });
}

#[test]
fn the_end_of_the_connection_ends_every_call_immediately() {
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
fn two_sides_that_both_write_do_not_deadlock() {
    let (client, mut peer) = connected(Connection::builder());
    answered(&client, &mut peer, 1);
    thread::scope(|scope| {
        scope.spawn(|| {
            client.echo_message().message(blob(4_000_000)).send().unwrap();
            call(&client);
        });
        // Before it reads, the server writes more than the socket buffers hold: late events on an ended stream.
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
fn a_call_times_out_while_the_socket_is_full_and_the_next_call_writes_the_rest() {
    let (client, mut peer) = connected(Connection::builder());
    let timeout = Duration::from_millis(30);
    let big = client.echo_message().message(blob(4_000_000)).call_timeout(timeout);
    let error = big.send().unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    // The write queue is now over its limit.
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
fn a_ping_is_answered_during_the_next_call_or_immediately_with_a_subscription() {
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
fn a_ping_waits_for_its_response() {
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
fn a_slow_subscriber_lags_without_affecting_other_streams() {
    let (client, mut peer) = connected(Connection::builder());
    let mut stream = opened(client.echo_stream_messages().queue_limit(10_000), &mut peer, 1);
    let mut other = opened(client.echo_stream_messages(), &mut peer, 2);
    let text = "x".repeat(1_000);
    for _ in 0..100 {
        peer.write(&event(1, &text));
    }
    // The events are read although no thread waits for them.
    peer.expect_end(1);
    peer.write(&event(2, "x"));
    assert_text(&other.next().unwrap().unwrap(), "x");
    answered(&client, &mut peer, 3);
    let events = stream.by_ref().take_while(Result::is_ok).count();
    assert!((5..10).contains(&events), "{events}");
    assert!(stream.next().is_none());
}

#[test]
fn a_queue_that_overflows_before_the_response_fails_the_call() {
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
    // All messages before this response have been read when the call returns.
    answered(&client, &mut peer, 2);
    let item = stream.next().unwrap().unwrap();
    assert_eq!(item, SubscriptionItem::Notice(Notice::Dropped(9)));
    let SubscriptionItem::Event(event) = stream.next().unwrap().unwrap() else { panic!() };
    assert_text(&event, "9");
    assert!(stream.next_timeout(Duration::ZERO).is_pending());
}

#[test]
fn an_unanswered_connect_message_times_out() {
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
fn a_missing_socket_and_an_unserved_socket_give_different_errors() {
    let listener = Listener::new("unserved");
    // The backlog holds a single connection.
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

/// Credentials with an address, and a payload that counts how often it was requested.
struct CountingCredentials(Address, AtomicUsize);

impl Credentials for CountingCredentials {
    fn payload(&self) -> Result<bytes::Bytes, ConnectError> {
        Ok(format!("payload {}", self.1.fetch_add(1, Ordering::Relaxed)).into())
    }

    fn address(&self) -> Result<Address, ConnectError> {
        Ok(self.0.clone())
    }
}

#[test]
fn the_connect_payload_comes_from_the_credentials() {
    fn payload(listener: &Listener, builder: Builder<Connection, impl Credentials>) -> Vec<u8> {
        let connecting = thread::spawn(|| builder.connect());
        let connect = listener.accept().read().unwrap();
        connecting.join().unwrap().unwrap_err();
        connect.message.payload.to_vec()
    }
    let listener = Listener::new("credentials");
    assert_eq!(payload(&listener, listener.builder()), b"{}");
    assert_eq!(payload(&listener, listener.builder().connect_payload("x")), b"x");
    let credentials = CountingCredentials(Address::unix(&listener.path), AtomicUsize::new(0));
    let builder = Builder::<Connection, _>::new(credentials);
    assert_eq!(payload(&listener, builder), b"payload 0");
}

#[test]
fn the_lifecycle_handler_decides_whether_a_reported_error_is_fatal() {
    struct IgnoresErrors(mpsc::Sender<String>);

    impl LifecycleHandler for IgnoresErrors {
        fn on_error(&mut self, error: &(dyn std::error::Error + 'static)) -> bool {
            self.0.send(error.to_string()).unwrap();
            false
        }
    }

    let (report, reports) = mpsc::channel();
    let (client, mut peer) =
        connected(Connection::builder().lifecycle_handler(IgnoresErrors(report)));
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
fn a_protocol_violation_is_reported_before_the_connection_closes() {
    let (client, mut peer) = connected(Connection::builder());
    peer.write(&bare(MessageType::ConnectAck, ACCEPTED, 0));
    let error = client.connection().closed().unwrap_err();
    assert!(matches!(error, ConnectionError::Protocol(_)), "{error:?}");
    peer.expect(MessageType::ProtocolError, NO_FLAGS, 0);
    assert!(peer.read().is_none());
}

#[test]
fn waiting_for_an_event_times_out() {
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
    assert!(matches!(stream.next_timeout(Duration::ZERO), Poll::Ready(None)));
}

#[test]
fn a_server_that_stalls_within_a_message_ends_the_connection() {
    let builder = || Connection::builder().frame_timeout(Duration::from_millis(20));
    let is_late = |error: &ConnectionError| matches!(error, ConnectionError::FrameTimeout { .. });

    // The background thread detects it.
    let (client, mut peer) = connected(builder());
    let mut stream = opened(client.echo_stream_messages(), &mut peer, 1);
    peer.write(&event(1, "half")[..30]);
    let error = stream.next().unwrap().unwrap_err();
    assert!(
        matches!(&error, SdkError::DispatchFailure { source, .. } if is_late(source)),
        "{error:?}"
    );
    assert!(peer.read().is_none());

    // A thread that waits for the end of the connection detects it.
    let (client, mut peer) = connected(builder());
    peer.write(&ping(100)[..11]);
    assert!(is_late(&client.connection().closed().unwrap_err()));

    // A thread that waits for a response detects it, long before the call times out.
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
fn a_large_message_may_arrive_in_pieces() {
    let (client, mut peer) = connected(Connection::builder().frame_timeout(TIMEOUT));
    let mut stream = opened(client.echo_stream_messages(), &mut peer, 1);
    let text = "x".repeat(1_000_000);
    for piece in event(1, &text).chunks(10_000) {
        peer.write(piece);
        // Gives the client a chance to read an incomplete message.
        thread::yield_now();
    }
    assert_text(&stream.next().unwrap().unwrap(), &text);
    answered(&client, &mut peer, 2);
}
