//! Connecting, flushing, closing and pinging.

use std::time::Duration;

use conformance::{
    pair::{pair, receive},
    session::subscribed,
};
use eventstream_rpc::client::PingError;
use greengrass_core_ipc::{
    Client,
    client::Connection,
    error::{ConnectionError, SdkError, with_sources},
    operation::publish_to_topic::PublishToTopicError,
    types::BinaryMessage,
};
use test_util::wire::{END, MESSAGE, MessageBuilder, PING, PING_RESPONSE, Peer};

/// The length of a message that does not fit into the buffers of a socket.
const LEN: usize = 6 * 1024 * 1024;

async fn connect() -> (Client, Connection, Peer) {
    let (client, peer, _) = pair(Client::builder().auth_token("t")).await;
    let connection = client.connection().clone();
    (client, connection, peer)
}

/// Starts a call whose request exceeds the socket buffers.
async fn publish(client: &Client) -> tokio::task::JoinHandle<bool> {
    let message = BinaryMessage::builder().message(vec![b'x'; LEN]).build();
    let call = client.publish_to_topic().topic("t").publish_message(message).send();
    let call = tokio::spawn(async move { call.await.is_ok() });
    // Lets the call queue its request.
    tokio::task::yield_now().await;
    call
}

#[tokio::test]
async fn a_component_may_connect_with_only_its_name() {
    let builder = Client::builder().component_name("com.example.\"A\"");
    let (_client, _peer, connect) = pair(builder).await;
    assert_eq!(connect.payload(), r#"{"componentName":"com.example.\"A\""}"#);
    let builder = Client::builder().component_name("com.example.A").auth_token("t");
    let (_client, _peer, connect) = pair(builder).await;
    assert_eq!(connect.payload(), r#"{"authToken":"t","componentName":"com.example.A"}"#);
}

#[tokio::test]
async fn flushing_waits_until_accepted_messages_are_written() {
    let (client, connection, mut peer) = connect().await;
    let call = publish(&client).await;
    let flushing = tokio::spawn(async move { connection.flush().await });
    tokio::task::yield_now().await;
    assert!(!flushing.is_finished(), "the socket is full");
    let request = receive(&mut peer).await;
    flushing.await.unwrap().unwrap();
    let response = MessageBuilder::new(MESSAGE, END, request.stream)
        .shape("aws.greengrass#PublishToTopicResponse");
    peer.send(&response.payload("{}")).await.unwrap();
    assert!(call.await.unwrap());
    drop(client);
}

#[tokio::test]
async fn closing_sends_accepted_messages_and_ends_every_stream() {
    let (client, connection, mut peer) = connect().await;
    let subscribing = tokio::spawn(client.subscribe_to_topic().topic("t").send());
    let stream = receive(&mut peer).await.stream;
    peer.send(&subscribed(stream)).await.unwrap();
    let mut subscription = subscribing.await.unwrap().unwrap();
    let call = publish(&client).await;
    let closing = tokio::spawn(async move {
        connection.close().await.unwrap();
        connection
    });
    // The call and the subscription end immediately. Accepted messages are still sent.
    assert!(!call.await.unwrap());
    assert!(subscription.next().await.is_none());
    assert!(!closing.is_finished(), "the socket is full");
    let request = receive(&mut peer).await;
    assert!(request.payload().len() > LEN);
    let ends = [receive(&mut peer).await, receive(&mut peer).await];
    assert!(ends.iter().all(|it| it.is_end()));
    assert_eq!(ends.map(|it| it.stream), [stream, request.stream]);
    assert!(peer.message().await.unwrap().is_none());
    closing.await.unwrap().closed().await.unwrap();
}

#[tokio::test]
async fn dropping_all_handles_sends_accepted_messages() {
    let (client, connection, mut peer) = connect().await;
    let call = publish(&client).await;
    drop((client, connection));
    call.abort();
    let request = receive(&mut peer).await;
    assert!(request.payload().len() > LEN);
    let end = receive(&mut peer).await;
    assert!(end.is_end() && end.stream == request.stream);
    assert!(peer.message().await.unwrap().is_none());
}

#[tokio::test]
async fn the_client_answers_pings_and_waits_for_responses_to_its_own() {
    let (client, connection, mut peer) = connect().await;
    peer.send(&MessageBuilder::new(PING, 0, 0).header("x-note", "n").payload("p")).await.unwrap();
    let answer = receive(&mut peer).await;
    assert_eq!((answer.kind, answer.stream, answer.flags), (PING_RESPONSE, 0, 0));
    assert_eq!((answer.payload(), answer.text("x-note")), ("p".to_owned(), Some("n")));

    let hour = Duration::from_secs(3600);
    let ping = |it: Connection| tokio::spawn(async move { it.ping(hour).await });
    let pinging = ping(connection.clone());
    assert_eq!(receive(&mut peer).await.kind, PING);
    peer.send(&MessageBuilder::new(PING_RESPONSE, 0, 0)).await.unwrap();
    pinging.await.unwrap().unwrap();

    let error = connection.ping(Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, PingError::Timeout), "{error:?}");
    let pinging = ping(connection.clone());
    assert_eq!(receive(&mut peer).await.kind, PING);
    assert_eq!(receive(&mut peer).await.kind, PING);
    peer.close();
    let error = pinging.await.unwrap().unwrap_err();
    assert!(matches!(error, PingError::Connection(ConnectionError::ClosedByPeer)), "{error:?}");
    drop(client);
}

/// Publishes a few bytes to a topic with a name of this length.
async fn publish_to(client: &Client, len: usize) -> Result<(), SdkError<PublishToTopicError>> {
    let message = BinaryMessage::builder().message("x").build();
    let call = client.publish_to_topic().topic("t".repeat(len)).publish_message(message);
    call.send().await.map(drop)
}

#[tokio::test]
async fn messages_over_the_limit_of_nucleus_lite_are_not_sent() {
    let builder = Client::builder().auth_token("t").max_frame_len(10_000);
    let (client, mut peer, _) = pair(builder).await;
    let client = std::sync::Arc::new(client);
    let mut len = 1;
    for expected in [None, Some(10_000)] {
        let call = tokio::spawn({
            let client = std::sync::Arc::clone(&client);
            async move { publish_to(&client, len).await }
        });
        let request = receive(&mut peer).await;
        let mut bytes = bytes::BytesMut::new();
        request.message.encode(&mut bytes).unwrap();
        assert!(expected.is_none_or(|it| it == bytes.len()), "{}", bytes.len());
        let response = MessageBuilder::new(MESSAGE, END, request.stream)
            .shape("aws.greengrass#PublishToTopicResponse");
        peer.send(&response.payload("{}")).await.unwrap();
        call.await.unwrap().unwrap();
        len += 10_000 - bytes.len();
    }
    let error = publish_to(&client, len + 1).await.unwrap_err();
    let SdkError::ConstructionFailure(source) = error else { panic!("{error:?}") };
    let text = with_sources(&source).to_string();
    assert!(text.contains("10001 bytes") && text.contains("10000"), "{text}");
}
