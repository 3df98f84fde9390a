//! Many concurrent connections, streams and calls that end at different stages.

use echo::{
    Client,
    client::ConnectionBuilder,
    error::SdkError,
    server::{EchoTestRpcService, Server},
    types::MessageData,
};
use test_util::{EchoServer, EchoService, authenticate, event, poll_times, socket_path};
use tokio::task::JoinSet;

fn message(text: &str) -> MessageData {
    MessageData::builder().string_message(text).build()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_connections_open_and_close_concurrently() {
    let echo = EchoServer::start();
    let mut tasks = JoinSet::new();
    for number in 0..200 {
        let builder = echo.builder("accepted.test");
        tasks.spawn(async move {
            let connection = builder.connect().await.unwrap();
            let client = Client::new(connection.clone());
            match number % 4 {
                // Immediately.
                0 => connection.close().await.unwrap(),
                1 => drop((connection, client)),
                // After a call and with an open stream.
                2 => {
                    client.echo_message().message(message("x")).send().await.unwrap();
                    let stream = client.echo_stream_messages().send().await.unwrap();
                    stream.send_event(event("x")).await.unwrap();
                    connection.close().await.unwrap();
                }
                // With a call in flight.
                _ => {
                    let call = tokio::spawn(client.echo_message().message(message("x")).send());
                    connection.close().await.unwrap();
                    match call.await.unwrap() {
                        Ok(response) => assert_eq!(response.message, Some(message("x"))),
                        Err(error) => {
                            assert!(matches!(error, SdkError::DispatchFailure { .. }), "{error:?}");
                        }
                    }
                }
            }
        });
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    echo.wait_until_idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_concurrent_calls_get_their_own_responses() {
    let echo = EchoServer::start();
    let client = echo.connect().await;
    let mut tasks = JoinSet::new();
    for number in 0..1000 {
        let call = client.echo_message().message(message(&number.to_string())).send();
        tasks.spawn(async move {
            let response = call.await.unwrap();
            assert_eq!(response.message, Some(message(&number.to_string())));
        });
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
}

#[tokio::test]
async fn calls_and_streams_are_dropped_at_every_stage() {
    let echo = EchoServer::start();
    let client = echo.connect().await;
    // Covers all stages in order: not started, queued, written, answered.
    for times in 0.. {
        let is_done = poll_times(client.echo_message().message(message("dropped")).send(), times);
        if is_done.await.is_some() {
            break;
        }
        let response = client.echo_message().message(message("kept")).send().await.unwrap();
        assert_eq!(response.message, Some(message("kept")));
    }
    for times in 0.. {
        let is_done = poll_times(client.echo_stream_messages().send(), times);
        if is_done.await.is_some() {
            break;
        }
        let mut stream = client.echo_stream_messages().send().await.unwrap();
        stream.send_event(event("kept")).await.unwrap();
        assert!(stream.next().await.unwrap().is_ok());
    }
    for times in 0.. {
        if poll_times(echo.builder("accepted.test").connect(), times).await.is_some() {
            break;
        }
        echo.connect().await.get_all_products().send().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_streams_do_not_mix_their_events() {
    const EVENTS: usize = 200;
    let echo = EchoServer::start();
    let client = echo.connect().await;
    let mut tasks = JoinSet::new();
    for number in 0..50 {
        let stream = client.echo_stream_messages().send();
        tasks.spawn(async move {
            let mut stream = stream.await.unwrap();
            for index in 0..EVENTS {
                stream.send_event(event(&format!("{number}/{index}"))).await.unwrap();
                if number % 5 == 0 && index == EVENTS / 2 {
                    // Some streams are dropped with events in flight.
                    return;
                }
            }
            for index in 0..EVENTS {
                let echoed = stream.next().await.unwrap().unwrap();
                assert_eq!(echoed, event(&format!("{number}/{index}")));
            }
            stream.close().await.unwrap();
        });
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    client.get_all_products().send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_ends_every_call_and_stream() {
    let path = socket_path();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = Server::bind(&path).unwrap().authenticator(authenticate);
    let server = tokio::spawn(server.serve(EchoTestRpcService::new(EchoService), stopped));
    let mut tasks = JoinSet::new();
    let (ready, mut is_ready) = tokio::sync::mpsc::channel(20);
    for _ in 0..20 {
        let builder = ConnectionBuilder::default().socket_path(&path);
        let connecting = builder.connect_header("client-name", "accepted.test").connect();
        let client = Client::new(connecting.await.unwrap());
        let ready = ready.clone();
        tasks.spawn(async move {
            let mut stream = client.echo_stream_messages().send().await.unwrap();
            ready.send(()).await.unwrap();
            assert!(stream.next().await.is_none_or(|it| it.is_err()));
            // Eventually calls fail instead of hanging.
            while client.echo_message().message(message("x")).send().await.is_ok() {}
        });
    }
    for _ in 0..20 {
        is_ready.recv().await.unwrap();
    }
    drop(stop);
    server.await.unwrap().unwrap();
    assert!(!path.exists());
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
}
