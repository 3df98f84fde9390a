//! The connect messages that an authenticator receives, and the connections that a service observes.

use std::sync::{Arc, Mutex};

use echo::{
    client::ConnectionBuilder,
    server::{
        BoxFuture, Config, ConnectRequest, EchoTestRpcService, Identity, IncomingCall, Rejected,
        Server, Service, serve_connection,
    },
};
use eventstream_rpc::frame::Header;
use test_util::{Feed, socket_path};
use tokio::sync::mpsc;

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

/// A service that reports the connections of its clients.
struct Watched {
    service: EchoTestRpcService<Feed>,
    seen: mpsc::UnboundedSender<String>,
}

impl Service for Watched {
    const ID: &'static str = EchoTestRpcService::<Feed>::ID;

    fn call(&self, call: IncomingCall) -> BoxFuture<'static, ()> {
        self.service.call(call)
    }

    fn connected(&self, client: &Identity, connection: u64) {
        self.seen.send(format!("connected {} {connection}", client.0)).unwrap();
    }

    fn disconnected(&self, client: &Identity, connection: u64) {
        self.seen.send(format!("disconnected {} {connection}", client.0)).unwrap();
    }
}

#[tokio::test]
async fn a_service_observes_the_connections_of_accepted_clients() {
    let (seen, mut watched) = mpsc::unbounded_channel();
    let service = Arc::new(Watched { service: EchoTestRpcService::new(Feed::new(0)), seen });
    let connect = |payload: &'static str| {
        let (client, server) = tokio::io::duplex(1024);
        let authenticator = |request: &ConnectRequest| match &request.payload[..] {
            b"good" => Ok(Identity("me".to_owned())),
            _ => Err(Rejected),
        };
        let service = Arc::clone(&service);
        tokio::spawn(serve_connection(server, service, authenticator, Config::default()));
        ConnectionBuilder::default().connect_payload(payload).connect_over(client)
    };
    connect("bad").await.unwrap_err();
    let client = connect("good").await.unwrap();
    // Observed before the client knows that it is accepted.
    let line = watched.try_recv().unwrap();
    let number = line.strip_prefix("connected me ").unwrap();
    drop(client);
    assert_eq!(watched.recv().await.unwrap(), format!("disconnected me {number}"));
}
