//! Queued messages are written when a blocking connection is closed or dropped. Uses a scripted server.

use std::{thread, time::Duration};

use echo::{
    blocking::{Client, Connection, ReconnectPolicy},
    error::{ConnectionError, SdkError},
    types::EchoStreamingMessage,
};
use eventstream_rpc::protocol::MessageType;
use test_util::blocking::{Listener, NO_FLAGS, Peer, blob, connected, opened, ping};

#[test]
fn queued_events_are_written_after_all_handles_are_dropped() {
    let (client, mut peer) = connected(Connection::builder());
    let stream = opened(client.echo_stream_messages(), &mut peer, 1);
    for _ in 0..4 {
        stream.send_event(EchoStreamingMessage::StreamMessage(blob(200_000))).unwrap();
    }
    drop((stream, client));
    for _ in 0..4 {
        peer.expect(MessageType::ApplicationMessage, NO_FLAGS, 1);
    }
    peer.expect_end(1);
    assert!(peer.read().is_none());
}

#[test]
fn a_connection_dropped_with_a_full_socket_writes_the_rest() {
    drop_with_a_full_socket(connected(Connection::builder()));
}

#[test]
fn a_reconnecting_connection_dropped_with_a_full_socket_writes_the_rest() {
    let listener = Listener::new("full");
    let builder = listener.builder().reconnect(ReconnectPolicy::default());
    drop_with_a_full_socket(listener.connected(builder));
}

/// Drops a client whose request has not been written, and expects all of it.
#[track_caller]
fn drop_with_a_full_socket((client, mut peer): (Client, Peer)) {
    let timeout = Duration::from_millis(30);
    let big = client.echo_message().message(blob(1_000_000)).call_timeout(timeout);
    assert!(big.send().unwrap_err().is_timeout());
    drop(client);
    peer.expect_request(1);
    peer.expect_end(1);
    assert!(peer.read().is_none());
}

#[test]
fn messages_that_arrive_during_a_close_do_not_stop_the_writes() {
    let (client, mut peer) = connected(Connection::builder());
    thread::scope(|scope| {
        let call = || client.echo_message().message(blob(2_000_000)).send().unwrap_err();
        let calling = scope.spawn(call);
        peer.read_start();
        let closing = scope.spawn(|| client.connection().close());
        let error = calling.join().unwrap();
        assert!(
            matches!(error, SdkError::DispatchFailure { source: ConnectionError::Closed, .. }),
            "{error:?}"
        );
        // More than the socket buffers hold. The client reads and ignores it.
        let late = ping(40_000);
        for _ in 0..50 {
            peer.write(&late);
        }
        peer.expect_request(1);
        peer.expect_end(1);
        assert!(peer.read().is_none());
        closing.join().unwrap().unwrap();
    });
}
