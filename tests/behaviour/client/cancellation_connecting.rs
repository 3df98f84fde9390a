//! Connecting is dropped at every point at which it waits: nothing is left of it.

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
            let (ours, mut theirs) = duplex(16);
            let done = poll_times(ConnectionBuilder::default().connect_over(ours), times).await;
            assert!(done.is_none(), "nobody answers");
            // The byte stream is dropped.
            let mut sent = Vec::new();
            in_time("the end", theirs.read_to_end(&mut sent)).await.unwrap();
            if times == 30 {
                break;
            }
        }
        for times in 0.. {
            let (io, server) = serve(EchoService, Config::default());
            let done = poll_times(ConnectionBuilder::default().connect_over(io), times).await;
            let is_done = done.is_some();
            drop(done);
            in_time("the server sees the end", server).await.unwrap();
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
            // There is room for one more only if the one that was dropped is gone.
            let mut attempts = 0;
            while ConnectionBuilder::default().socket_path(&path).connect().await.is_err() {
                attempts += 1;
                assert!(attempts < 1_000, "the connection that was dropped stays");
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
