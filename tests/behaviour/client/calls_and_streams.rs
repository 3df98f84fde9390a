//! The generated asynchronous client, tested against the echo server. Covers the tests of the official SDKs, and more.

use std::{collections::BTreeMap, time::SystemTime};

use echo::{
    Client,
    error::{ConnectError, ConnectionError, SdkError},
    operation::{
        cause_service_error::CauseServiceErrorError,
        cause_stream_service_to_error::CauseStreamServiceToErrorError,
    },
    types::{EchoStreamingMessage, FruitEnum, MessageData, Pair, Product},
};
use serde_json::json;
use test_util::{EchoServer, assert_text, event};

async fn check_echo(client: &Client, message: MessageData) {
    let response = client.echo_message().message(message.clone()).send().await.unwrap();
    assert_eq!(response.message, Some(message));
}

#[tokio::test]
async fn every_type_is_echoed_unchanged() {
    let echo = EchoServer::start();
    let client = echo.connect().await;
    let product = Product::builder().name("pear").price(1.5).build();
    let pair = Pair::builder().key("k").value("ü\u{0}\u{1F600}\"\\").build().unwrap();
    let products = BTreeMap::from([("a b".to_owned(), product.clone()), (String::new(), product)]);
    let message = || MessageData::builder();
    for message in [
        message(),
        message().string_message(""),
        message().string_message("text\n\u{2028}"),
        message().boolean_message(true),
        message().boolean_message(false),
        message().time_message(SystemTime::UNIX_EPOCH),
        message().enum_message(FruitEnum::Pineapple),
        message().enum_message(FruitEnum::from("a fruit of the future")),
        message().blob_message(""),
        message().blob_message(vec![0_u8, 255, 128, 10]),
        message().string_list_message(Vec::<String>::new()),
        message().string_list_message(["a", "", "c"]),
        message().key_value_pair_list([pair.clone(), pair]),
        message().string_to_value(products),
        message().document_message(json!({"a": [1, -2.5, null, true, {"b": "c"}], "": 1e300})),
        message().document_message(json!([])),
        message().document_message(json!("text")),
    ] {
        check_echo(&client, message.build()).await;
    }
}

#[tokio::test]
async fn large_messages_are_echoed() {
    let echo = EchoServer::start();
    let blob: Vec<u8> = (0..5_000_000_u32).map(|it| (it % 251) as u8).collect();
    check_echo(&echo.connect().await, MessageData::builder().blob_message(blob).build()).await;
}

#[tokio::test]
async fn a_modelled_error_has_its_type_and_message() {
    let echo = EchoServer::start();
    let client = echo.connect().await;
    let error = client.cause_service_error().send().await.unwrap_err();
    assert_eq!(error.code(), Some("ServiceError"));
    assert_eq!(error.message(), Some("Intentionally thrown ServiceError"));
    match error.into_service_error().unwrap() {
        CauseServiceErrorError::ServiceError(error) => {
            assert_eq!(error.message.as_deref(), Some("Intentionally thrown ServiceError"));
        }
        other => panic!("{other:?}"),
    }
    client.get_all_products().send().await.unwrap();
    client.get_all_customers().send().await.unwrap();
}

#[tokio::test]
async fn events_arrive_in_order_until_the_server_ends_the_stream() {
    let echo = EchoServer::start();
    let client = echo.connect().await;
    let mut stream = client.echo_stream_messages().send().await.unwrap();
    for index in 0..1000 {
        stream.send_event(event(&index.to_string())).await.unwrap();
    }
    let pair = Pair::builder().key("key").value("value").build().unwrap();
    stream.send_event(EchoStreamingMessage::KeyValuePair(pair.clone())).await.unwrap();
    stream.send_event(event("Close")).await.unwrap();
    for index in 0..1000 {
        assert_text(&stream.next().await.unwrap().unwrap(), &index.to_string());
    }
    assert_eq!(stream.next().await.unwrap().unwrap(), EchoStreamingMessage::KeyValuePair(pair));
    assert_text(&stream.next().await.unwrap().unwrap(), "Close");
    assert!(stream.next().await.is_none());
    let late = stream.send_event(event("late")).await.unwrap_err();
    assert!(matches!(late, SdkError::StreamEnded), "{late:?}");
    client.get_all_products().send().await.unwrap();
}

#[tokio::test]
async fn a_stream_error_ends_only_that_stream() {
    let echo = EchoServer::start();
    let client = echo.connect().await;
    let mut healthy = client.echo_stream_messages().send().await.unwrap();
    let mut stream = client.cause_stream_service_to_error().send().await.unwrap();
    stream.send_event(event("go")).await.unwrap();
    let error = stream.next().await.unwrap().unwrap_err().into_service_error().unwrap();
    let CauseStreamServiceToErrorError::ServiceError(error) = error else { panic!("{error:?}") };
    assert_eq!(error.message.as_deref(), Some("Intentionally caused ServiceError on stream"));
    assert!(stream.next().await.is_none());
    healthy.send_event(event("open")).await.unwrap();
    assert_text(&healthy.next().await.unwrap().unwrap(), "open");
}

#[tokio::test]
async fn an_unknown_client_is_rejected() {
    let echo = EchoServer::start();
    for name in ["rejected.test", "", "Accepted.test"] {
        let error = echo.builder(name).connect().await.unwrap_err();
        assert!(matches!(error, ConnectError::Rejected), "{error:?}");
    }
    check_echo(&echo.connect().await, MessageData::builder().build()).await;
}

#[tokio::test]
async fn streams_are_closed_by_client_server_and_drop() {
    let echo = EchoServer::start();
    let client = echo.connect().await;

    let stream = client.echo_stream_messages().send().await.unwrap();
    stream.close().await.unwrap();

    // Close with events in flight in both directions.
    let stream = client.echo_stream_messages().send().await.unwrap();
    for _ in 0..100 {
        stream.send_event(event("x")).await.unwrap();
    }
    stream.close().await.unwrap();

    let stream = client.echo_stream_messages().send().await.unwrap();
    stream.send_event(event("x")).await.unwrap();
    drop(stream);

    let mut stream = client.echo_stream_messages().send().await.unwrap();
    stream.send_event(event("close")).await.unwrap();
    assert_text(&stream.next().await.unwrap().unwrap(), "close");
    stream.close().await.unwrap();

    check_echo(&client, MessageData::builder().build()).await;
}

#[tokio::test]
async fn closing_the_connection_ends_open_streams_and_later_calls() {
    let echo = EchoServer::start();
    let connection = echo.builder("accepted.test").connect().await.unwrap();
    let client = Client::new(connection.clone());
    let mut stream = client.echo_stream_messages().send().await.unwrap();
    for _ in 0..100 {
        stream.send_event(event("in flight")).await.unwrap();
    }
    connection.close().await.unwrap();
    connection.closed().await.unwrap();
    // Events received before the close are delivered. A close by this side is not an error of the stream.
    while let Some(event) = stream.next().await {
        assert_text(&event.unwrap(), "in flight");
    }
    let error = client.get_all_products().send().await.unwrap_err();
    assert!(
        matches!(
            error,
            SdkError::DispatchFailure {
                source: ConnectionError::Closed,
                request_written: false,
                ..
            }
        ),
        "{error:?}"
    );
    connection.close().await.unwrap();
}

#[tokio::test]
async fn dropping_the_last_handle_closes_the_connection() {
    let echo = EchoServer::start();
    let client = echo.connect().await;
    let stream = client.clone().echo_stream_messages().send().await.unwrap();
    drop(client);
    // The stream keeps the connection open.
    stream.send_event(event("x")).await.unwrap();
    let handle = stream.spawn_for_each(|_| async {});
    assert_eq!(echo.open_connections(), 1);
    drop(handle);
    echo.wait_until_idle().await;
}
