//! An echo server that runs in the process of the test.

use std::path::{Path, PathBuf};

use echo::{
    Client,
    client::ConnectionBuilder,
    server::{Config, EchoTestRpcService, serve_connection},
};
use tokio::{net::UnixListener, sync::watch, task::JoinHandle};

use crate::{EchoService, authenticate, socket_path};

/// An echo server on a socket. It counts its open connections.
pub struct EchoServer {
    path: PathBuf,
    open: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

impl EchoServer {
    /// Starts the server on the current runtime.
    ///
    /// # Panics
    ///
    /// If the server cannot listen on the socket.
    pub fn start() -> Self {
        let path = socket_path();
        let listener = UnixListener::bind(&path).unwrap();
        let (count, open) = watch::channel(0);
        let task = tokio::spawn(async move {
            loop {
                let (io, _) = listener.accept().await.unwrap();
                let count = count.clone();
                count.send_modify(|it| *it += 1);
                tokio::spawn(async move {
                    let service = EchoTestRpcService::new(EchoService);
                    serve_connection(io, service, authenticate, Config::default()).await;
                    count.send_modify(|it| *it -= 1);
                });
            }
        });
        Self { path, open, task }
    }

    /// The path of the socket.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A builder of connections to the server. [`authenticate`] accepts or rejects them by the name of the client.
    pub fn builder(&self, name: &str) -> ConnectionBuilder {
        ConnectionBuilder::default().socket_path(&self.path).connect_header("client-name", name)
    }

    /// Connects a client with a name that the server accepts.
    ///
    /// # Panics
    ///
    /// If the connection fails.
    pub async fn connect(&self) -> Client {
        Client::new(self.builder("accepted.test").connect().await.unwrap())
    }

    /// The number of open connections.
    pub fn open_connections(&self) -> usize {
        *self.open.borrow()
    }

    /// Waits until all connections have ended.
    ///
    /// # Panics
    ///
    /// If the server task has ended.
    pub async fn wait_until_idle(mut self) {
        self.open.wait_for(|open| *open == 0).await.unwrap();
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        self.task.abort();
        // Ignored: the file may already be removed.
        let _ = std::fs::remove_file(&self.path);
    }
}
