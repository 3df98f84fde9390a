//! A template: describe the behaviour here in one sentence. Copy this file and add its name to `main.rs`.

use echo::types::MessageData;
use test_util::{EchoServer, EchoService, Pair, blocking, event, in_time, message};

/// A test with a server in this process: [`Pair`] connects a client to any service and records the messages of both.
#[tokio::test]
async fn a_call_is_answered() {
    let pair = Pair::start(EchoService).await;
    let call = pair.client.echo_message().message(message("hello"));
    let response = in_time("the response", call.send()).await.unwrap();
    assert_eq!(response.message, Some(message("hello")));
    assert!(pair.wire.open_streams().is_empty());
}

/// A test with an echo server on a socket.
#[tokio::test]
async fn an_event_is_echoed() {
    let echo = EchoServer::start();
    let client = echo.connect().await;
    let mut stream = client.echo_stream_messages().send().await.unwrap();
    stream.send_event(event("hello")).await.unwrap();
    let echoed = in_time("the event", stream.next()).await.unwrap().unwrap();
    assert_eq!(echoed, event("hello"));
}

/// A test with a scripted server, which reads and writes one message at a time.
#[test]
fn a_blocking_call_is_answered() {
    let (client, mut peer) = blocking::connected(echo::blocking::Connection::builder());
    std::thread::scope(|scope| {
        let call =
            scope.spawn(|| client.echo_message().message(MessageData::builder().build()).send());
        peer.expect_request(1);
        peer.respond(1);
        call.join().unwrap().unwrap();
    });
}
