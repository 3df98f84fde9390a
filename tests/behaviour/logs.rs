//! The log events of the library. No level logs a token, identity, header, payload or message text.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use echo::{
    Client,
    client::{Connection, ConnectionBuilder, LifecycleHandler},
    error::Unhandled,
    operation::get_all_products::{
        GetAllProducts, GetAllProductsError, GetAllProductsRequest, GetAllProductsResponse,
    },
    server::{
        Config, ConnectRequest, EchoTestRpcService, Identity, Rejected, RequestContext, Server,
    },
    types::{MessageData, error::ServiceError},
};
use eventstream_rpc::{greengrass, operation::Operation};
use test_util::{EchoService, event, socket_path};
use tracing_subscriber::fmt::{MakeWriter, format::FmtSpan};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

const SECRET: &str = "SECRET-a7f3";

/// The maximum length of a frame of the server, in bytes.
const MAX_FRAME_LEN: usize = 64 * 1024;

/// An operation that is not part of the model.
struct Unmodeled;

impl Operation for Unmodeled {
    const SERVICE: &'static str = GetAllProducts::SERVICE;
    const ID: &'static str = SECRET;
    type Request = GetAllProductsRequest;
    type Response = GetAllProductsResponse;
    type Error = GetAllProductsError;
}

/// Calls the unmodeled operation from a thread whose log is not recorded.
fn call_unmodeled(path: std::path::PathBuf) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let builder = ConnectionBuilder::default().socket_path(path);
        let connection = builder.connect_header("client-name", SECRET).connect().await.unwrap();
        let request = GetAllProductsRequest::default();
        connection.call(Unmodeled, request, Default::default()).await.unwrap_err();
        connection.close().await.unwrap();
    });
}

/// A lifecycle handler without callbacks.
struct NoCallbacks;

impl LifecycleHandler for NoCallbacks {}

/// Serves clients that know the secret, and denies two operations.
async fn serve(path: std::path::PathBuf, stopped: tokio::sync::oneshot::Receiver<()>) {
    let authenticator = |request: &ConnectRequest| match request.header("client-name") {
        Some(SECRET) => Ok(Identity(SECRET.to_owned())),
        _ => Err(Rejected),
    };
    let authorizer = |_: &RequestContext, operation: &str| match operation {
        "awstest#GetAllCustomers" => {
            let error = ServiceError::builder().message(SECRET).build();
            Err(Unhandled::undeclared(&error))
        }
        SECRET => Err(Unhandled::undeclared(
            &ServiceError::builder().message("x".repeat(2 * MAX_FRAME_LEN)).build(),
        )),
        _ => Ok(()),
    };
    let mut config = Config::default();
    config.max_frame_len = MAX_FRAME_LEN;
    let server = Server::bind(path)
        .unwrap()
        .authenticator(authenticator)
        .authorizer(authorizer)
        .config(config);
    server.serve(EchoTestRpcService::new(EchoService), stopped).await.unwrap();
}

#[tokio::test]
async fn logs_contain_no_secrets() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::NEW)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let path = socket_path();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let server = tokio::spawn(serve(path.clone(), stopped));
    let builder = || {
        greengrass::Builder::<Connection>::default()
            .socket_path(&path)
            .auth_token(SECRET)
            .lifecycle_handler(NoCallbacks)
    };
    // The server binds its socket while this task yields.
    tokio::task::yield_now().await;
    builder().connect_header("client-name", "unknown").connect().await.unwrap_err();
    let connection = builder().connect_header("client-name", SECRET).connect().await.unwrap();
    let client = Client::new(connection.clone());

    let message = MessageData::builder().string_message(SECRET).blob_message(SECRET).build();
    client.echo_message().message(message).send().await.unwrap();
    client.get_all_customers().send().await.unwrap_err();
    client.cause_service_error().send().await.unwrap_err();
    let mut stream = client.echo_stream_messages().send().await.unwrap();
    stream.send_event(event(SECRET)).await.unwrap();
    stream.next().await.unwrap().unwrap();
    stream.close().await.unwrap();
    let stream = client.cause_stream_service_to_error().send().await.unwrap();
    stream.send_event(event(SECRET)).await.unwrap();
    stream.spawn_for_each(|_| async {}).closed().await;
    connection.close().await.unwrap();
    tokio::task::spawn_blocking(move || call_unmodeled(path)).await.unwrap();
    drop(stop);
    server.await.unwrap();

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(!log.contains(SECRET), "{log}");
    for expected in [
        "connection{connection=",
        "call{connection=",
        "operation=\"awstest#EchoMessage\"",
        "connected connection=",
        "connect failed error=",
        "client accepted connection=",
        "client refused",
        "call denied",
        "reply cannot be encoded",
        "stream error operation=\"awstest#CauseStreamServiceToError\"",
        "terminate sent stream=",
        "terminate received stream=",
        "connection ended",
    ] {
        assert!(log.contains(expected), "no {expected:?} in\n{log}");
    }
    for line in log.lines() {
        assert!(line.contains("eventstream_rpc"), "another target: {line}");
    }
}
