//! The parts of the connect message that an authenticator receives.

use std::sync::{Arc, Mutex};

use echo::{
    client::ConnectionBuilder,
    server::{ConnectRequest, EchoTestRpcService, Identity, Server},
};
use eventstream_rpc::frame::Header;
use test_util::{Feed, socket_path};

#[tokio::test]
async fn an_authenticator_receives_the_headers_of_the_client_without_those_of_the_protocol() {
    let path = socket_path();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let seen_by_server = Arc::clone(&seen);
    let server = Server::bind(&path).unwrap().authenticator(move |request: &ConnectRequest| {
        *seen_by_server.lock().unwrap() = request.headers.clone();
        assert_eq!(request.payload, "hello");
        Ok(Identity("me".to_owned()))
    });
    let server = tokio::spawn(server.serve(EchoTestRpcService::new(Feed::new(0)), stopped));
    let builder = ConnectionBuilder::default().socket_path(&path).connect_payload("hello");
    builder.connect_header("name", "me").connect_header(":mine", 7).connect().await.unwrap();
    let expected = [Header::new("name", "me".into()), Header::new(":mine", 7.into())];
    assert_eq!(*seen.lock().unwrap(), expected);
    drop(stop);
    server.await.unwrap().unwrap();
}
