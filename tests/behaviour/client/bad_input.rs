//! Peers that misbehave, in either role: a clear error, no hang, and nobody else is disturbed.

use std::{path::Path, time::Duration};

use bytes::BytesMut;
use echo::{
    Client,
    client::{Connection, ConnectionBuilder},
    error::{ConnectError, SdkError},
    types::MessageData,
};
use eventstream_rpc::{frame::Message, greengrass};
use test_util::{CONNECT_ACK, END, EchoServer, MessageBuilder, Peer, event, socket_path};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    net::{UnixListener, UnixStream},
};

async fn connect(path: &Path) -> Result<Connection, ConnectError> {
    let builder = ConnectionBuilder::default().socket_path(path);
    builder.connect_header("client-name", "accepted.test").connect().await
}

#[tokio::test]
async fn a_socket_that_is_not_there_is_named() {
    let path = socket_path();
    let error = connect(&path).await.unwrap_err();
    assert!(matches!(error, ConnectError::Socket { .. }), "{error:?}");
    let text = error.with_sources().to_string();
    assert!(text.contains(path.to_str().unwrap()) && text.contains("No such file"), "{text}");
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_named() {
    let path = socket_path();
    std::fs::write(&path, "").unwrap();
    let error = connect(&path).await.unwrap_err();
    std::fs::remove_file(&path).unwrap();
    let text = error.with_sources().to_string();
    assert!(matches!(error, ConnectError::Socket { .. }), "{error:?}");
    assert!(text.contains(path.to_str().unwrap()), "{text}");
}

#[tokio::test]
async fn a_missing_variable_is_named() {
    let error = greengrass::Builder::<Connection>::default().connect().await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, ConnectError::MissingVariable { .. }), "{error:?}");
    assert!(text.contains("AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT"), "{text}");
    let builder = greengrass::Builder::<Connection>::default().socket_path("socket");
    let text = builder.connect().await.unwrap_err().to_string();
    assert!(text.contains("SVCUID"), "{text}");
}

#[test]
fn outside_a_runtime_the_error_says_so() {
    let connecting = std::pin::pin!(ConnectionBuilder::default().socket_path("socket").connect());
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match connecting.poll(&mut cx) {
        std::task::Poll::Ready(Err(ConnectError::NoRuntime)) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_closes_at_once_is_taken_for_a_refusal() {
    let path = socket_path();
    let listener = UnixListener::bind(&path).unwrap();
    // Without reading, so that what the client writes is lost, and after reading.
    for reads in [false, true] {
        let connecting = tokio::spawn({
            let path = path.clone();
            async move { connect(&path).await }
        });
        let (mut io, _) = listener.accept().await.unwrap();
        if reads {
            assert_ne!(io.read_buf(&mut BytesMut::new()).await.unwrap(), 0);
        }
        drop(io);
        let error = connecting.await.unwrap().unwrap_err();
        assert!(matches!(error, ConnectError::ClosedDuringHandshake), "{error:?}");
        assert!(error.to_string().contains("token"), "{error}");
    }
    std::fs::remove_file(&path).unwrap();
}

/// What the server says.
fn draft(kind: i32, flags: i32, stream: i32, shape: &str, payload: &str) -> MessageBuilder {
    let draft = MessageBuilder::new(kind, flags, stream).header("service-model-type", shape);
    draft.payload(payload.to_owned())
}

/// A client that has been accepted, and its server.
async fn pair() -> (Client, Peer<DuplexStream>) {
    let (io, server) = tokio::io::duplex(64 * 1024);
    let mut peer = Peer::new(server);
    let (connection, ()) = tokio::join!(ConnectionBuilder::default().connect_over(io), async {
        peer.expect().await;
        peer.send(&MessageBuilder::new(CONNECT_ACK, 1, 0)).await.unwrap();
    });
    (Client::new(connection.unwrap()), peer)
}

const RESPONSE: &str = "awstest#EchoMessageResponse";

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_runs_out_of_time() {
    let (io, _server) = tokio::io::duplex(1024);
    let error = ConnectionBuilder::default().connect_over(io).await.unwrap_err();
    let ten = Duration::from_secs(10);
    assert!(matches!(error, ConnectError::HandshakeTimeout { after } if after == ten), "{error:?}");

    let (client, mut peer) = pair().await;
    let error = client.get_all_products().send().await.unwrap_err();
    assert!(matches!(error, SdkError::Timeout { request_written: true, .. }), "{error:?}");
    // The stream is ended on the wire, once.
    assert!(peer.expect().await.text("operation").is_some());
    let end = peer.expect().await;
    assert_eq!(end.flags, END);
    let call = client.get_all_customers().call_timeout(Duration::from_millis(5)).send();
    assert!(call.await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn a_reply_that_cannot_be_read_disturbs_no_other_stream() {
    let (client, mut peer) = pair().await;
    let other = tokio::spawn(client.echo_message().send());
    peer.expect().await;
    for (payload, expected) in [
        ("{", "EOF while parsing"),
        ("[]", "expected an object"),
        ("", "found nothing"),
        (r#"{"message": 5}"#, "invalid type"),
        (r#"{"message": {"stringMessage": ["SECRET"]}}"#, "message.stringMessage"),
    ] {
        let call = tokio::spawn(client.echo_message().send());
        let request = peer.expect().await;
        peer.send(&draft(0, END, request.stream, RESPONSE, payload)).await.unwrap();
        let error = call.await.unwrap().unwrap_err();
        assert!(matches!(error, SdkError::ResponseError(_)), "{error:?}");
        let text = error.with_sources().to_string();
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains("SECRET"), "{text}");
    }
    peer.send(&draft(0, 2, 1, RESPONSE, r#"{"message": {"stringMessage": "well"}}"#))
        .await
        .unwrap();
    let message = other.await.unwrap().unwrap().message.unwrap();
    assert_eq!(message.string_message.as_deref(), Some("well"));
}

#[tokio::test]
async fn a_null_in_a_list_or_map_of_a_reply_is_left_out() {
    let (client, mut peer) = pair().await;
    let call = tokio::spawn(client.echo_message().send());
    peer.expect().await;
    let payload = r#"{"message": {"stringMessage": "well", "stringListMessage": ["a", null, "b"],
        "keyValuePairList": [null, {"key": "k", "value": "v"}],
        "stringToValue": {"k": null, "l": {"value": "v"}}}}"#;
    peer.send(&draft(0, 2, 1, RESPONSE, payload)).await.unwrap();
    let message = call.await.unwrap().unwrap().message.unwrap();
    assert_eq!(message.string_message.as_deref(), Some("well"));
    assert_eq!(message.string_list_message.unwrap(), ["a", "b"]);
    assert_eq!(message.key_value_pair_list.unwrap().len(), 1);
    assert!(message.string_to_value.unwrap().into_keys().eq(["l"]));
}

#[tokio::test]
async fn whatever_breaks_the_connection_ends_every_call_with_the_reason() {
    let truncated = {
        let mut bytes = BytesMut::new();
        Message { headers: Vec::new(), payload: "payload".into() }.encode(&mut bytes).unwrap();
        bytes.truncate(20);
        bytes.to_vec()
    };
    let flipped = {
        let mut bytes = BytesMut::new();
        Message { headers: Vec::new(), payload: "payload".into() }.encode(&mut bytes).unwrap();
        bytes[14] ^= 1;
        bytes.to_vec()
    };
    for (bytes, expected) in [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "not an event-stream message"),
        (vec![0xff; 12], "not an event-stream message"),
        (flipped, "checksum"),
        (truncated, "closed the connection"),
        (Vec::new(), "closed the connection"),
    ] {
        let (client, mut peer) = pair().await;
        let mut stream = {
            let opening = tokio::spawn(client.echo_stream_messages().send());
            peer.expect().await;
            peer.send(&draft(0, 0, 1, "awstest#EchoStreamingResponse", "{}")).await.unwrap();
            opening.await.unwrap().unwrap()
        };
        let call = tokio::spawn(client.echo_message().send());
        peer.expect().await;
        peer.send_bytes(&bytes).await.unwrap();
        drop(peer);
        let error = call.await.unwrap().unwrap_err();
        assert!(
            error.with_sources().to_string().contains(expected),
            "{}",
            error.with_sources().to_string()
        );
        let error = stream.next().await.unwrap().unwrap_err();
        assert!(
            error.with_sources().to_string().contains(expected),
            "{}",
            error.with_sources().to_string()
        );
        assert!(stream.next().await.is_none());
        // Nothing can be called any more, and the reason is the same.
        let error = client.get_all_products().send().await.unwrap_err();
        assert!(
            error.with_sources().to_string().contains(expected),
            "{}",
            error.with_sources().to_string()
        );
    }
}

#[tokio::test]
async fn a_client_that_stays_half_way_disturbs_no_other() {
    let echo = EchoServer::start();
    let client = echo.connect().await;
    let mut stream = client.echo_stream_messages().send().await.unwrap();
    let mut half = Vec::new();
    // Before, and in the middle of, a message that introduces it.
    for bytes in
        [&b""[..], &[0, 0, 0, 120, 0, 0], &[0, 0, 0, 120, 0, 0, 0, 72, 0xd4, 0x87, 0xbd, 0xc5]]
    {
        let mut io = UnixStream::connect(echo.path()).await.unwrap();
        io.write_all(bytes).await.unwrap();
        half.push(io);
    }
    let mut garbage = UnixStream::connect(echo.path()).await.unwrap();
    garbage.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(garbage.read(&mut [0]).await.unwrap(), 0, "garbage is not answered");

    let message = MessageData::builder().string_message("well").build();
    let response = client.echo_message().message(message.clone()).send().await.unwrap();
    assert_eq!(response.message, Some(message));
    stream.send_event(event("well")).await.unwrap();
    assert!(stream.next().await.unwrap().is_ok());
}

#[tokio::test]
async fn a_request_that_is_too_long_is_refused_before_it_is_sent() {
    let echo = EchoServer::start();
    let builder = echo.builder("accepted.test").max_frame_len(10_000);
    let client = Client::new(builder.connect().await.unwrap());
    let message = MessageData::builder().string_message("x".repeat(10_000)).build();
    let error = client.echo_message().message(message).send().await.unwrap_err();
    assert!(matches!(error, SdkError::ConstructionFailure(_)), "{error:?}");
    let text = error.with_sources().to_string();
    assert!(text.contains("10000") && text.contains("bytes"), "{text}");
    // No stream id was used up.
    client.get_all_products().send().await.unwrap();
}
