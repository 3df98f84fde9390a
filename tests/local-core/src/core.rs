//! A running core.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use eventstream_rpc::operation::StreamingOperation;
use greengrass_core_ipc::{
    Client,
    client::ConnectionBuilder,
    error::ConnectError,
    server::{Config, ConnectRequest, Identity, Rejected, Server, serve_connection},
};
use serde_json::Value;
use tokio::{
    sync::mpsc,
    task::{JoinHandle, JoinSet},
};

use crate::{Builder, front::Front, record::Call, service::OpenStreams, socket::Folder};

/// A Greengrass core in this process: it serves components until it is stopped or dropped.
#[derive(Debug)]
pub struct LocalCore {
    path: PathBuf,
    front: Arc<Front>,
    streams: Arc<OpenStreams>,
    door: Arc<Door>,
    commands: mpsc::Sender<Command>,
    task: JoinHandle<io::Result<()>>,
    /// Connections that are not over the socket.
    inside: Mutex<JoinSet<()>>,
}

#[derive(Debug)]
pub(crate) struct Component {
    pub(crate) token: String,
}

/// Who is let in.
#[derive(Debug)]
struct Door {
    components: BTreeMap<String, Component>,
    refuses: AtomicBool,
}

impl Door {
    fn authenticate(&self, request: &ConnectRequest) -> Result<Identity, Rejected> {
        let payload: Value = serde_json::from_slice(&request.payload).map_err(|_| Rejected)?;
        let token = payload.get("authToken").and_then(Value::as_str).ok_or(Rejected)?;
        let known = self.components.iter().find(|(_, it)| it.token == token).ok_or(Rejected)?;
        match self.refuses.load(Ordering::Relaxed) {
            true => Err(Rejected),
            false => Ok(Identity(known.0.clone())),
        }
    }
}

#[derive(Debug)]
enum Command {
    /// Close every connection, and go on listening.
    Disconnect(tokio::sync::oneshot::Sender<()>),
    Stop,
}

impl LocalCore {
    /// Starts building a core.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn listen(
        path: PathBuf,
        folder: Option<Folder>,
        components: BTreeMap<String, Component>,
        front: Arc<Front>,
        streams: Arc<OpenStreams>,
    ) -> io::Result<Self> {
        let door = Arc::new(Door { components, refuses: AtomicBool::new(false) });
        let server = bind(&path)?;
        let (commands, received) = mpsc::channel(1);
        let serving =
            serve(folder, server, path.clone(), Arc::clone(&front), Arc::clone(&door), received);
        let task = tokio::spawn(serving);
        let inside = Mutex::default();
        Ok(Self { path, front, streams, door, commands, task, inside })
    }

    pub(crate) fn front(&self) -> &Front {
        &self.front
    }

    /// The Unix domain socket on which the core listens.
    pub fn socket_path(&self) -> &Path {
        &self.path
    }

    /// The names of the components, in order.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.door.components.keys().map(String::as_str)
    }

    /// The token with which a component connects.
    ///
    /// # Panics
    ///
    /// If the core has no such component.
    pub fn auth_token(&self, component: &str) -> &str {
        match self.door.components.get(component) {
            Some(component) => &component.token,
            None => panic!("the core has no component {component:?}"),
        }
    }

    /// The environment variables that a nucleus gives a component.
    ///
    /// # Panics
    ///
    /// If the core has no such component.
    pub fn environment(&self, component: &str) -> [(&'static str, String); 2] {
        use eventstream_rpc::greengrass::{AUTH_TOKEN_VARIABLE, SOCKET_PATH_VARIABLE};
        [
            (SOCKET_PATH_VARIABLE, self.path.display().to_string()),
            (AUTH_TOKEN_VARIABLE, self.auth_token(component).to_owned()),
        ]
    }

    /// A builder of connections to the socket, for a component.
    ///
    /// # Panics
    ///
    /// If the core has no such component.
    pub fn connection(&self, component: &str) -> ConnectionBuilder {
        ConnectionBuilder::default().socket_path(&self.path).auth_token(self.auth_token(component))
    }

    /// A client for a component, connected within this process, without the socket.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    ///
    /// # Panics
    ///
    /// If the core has no such component.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection.
    pub async fn connect(&self, component: &str) -> Result<Client, ConnectError> {
        let builder = self.connection(component);
        let (client, server) = tokio::io::duplex(64 * 1024);
        let (front, door) = (Arc::clone(&self.front), Arc::clone(&self.door));
        self.inside.lock().unwrap_or_else(PoisonError::into_inner).spawn(async move {
            let authenticate = move |request: &ConnectRequest| door.authenticate(request);
            serve_connection(server, front, authenticate, Config::default()).await;
        });
        Ok(Client::new(builder.connect_over(client).await?))
    }

    /// The calls that have been made and not been taken yet, in the order in which they arrived.
    pub fn take_calls(&self) -> Vec<Call> {
        self.front.recorder.take()
    }

    /// Takes the next call of any operation; waits for it if there is none.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes nothing.
    pub async fn next_call(&self) -> Call {
        self.front.recorder.next(None).await
    }

    /// Takes the next call of an operation, such as `PublishToTopic`; others stay.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes nothing.
    pub async fn next_call_of(&self, operation: &str) -> Call {
        self.front.recorder.next(Some(operation)).await
    }

    /// Sends an event by hand on every open stream of a component for an operation; on how many.
    pub fn send_event<O: StreamingOperation>(
        &self,
        operation: O,
        component: &str,
        event: &O::ResponseEvent,
    ) -> usize {
        let _ = operation;
        let streams = self.streams.of::<O>(component);
        streams.iter().filter(|it| it.send(event).is_ok()).count()
    }

    /// Refuses every token from now on, or no longer.
    pub fn refuse_tokens(&self, refuses: bool) {
        self.door.refuses.store(refuses, Ordering::Relaxed);
    }

    /// Closes every connection, as a nucleus that restarts does, and listens again on the same socket.
    /// Tokens and configurations stay.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before it is ready leaves open which connections are closed.
    pub async fn disconnect_all(&self) {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
        let (done, is_done) = tokio::sync::oneshot::channel();
        if self.commands.send(Command::Disconnect(done)).await.is_ok() {
            // It fails if the core is stopped in the meantime, and then it is done as well.
            let _ = is_done.await;
        }
    }

    /// Stops: takes no new calls, ends the subscriptions, lets running calls finish, closes the
    /// connections and removes the socket.
    ///
    /// # Errors
    ///
    /// What the operating system says about the socket.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connections at once, whatever is running.
    pub async fn stop(mut self) -> io::Result<()> {
        // It fails if the task is over already.
        let _ = self.commands.send(Command::Stop).await;
        (&mut self.task).await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}

impl Drop for LocalCore {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Listens on a socket that only this user may connect to.
fn bind(path: &Path) -> io::Result<Server> {
    Server::bind_with_mode(path, 0o600)
}

async fn serve(
    // It is dropped last, when the socket is no longer in it.
    _folder: Option<Folder>,
    server: Server,
    path: PathBuf,
    front: Arc<Front>,
    door: Arc<Door>,
    mut commands: mpsc::Receiver<Command>,
) -> io::Result<()> {
    let mut server = Some(server);
    let mut done = None;
    loop {
        let bound = match server.take() {
            Some(server) => server,
            None => bind(&path)?,
        };
        // Whoever asked for it may connect again.
        drop(done.take());
        let door = Arc::clone(&door);
        let bound = bound.authenticator(move |request: &ConnectRequest| door.authenticate(request));
        let (stop, is_stopped) = tokio::sync::oneshot::channel::<()>();
        let mut serving = std::pin::pin!(bound.serve(Arc::clone(&front), is_stopped));
        tokio::select! {
            result = &mut serving => return result,
            command = commands.recv() => match command {
                // What serves is dropped, and closes its connections.
                Some(Command::Disconnect(asked)) => done = Some(asked),
                Some(Command::Stop) | None => {
                    drop(stop);
                    return serving.await;
                }
            },
        }
    }
}
