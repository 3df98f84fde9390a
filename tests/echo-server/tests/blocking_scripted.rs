//! The blocking client against a server by hand: what the threads do when the other side is slow, silent or
//! gone.

#[path = "support/scripted.rs"]
mod scripted;

use std::{
    os::unix::net::UnixListener,
    path::PathBuf,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    task::Poll,
    thread,
    time::Duration,
};

use echo::{
    blocking::{
        Client, Connection, ConnectionBuilder, LifecycleHandler, Notice, Overflow, PingError,
        ReconnectPolicy, Subscription, SubscriptionItem,
    },
    error::{ConnectError, ConnectionError, SdkError},
    operation::echo_stream_messages::{
        EchoStreamMessages, builders::EchoStreamMessagesFluentBuilder,
    },
    types::{EchoStreamingMessage, MessageData},
};
use eventstream_rpc::{frame::Header, protocol::MessageType};
use scripted::{ACCEPTED, NONE, PATIENCE, Peer, bare, connected, event, ping};

fn blob(len: usize) -> MessageData {
    MessageData::builder().blob_message(vec![7_u8; len]).build()
}

fn call(client: &Client) {
    client.echo_message().message(blob(1)).send().unwrap();
}

/// Makes a call, which is answered.
#[track_caller]
fn answered(client: &Client, peer: &mut Peer, stream: i32) {
    thread::scope(|scope| {
        scope.spawn(|| call(client));
        peer.expect_request(stream);
        peer.respond(stream);
    });
}

/// Opens a subscription.
#[track_caller]
fn opened(
    request: EchoStreamMessagesFluentBuilder<Connection>,
    peer: &mut Peer,
    stream: i32,
) -> Subscription<EchoStreamMessages> {
    thread::scope(|scope| {
        let opening = scope.spawn(|| request.send().unwrap());
        peer.expect_request(stream);
        peer.respond_open(stream);
        opening.join().unwrap()
    })
}

#[track_caller]
fn assert_text(event: &EchoStreamingMessage, expected: &str) {
    let EchoStreamingMessage::StreamMessage(message) = event else { panic!("{event:?}") };
    assert_eq!(message.string_message.as_deref(), Some(expected));
}

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
fn what_has_been_accepted_is_written_though_everything_is_dropped() {
    let (client, mut peer) = connected(Connection::builder());
    let stream = opened(client.echo_stream_messages(), &mut peer, 1);
    for _ in 0..4 {
        stream.send_event(EchoStreamingMessage::StreamMessage(blob(200_000))).unwrap();
    }
    drop((stream, client));
    for _ in 0..4 {
        peer.expect(MessageType::ApplicationMessage, NONE, 1);
    }
    peer.expect_end(1);
    assert!(peer.read().is_none());
}

#[test]
fn a_connection_that_is_dropped_with_a_full_socket_writes_to_the_end() {
    let (client, mut peer) = connected(Connection::builder());
    let timeout = Duration::from_millis(30);
    let big = client.echo_message().message(blob(1_000_000)).call_timeout(timeout);
    assert!(big.send().unwrap_err().is_timeout());
    drop(client);
    peer.expect_request(1);
    peer.expect_end(1);
    assert!(peer.read().is_none());
}

#[test]
fn a_ping_is_answered_at_the_next_call_and_at_once_while_there_is_a_subscription() {
    let (client, mut peer) = connected(Connection::builder());
    peer.write(&ping(3));
    answered(&client, &mut peer, 1);
    peer.expect(MessageType::PingResponse, NONE, 0);

    let stream = opened(client.echo_stream_messages(), &mut peer, 2);
    for _ in 0..3 {
        peer.write(&ping(3));
        peer.expect(MessageType::PingResponse, NONE, 0);
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
    peer.write(&bare(MessageType::PingResponse, NONE, 0));
    peer.write(&bare(MessageType::PingResponse, NONE, 0));
    connection.ping(PATIENCE).unwrap();
    drop(peer);
    assert!(matches!(connection.ping(PATIENCE), Err(PingError::Connection(_))));
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
fn a_subscription_that_holds_the_connection_up_lets_it_go_on() {
    let (client, mut peer) = connected(Connection::builder());
    let request = client.echo_stream_messages().queue_limit(5_000);
    let stream = opened(request.overflow(Overflow::PauseConnection), &mut peer, 1);
    thread::scope(|scope| {
        let caller = client.clone();
        let call = scope.spawn(move || call(&caller));
        peer.expect_request(2);
        scope.spawn(move || {
            let text = "x".repeat(1_000);
            for _ in 0..1_000 {
                peer.write(&event(1, &text));
            }
            peer.respond(2);
            // Until the client has gone.
            while peer.read().is_some() {}
        });
        assert_eq!(stream.take(1_000).filter(Result::is_ok).count(), 1_000);
        call.join().unwrap();
        drop(client);
    });
}

#[test]
fn a_server_that_does_not_answer_the_connect_message_is_given_up() {
    use std::os::unix::net::UnixStream;

    let (socket, other) = UnixStream::pair().unwrap();
    let builder = Connection::builder().handshake_timeout(Duration::from_millis(20));
    let error = builder.connect_over(socket).unwrap_err();
    assert!(matches!(error, ConnectError::HandshakeTimeout { .. }), "{error:?}");
    let mut peer = Peer::new(other);
    peer.expect(MessageType::Connect, NONE, 0);
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

/// A socket that is listened on.
struct Listener {
    path: PathBuf,
    listener: UnixListener,
}

impl Listener {
    fn new(name: &str) -> Self {
        let name = format!("echo-blocking-{name}-{}.socket", std::process::id());
        let path = std::env::temp_dir().join(name);
        let listener = UnixListener::bind(&path).unwrap();
        Self { path, listener }
    }

    fn accept(&self) -> Peer {
        Peer::new(self.listener.accept().unwrap().0)
    }

    /// A client, and the other side of its connection.
    fn connected(&self, builder: ConnectionBuilder) -> (Client, Peer) {
        let connecting = thread::spawn(|| builder.connect().unwrap());
        let mut peer = self.accept();
        peer.accept();
        (Client::new(connecting.join().unwrap()), peer)
    }

    fn builder(&self) -> ConnectionBuilder {
        Connection::builder().socket_path(&self.path)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // It is of use to nobody else.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn policy() -> ReconnectPolicy {
    ReconnectPolicy::default().initial_backoff(Duration::from_millis(5))
}

/// Says what happens to the connection.
struct Report(mpsc::Sender<String>);

impl LifecycleHandler for Report {
    fn on_connect(&mut self) {
        self.0.send("connected".to_owned()).unwrap();
    }

    fn on_disconnect(&mut self, error: Option<&ConnectionError>) {
        self.0.send(format!("disconnected: {error:?}")).unwrap();
    }

    fn on_error(&mut self, error: &(dyn std::error::Error + 'static)) -> bool {
        self.0.send(error.to_string()).unwrap();
        true
    }

    fn on_ping(&mut self, _headers: &[Header], payload: &[u8]) {
        self.0.send(format!("ping: {}", payload.len())).unwrap();
    }
}

#[test]
fn a_lost_connection_comes_back_with_its_subscriptions_and_says_so() {
    let listener = Listener::new("back");
    let (report, reports) = mpsc::channel();
    let builder = listener.builder().reconnect(policy()).lifecycle_handler(Report(report));
    let (client, mut peer) = listener.connected(builder);
    thread::scope(|scope| {
        let mut stream = opened(client.echo_stream_messages(), &mut peer, 1).with_notices();
        peer.write(&ping(5));
        peer.expect(MessageType::PingResponse, NONE, 0);

        // A call in flight, while the server goes away.
        let call = scope.spawn(|| client.echo_message().message(blob(1)).send().unwrap_err());
        peer.expect_request(2);
        drop(peer);
        let error = call.join().unwrap();
        assert!(
            matches!(error, SdkError::DispatchFailure { request_written: true, .. }),
            "{error:?}"
        );

        // The first attempt is refused.
        let mut peer = listener.accept();
        peer.expect(MessageType::Connect, NONE, 0);
        let error = client.echo_message().message(blob(1)).send().unwrap_err();
        assert!(
            matches!(
                error,
                SdkError::DispatchFailure {
                    source: ConnectionError::Reconnecting,
                    request_written: false,
                    ..
                }
            ),
            "{error:?}"
        );
        peer.write(&bare(MessageType::ConnectAck, NONE, 0));
        assert!(peer.read().is_none());

        let mut peer = listener.accept();
        peer.accept();
        peer.expect_request(1);
        peer.respond_open(1);
        peer.write(&event(1, "again"));
        let item = stream.next().unwrap().unwrap();
        assert_eq!(item, SubscriptionItem::Notice(Notice::Disconnected));
        let item = stream.next().unwrap().unwrap();
        assert_eq!(item, SubscriptionItem::Notice(Notice::Resubscribed));
        let SubscriptionItem::Event(event) = stream.next().unwrap().unwrap() else { panic!() };
        assert_text(&event, "again");
        answered(&client, &mut peer, 2);
        client.connection().close();
        client.connection().closed().unwrap();
        peer.expect_end(1);
        assert!(peer.read().is_none());
        assert!(stream.next().is_none());
    });
    let reports: Vec<String> = reports.into_iter().collect();
    assert_eq!(
        reports,
        [
            "connected",
            "ping: 5",
            "disconnected: Some(ClosedByPeer)",
            "the server refused the connection: is the token valid?",
            "connected",
            "disconnected: None",
        ]
    );
}

#[test]
fn a_subscription_that_is_not_answered_again_ends_in_time_though_nobody_waits_for_it() {
    let listener = Listener::new("unanswered");
    let builder = listener.builder().reconnect(policy()).call_timeout(Duration::from_millis(200));
    let (client, mut peer) = listener.connected(builder);
    let mut stream = opened(client.echo_stream_messages(), &mut peer, 1);
    drop(peer);
    let mut peer = listener.accept();
    peer.accept();
    peer.expect_request(1);
    peer.expect_end(1);
    let error = stream.next().unwrap().unwrap_err();
    assert!(matches!(error, SdkError::Timeout { .. }), "{error:?}");
    assert!(stream.next().is_none());
}

#[test]
fn a_server_that_keeps_refusing_ends_the_connection() {
    let listener = Listener::new("refused");
    let builder = listener.builder().reconnect(policy().max_rejections(2));
    let (client, mut peer) = listener.connected(builder);
    thread::scope(|scope| {
        let mut stream = opened(client.echo_stream_messages(), &mut peer, 1);
        let closed = scope.spawn(|| client.connection().closed());
        drop(peer);
        for _ in 0..2 {
            let mut peer = listener.accept();
            peer.expect(MessageType::Connect, NONE, 0);
            peer.write(&bare(MessageType::ConnectAck, NONE, 0));
        }
        let error = stream.next().unwrap().unwrap_err();
        assert!(
            matches!(
                error,
                SdkError::DispatchFailure { source: ConnectionError::ReconnectRejected(_), .. }
            ),
            "{error:?}"
        );
        assert!(stream.next().is_none());
        let error = closed.join().unwrap().unwrap_err();
        assert!(matches!(error, ConnectionError::ReconnectRejected(_)), "{error:?}");
    });
}

#[test]
fn a_token_provider_that_panics_has_failed() {
    let listener = Listener::new("provider");
    let asked = AtomicUsize::new(0);
    let builder = listener.builder().reconnect(policy().max_attempts(1));
    let builder = builder.token_provider(move || -> Result<String, ConnectError> {
        assert_eq!(asked.fetch_add(1, Ordering::Relaxed), 0, "as it was told");
        Ok("token".to_owned())
    });
    let (client, peer) = listener.connected(builder);
    drop(peer);
    let error = client.connection().closed().unwrap_err();
    assert!(matches!(error, ConnectionError::ReconnectFailed(_)), "{error:?}");
}

#[test]
fn calls_wait_for_the_connection_if_they_are_told_to() {
    let listener = Listener::new("waiting");
    let builder = listener.builder().reconnect(policy().calls_wait(true));
    let (client, peer) = listener.connected(builder);
    thread::scope(|scope| {
        drop(peer);
        let mut peer = listener.accept();
        // It is down, since it has come back this far.
        let timeout = Duration::from_millis(20);
        let error =
            client.echo_message().message(blob(1)).call_timeout(timeout).send().unwrap_err();
        assert!(matches!(error, SdkError::Timeout { request_written: false, .. }), "{error:?}");
        let calls: Vec<_> = (0..4).map(|_| scope.spawn(|| call(&client))).collect();
        peer.accept();
        for stream in 1..=4 {
            peer.expect_request(stream);
            peer.respond(stream);
        }
        calls.into_iter().for_each(|it| it.join().unwrap());
    });
}

#[test]
fn a_connection_that_is_closed_while_it_is_down_stays_closed() {
    let listener = Listener::new("closed");
    let builder = listener.builder().reconnect(policy().initial_backoff(PATIENCE));
    let (client, mut peer) = listener.connected(builder);
    thread::scope(|scope| {
        let mut stream = opened(client.echo_stream_messages(), &mut peer, 1).with_notices();
        drop(peer);
        let item = stream.next().unwrap().unwrap();
        assert_eq!(item, SubscriptionItem::Notice(Notice::Disconnected));
        let waiting = scope.spawn(move || stream.next().is_none());
        client.connection().close();
        assert!(waiting.join().unwrap());
        client.connection().closed().unwrap();
    });
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
    peer.write(&bare(MessageType::ProtocolError, NONE, 0));
    let text = reports.recv_timeout(PATIENCE).unwrap();
    assert_eq!(text, "the other side reported a protocol error");
    answered(&client, &mut peer, 1);

    let (client, mut peer) = connected(Connection::builder());
    peer.write(&bare(MessageType::InternalError, NONE, 0));
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
    peer.expect(MessageType::ProtocolError, NONE, 0);
    assert!(peer.read().is_none());
}

#[test]
fn waiting_for_an_event_ends_in_time() {
    let (client, mut peer) = connected(Connection::builder());
    let mut stream = opened(client.echo_stream_messages(), &mut peer, 1);
    assert!(stream.next_timeout(Duration::from_millis(10)).is_pending());
    peer.write(&event(1, "x"));
    let Poll::Ready(Some(Ok(event))) = stream.next_timeout(PATIENCE) else { panic!() };
    assert_text(&event, "x");
    drop(peer);
    let Poll::Ready(Some(Err(error))) = stream.next_timeout(PATIENCE) else { panic!() };
    assert!(
        matches!(error, SdkError::DispatchFailure { source: ConnectionError::ClosedByPeer, .. }),
        "{error:?}"
    );
    assert!(matches!(stream.try_next(), Poll::Ready(None)));
}
