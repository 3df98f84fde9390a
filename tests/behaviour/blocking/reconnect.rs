//! Reconnecting blocking connections: which calls and subscriptions survive an outage, and with which errors the
//! others end. Uses a scripted server.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use echo::{
    blocking::{Client, LifecycleHandler, Notice, ReconnectPolicy, SubscriptionItem},
    error::{ConnectError, ConnectionError, SdkError},
};
use eventstream_rpc::{frame::Header, protocol::MessageType};
use test_util::TIMEOUT;
use test_util::blocking::{
    Listener, NO_FLAGS, answered, assert_text, bare, blob, call, event, opened, ping,
};

fn policy() -> ReconnectPolicy {
    ReconnectPolicy::default().initial_backoff(Duration::from_millis(5))
}

/// A lifecycle handler that reports each callback as text.
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
fn a_lost_connection_is_restored_with_its_subscriptions() {
    let listener = Listener::new("back");
    let (report, reports) = mpsc::channel();
    let builder = listener.builder().reconnect(policy()).lifecycle_handler(Report(report));
    let (client, mut peer) = listener.connected(builder);
    thread::scope(|scope| {
        let mut stream = opened(client.echo_stream_messages(), &mut peer, 1).with_notices();
        peer.write(&ping(5));
        peer.expect(MessageType::PingResponse, NO_FLAGS, 0);

        // The server closes the connection with a call in flight.
        let call = scope.spawn(|| client.echo_message().message(blob(1)).send().unwrap_err());
        peer.expect_request(2);
        drop(peer);
        let error = call.join().unwrap();
        assert!(
            matches!(error, SdkError::DispatchFailure { request_written: true, .. }),
            "{error:?}"
        );

        // The first attempt is rejected.
        let mut peer = listener.accept();
        peer.expect(MessageType::Connect, NO_FLAGS, 0);
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
        peer.write(&bare(MessageType::ConnectAck, NO_FLAGS, 0));
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
        client.connection().close().unwrap();
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
fn an_unanswered_resubscription_times_out_without_a_waiting_thread() {
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
fn repeated_rejections_end_the_connection() {
    let listener = Listener::new("refused");
    let builder = listener.builder().reconnect(policy().max_rejections(2));
    let (client, mut peer) = listener.connected(builder);
    thread::scope(|scope| {
        let mut stream = opened(client.echo_stream_messages(), &mut peer, 1);
        let closed = scope.spawn(|| client.connection().closed());
        drop(peer);
        for _ in 0..2 {
            let mut peer = listener.accept();
            peer.expect(MessageType::Connect, NO_FLAGS, 0);
            peer.write(&bare(MessageType::ConnectAck, NO_FLAGS, 0));
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
fn a_panic_of_the_token_provider_fails_the_attempt() {
    let listener = Listener::new("provider");
    let calls = AtomicUsize::new(0);
    let builder = listener.component().reconnect(policy().max_attempts(1));
    let builder = builder.token_provider(move || -> Result<String, ConnectError> {
        assert_eq!(calls.fetch_add(1, Ordering::Relaxed), 0, "requested by the test");
        Ok("token".to_owned())
    });
    let (client, peer) = listener.connected(builder);
    drop(peer);
    let error = client.connection().closed().unwrap_err();
    assert!(matches!(error, ConnectionError::ReconnectFailed(_)), "{error:?}");
}

#[test]
fn calls_wait_for_the_connection_if_configured() {
    let listener = Listener::new("waiting");
    let builder = listener.builder().reconnect(policy().calls_wait(true));
    let (client, peer) = listener.connected(builder);
    thread::scope(|scope| {
        drop(peer);
        let mut peer = listener.accept();
        // The connection is down: the client is connecting again.
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
fn a_connection_closed_during_an_outage_stays_closed() {
    let listener = Listener::new("closed");
    let builder = listener.builder().reconnect(policy().initial_backoff(TIMEOUT));
    let (client, mut peer) = listener.connected(builder);
    thread::scope(|scope| {
        let mut stream = opened(client.echo_stream_messages(), &mut peer, 1).with_notices();
        drop(peer);
        let item = stream.next().unwrap().unwrap();
        assert_eq!(item, SubscriptionItem::Notice(Notice::Disconnected));
        let waiting = scope.spawn(move || stream.next().is_none());
        client.connection().close().unwrap();
        assert!(waiting.join().unwrap());
        client.connection().closed().unwrap();
    });
}

#[test]
fn a_frame_timeout_reconnects() {
    let listener = Listener::new("stalled");
    let builder = listener.builder().reconnect(policy()).frame_timeout(Duration::from_millis(20));
    let (report, reports) = mpsc::channel();
    let (client, mut peer) = listener.connected(builder.lifecycle_handler(Report(report)));
    let mut stream = opened(client.echo_stream_messages(), &mut peer, 1).with_notices();
    peer.write(&event(1, "whole"));
    peer.write(&event(1, "half")[..30]);
    let SubscriptionItem::Event(whole) = stream.next().unwrap().unwrap() else { panic!() };
    assert_text(&whole, "whole");
    let item = stream.next().unwrap().unwrap();
    assert_eq!(item, SubscriptionItem::Notice(Notice::Disconnected));
    assert!(peer.read().is_none());

    let mut peer = listener.accept();
    peer.accept();
    peer.expect_request(1);
    peer.respond_open(1);
    peer.write(&event(1, "again"));
    let item = stream.next().unwrap().unwrap();
    assert_eq!(item, SubscriptionItem::Notice(Notice::Resubscribed));
    let SubscriptionItem::Event(again) = stream.next().unwrap().unwrap() else { panic!() };
    assert_text(&again, "again");
    drop((stream, client));
    let reports: Vec<String> = reports.into_iter().collect();
    assert_eq!(reports[1], "disconnected: Some(FrameTimeout { after: 20ms })");
}

#[test]
fn a_connection_closed_when_an_attempt_begins_stays_closed() {
    let listener = Listener::new("race");
    let client = Arc::new(Mutex::new(None::<Client>));
    let client_to_close = Arc::clone(&client);
    let (report, reports) = mpsc::channel();
    let builder = listener.component().reconnect(policy()).lifecycle_handler(Report(report));
    let builder = builder.token_provider(move || {
        // Set only at the second call, when the connection was lost.
        if let Some(client) = &*client_to_close.lock().unwrap() {
            client.connection().close().unwrap();
        }
        Ok::<_, ConnectError>("token".to_owned())
    });
    let (connected, peer) = listener.connected(builder);
    *client.lock().unwrap() = Some(connected.clone());
    drop(peer);
    // The attempt closes its socket without writing to it.
    assert!(listener.accept().read().is_none());
    connected.connection().closed().unwrap();
    let error = connected.echo_message().message(blob(1)).send().unwrap_err();
    assert!(
        matches!(error, SdkError::DispatchFailure { source: ConnectionError::Closed, .. }),
        "{error:?}"
    );
    let reports: Vec<String> = reports.into_iter().collect();
    assert_eq!(reports, ["connected", "disconnected: Some(ClosedByPeer)"]);
}
