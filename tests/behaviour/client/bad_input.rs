//! Peers that send invalid bytes or nothing: the client returns a clear error, does not hang, and other streams and
//! connections are not affected.

use std::{path::Path, time::Duration};

use bytes::BytesMut;
use echo::{
    Client,
    client::{Connection, ConnectionBuilder},
    error::{ConnectError, SdkError},
    types::MessageData,
};
use eventstream_rpc::greengrass;
use test_util::{
    CONNECT_ACK, END, EchoServer, MessageBuilder, Peer, event, message::Message, socket_path,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    net::{UnixListener, UnixStream},
};

async fn connect(path: &Path) -> Result<Connection, ConnectError> {
    let builder = ConnectionBuilder::default().socket_path(path);
    builder.connect_header("client-name", "accepted.test").connect().await
}

#[tokio::test]
async fn the_error_names_a_missing_socket() {
    let path = socket_path();
    let error = connect(&path).await.unwrap_err();
    assert!(matches!(error, ConnectError::Socket { .. }), "{error:?}");
    let text = error.with_sources().to_string();
    assert!(text.contains(path.to_str().unwrap()) && text.contains("No such file"), "{text}");
}

#[tokio::test]
async fn the_error_names_a_file_that_is_not_a_socket() {
    let path = socket_path();
    std::fs::write(&path, "").unwrap();
    let error = connect(&path).await.unwrap_err();
    std::fs::remove_file(&path).unwrap();
    let text = error.with_sources().to_string();
    assert!(matches!(error, ConnectError::Socket { .. }), "{error:?}");
    assert!(text.contains(path.to_str().unwrap()), "{text}");
}

#[tokio::test]
async fn the_error_names_a_missing_environment_variable() {
    let error = greengrass::Builder::<Connection>::default().connect().await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, ConnectError::MissingVariable { .. }), "{error:?}");
    assert!(text.contains("AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT"), "{text}");
    let builder = greengrass::Builder::<Connection>::default().socket_path("socket");
    let text = builder.connect().await.unwrap_err().to_string();
    assert!(text.contains("SVCUID"), "{text}");
}

#[test]
fn connecting_outside_a_runtime_is_an_error() {
    let connecting = std::pin::pin!(ConnectionBuilder::default().socket_path("socket").connect());
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match connecting.poll(&mut cx) {
        std::task::Poll::Ready(Err(ConnectError::NoRuntime)) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_close_during_the_handshake_counts_as_a_rejection() {
    let path = socket_path();
    let listener = UnixListener::bind(&path).unwrap();
    // The server closes before it reads the connect message, which is then lost, or after.
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

/// A message of the server.
fn reply(kind: i32, flags: i32, stream: i32, shape: &str, payload: &str) -> MessageBuilder {
    let message = MessageBuilder::new(kind, flags, stream).header("service-model-type", shape);
    message.payload(payload.to_owned())
}

/// A connected client and the scripted server.
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
async fn a_silent_server_causes_timeouts() {
    let (io, _server) = tokio::io::duplex(1024);
    let error = ConnectionBuilder::default().connect_over(io).await.unwrap_err();
    let default_timeout = Duration::from_secs(10);
    assert!(
        matches!(error, ConnectError::HandshakeTimeout { after } if after == default_timeout),
        "{error:?}"
    );

    let (client, mut peer) = pair().await;
    let error = client.get_all_products().send().await.unwrap_err();
    assert!(matches!(error, SdkError::Timeout { request_written: true, .. }), "{error:?}");
    // The client ends the stream.
    assert!(peer.expect().await.text("operation").is_some());
    let end = peer.expect().await;
    assert_eq!(end.flags, END);
    let call = client.get_all_customers().call_timeout(Duration::from_millis(5)).send();
    assert!(call.await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn an_invalid_response_does_not_affect_other_streams() {
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
        peer.send(&reply(0, END, request.stream, RESPONSE, payload)).await.unwrap();
        let error = call.await.unwrap().unwrap_err();
        assert!(matches!(error, SdkError::ResponseError(_)), "{error:?}");
        let text = error.with_sources().to_string();
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains("SECRET"), "{text}");
    }
    peer.send(&reply(0, 2, 1, RESPONSE, r#"{"message": {"stringMessage": "valid"}}"#))
        .await
        .unwrap();
    let message = other.await.unwrap().unwrap().message.unwrap();
    assert_eq!(message.string_message.as_deref(), Some("valid"));
}

#[tokio::test]
async fn a_null_in_a_list_or_map_of_a_response_is_left_out() {
    let (client, mut peer) = pair().await;
    let call = tokio::spawn(client.echo_message().send());
    peer.expect().await;
    let payload = r#"{"message": {"stringMessage": "valid", "stringListMessage": ["a", null, "b"],
        "keyValuePairList": [null, {"key": "k", "value": "v"}],
        "stringToValue": {"k": null, "l": {"value": "v"}}}}"#;
    peer.send(&reply(0, 2, 1, RESPONSE, payload)).await.unwrap();
    let message = call.await.unwrap().unwrap().message.unwrap();
    assert_eq!(message.string_message.as_deref(), Some("valid"));
    assert_eq!(message.string_list_message.unwrap(), ["a", "b"]);
    assert_eq!(message.key_value_pair_list.unwrap().len(), 1);
    assert!(message.string_to_value.unwrap().into_keys().eq(["l"]));
}

#[tokio::test]
async fn a_broken_connection_ends_every_call_with_its_cause() {
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
            peer.send(&reply(0, 0, 1, "awstest#EchoStreamingResponse", "{}")).await.unwrap();
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
        // Later calls fail with the same cause.
        let error = client.get_all_products().send().await.unwrap_err();
        assert!(
            error.with_sources().to_string().contains(expected),
            "{}",
            error.with_sources().to_string()
        );
    }
}

#[tokio::test]
async fn an_unfinished_handshake_does_not_affect_other_clients() {
    let echo = EchoServer::start();
    let client = echo.connect().await;
    let mut stream = client.echo_stream_messages().send().await.unwrap();
    let mut unfinished = Vec::new();
    // The client sends nothing, or only a part of its connect message.
    for bytes in
        [&b""[..], &[0, 0, 0, 120, 0, 0], &[0, 0, 0, 120, 0, 0, 0, 72, 0xd4, 0x87, 0xbd, 0xc5]]
    {
        let mut io = UnixStream::connect(echo.path()).await.unwrap();
        io.write_all(bytes).await.unwrap();
        unfinished.push(io);
    }
    let mut garbage = UnixStream::connect(echo.path()).await.unwrap();
    garbage.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(garbage.read(&mut [0]).await.unwrap(), 0, "garbage is not answered");

    let message = MessageData::builder().string_message("x").build();
    let response = client.echo_message().message(message.clone()).send().await.unwrap();
    assert_eq!(response.message, Some(message));
    stream.send_event(event("x")).await.unwrap();
    assert!(stream.next().await.unwrap().is_ok());
}

#[tokio::test]
async fn a_request_over_the_length_limit_fails_before_it_is_sent() {
    let echo = EchoServer::start();
    let builder = echo.builder("accepted.test").max_frame_len(10_000);
    let client = Client::new(builder.connect().await.unwrap());
    let message = MessageData::builder().string_message("x".repeat(10_000)).build();
    let error = client.echo_message().message(message).send().await.unwrap_err();
    assert!(matches!(error, SdkError::ConstructionFailure(_)), "{error:?}");
    let text = error.with_sources().to_string();
    assert!(text.contains("10000") && text.contains("bytes"), "{text}");
    // The failed call has not used a stream id.
    client.get_all_products().send().await.unwrap();
}
