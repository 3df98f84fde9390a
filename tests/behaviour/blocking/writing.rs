//! Bytes that do not fit into the socket buffer are written by another thread of the blocking client. Uses a scripted
//! server.

use std::{thread, time::Duration};

use echo::{
    blocking::{Client, Connection},
    types::EchoStreamingMessage,
};
use eventstream_rpc::protocol::MessageType;
use test_util::TIMEOUT;
use test_util::blocking::{NO_FLAGS, Peer, answered, blob, connected, opened, ping};

/// More than the socket buffers hold, in bytes.
const LARGE: usize = 4_000_000;

/// Makes a call that times out after a part of its request was written.
fn time_out(client: &Client) {
    let request = client.echo_message().message(blob(LARGE));
    let error = request.call_timeout(Duration::from_millis(30)).send().unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
}

/// Makes a call with a longer timeout than that of the scripted server.
fn wait(client: &Client) {
    let request = client.echo_message().message(blob(1));
    request.call_timeout(60 * TIMEOUT).send().unwrap();
}

/// Waits until a thread of the client reads: only then it answers a ping.
fn expect_reader(peer: &mut Peer) {
    peer.write(&ping(3));
    peer.expect(MessageType::PingResponse, NO_FLAGS, 0);
}

#[test]
fn the_reading_thread_writes_the_rest_of_a_request_that_timed_out() {
    let (client, mut peer) = connected(Connection::builder());
    thread::scope(|scope| {
        let waiting = scope.spawn(|| wait(&client));
        peer.expect_request(1);
        expect_reader(&mut peer);
        time_out(&client);
        peer.expect_request(2);
        peer.expect_end(2);
        peer.respond(1);
        waiting.join().unwrap();
    });
    answered(&client, &mut peer, 3);
}

#[test]
fn the_rest_of_a_request_that_timed_out_is_written_without_a_waiting_thread() {
    let (client, mut peer) = connected(Connection::builder());
    for stream in [1, 2] {
        time_out(&client);
        peer.expect_request(stream);
        peer.expect_end(stream);
    }
    answered(&client, &mut peer, 3);
}

#[test]
fn the_reading_thread_writes_events_that_do_not_fit_into_the_socket() {
    let (client, mut peer) = connected(Connection::builder());
    let stream = opened(client.echo_stream_messages(), &mut peer, 1);
    thread::scope(|scope| {
        scope.spawn(|| wait(&client));
        peer.expect_request(2);
        expect_reader(&mut peer);
        stream.send_event(EchoStreamingMessage::StreamMessage(blob(LARGE))).unwrap();
        drop(stream);
        peer.expect_request(1);
        peer.expect_end(1);
        peer.respond(2);
    });
}

#[test]
fn a_waiting_subscription_writes_the_rest() {
    let (client, mut peer) = connected(Connection::builder());
    let mut stream = opened(client.echo_stream_messages(), &mut peer, 1);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| stream.next().is_none());
        expect_reader(&mut peer);
        time_out(&client);
        peer.expect_request(2);
        peer.expect_end(2);
        peer.write(&test_util::blocking::bare(
            MessageType::ApplicationMessage,
            test_util::blocking::END,
            1,
        ));
        assert!(waiting.join().unwrap());
    });
}
