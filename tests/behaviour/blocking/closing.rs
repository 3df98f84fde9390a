//! The blocking client against a server by hand: what is still written when a connection is closed.

use std::{thread, time::Duration};

use echo::{
    blocking::Connection,
    error::{ConnectionError, SdkError},
    types::EchoStreamingMessage,
};
use eventstream_rpc::protocol::MessageType;
use test_util::blocking::{NO_FLAGS, blob, connected, opened, ping};

#[test]
fn what_has_been_accepted_is_written_though_everything_is_dropped() {
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
fn what_arrives_while_a_connection_is_closed_does_not_cut_off_what_is_written() {
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
        // More than the sockets hold: the client passes over it.
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
