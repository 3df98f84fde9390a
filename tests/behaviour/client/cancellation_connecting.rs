//! Cancel safety of connecting. Each test drops the future at every point at which it waits and checks that its
//! connection is closed.

use std::path::PathBuf;

use echo::{
    Client,
    client::ConnectionBuilder,
    server::{Config, EchoTestRpcService, Server},
};
use test_util::{EchoService, in_time, poll_times, run, serve, socket_path};
use tokio::io::{AsyncReadExt, duplex};

#[test]
fn connecting_over_a_byte_stream() {
    run(async {
        for times in 0.. {
            let (client_io, mut server_io) = duplex(16);
            let done =
                poll_times(ConnectionBuilder::default().connect_over(client_io), times).await;
            assert!(done.is_none(), "the server does not answer");
            // The client's end of the byte stream is dropped.
            let mut sent = Vec::new();
            in_time("the byte stream ends", server_io.read_to_end(&mut sent)).await.unwrap();
            if times == 30 {
                break;
            }
        }
        for times in 0.. {
            let (io, server) = serve(EchoService, Config::default());
            let done = poll_times(ConnectionBuilder::default().connect_over(io), times).await;
            let is_done = done.is_some();
            drop(done);
            in_time("the server ends the connection", server).await.unwrap();
            if is_done {
                break;
            }
        }
    });
}

fn connect(path: &PathBuf) -> impl Future<Output = Client> + use<> {
    let connecting = ConnectionBuilder::default().socket_path(path).connect();
    async { Client::new(connecting.await.unwrap()) }
}

#[test]
fn connecting_to_a_socket() {
    run(async {
        let path = socket_path();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let server = Server::bind(&path).unwrap().allow_all().max_connections(2);
        let server = tokio::spawn(server.serve(EchoTestRpcService::new(EchoService), stopped));
        for times in 0.. {
            let done = poll_times(connect(&path), times).await.is_some();
            // The server accepts another connection only after the dropped one has ended.
            let mut attempts = 0;
            while ConnectionBuilder::default().socket_path(&path).connect().await.is_err() {
                attempts += 1;
                assert!(attempts < 1_000, "the dropped connection stays open");
                tokio::task::yield_now().await;
            }
            if done {
                break;
            }
        }
        drop(stop);
        server.await.unwrap().unwrap();
    });
}
