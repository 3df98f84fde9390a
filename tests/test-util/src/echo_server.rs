//! An echo server in the test's own process.

use std::path::{Path, PathBuf};

use echo::{
    Client,
    client::ConnectionBuilder,
    server::{Config, EchoTestRpcService, serve_connection},
};
use tokio::{net::UnixListener, sync::watch, task::JoinHandle};

use crate::{EchoService, authenticate, socket_path};

/// An echo server on a socket, which counts its connections.
pub struct Echo {
    path: PathBuf,
    open: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

impl Echo {
    /// Starts the server on the runtime of the caller.
    ///
    /// # Panics
    ///
    /// If the socket cannot be listened on.
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

    /// Connects to the server under this name; see [`authenticate`].
    pub fn builder(&self, name: &str) -> ConnectionBuilder {
        ConnectionBuilder::default().socket_path(&self.path).connect_header("client-name", name)
    }

    /// A client that is accepted.
    ///
    /// # Panics
    ///
    /// If it does not connect.
    pub async fn connect(&self) -> Client {
        Client::new(self.builder("accepted.test").connect().await.unwrap())
    }

    /// How many connections there are.
    pub fn open_clients(&self) -> usize {
        *self.open.borrow()
    }

    /// Waits until every connection has ended.
    ///
    /// # Panics
    ///
    /// If the server has ended.
    pub async fn no_clients(mut self) {
        self.open.wait_for(|it| *it == 0).await.unwrap();
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
        // It may be gone.
        let _ = std::fs::remove_file(&self.path);
    }
}
