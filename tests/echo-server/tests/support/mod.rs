//! An echo server in the test's own process.

#![allow(dead_code, reason = "not every test file uses all of it")]

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use echo::{
    Client,
    client::ConnectionBuilder,
    server::{Config, EchoTestRpcService, serve_connection},
    types::{EchoStreamingMessage, MessageData},
};
use echo_server::{EchoService, authenticate};
use tokio::{net::UnixListener, sync::watch, task::JoinHandle};

/// Echo servers of which each serves one connection to a socket, counted.
pub(crate) struct Echo {
    path: PathBuf,
    open: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

impl Echo {
    pub(crate) fn start() -> Self {
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

    pub(crate) fn path(&self) -> &std::path::Path {
        &self.path
    }

    pub(crate) fn builder(&self, name: &str) -> ConnectionBuilder {
        ConnectionBuilder::default().socket_path(&self.path).connect_header("client-name", name)
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::new(self.builder("accepted.test").connect().await.unwrap())
    }

    /// How many connections there are.
    pub(crate) fn open_clients(&self) -> usize {
        *self.open.borrow()
    }

    /// Waits until there is no connection any more.
    pub(crate) async fn no_clients(mut self) {
        self.open.wait_for(|it| *it == 0).await.unwrap();
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
        // It is of use to nobody else.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A path that no other test has.
pub(crate) fn socket_path() -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("echo-{}-{number}.socket", std::process::id()))
}

/// An event with a text.
pub(crate) fn text(text: &str) -> EchoStreamingMessage {
    EchoStreamingMessage::StreamMessage(MessageData::builder().string_message(text).build())
}
