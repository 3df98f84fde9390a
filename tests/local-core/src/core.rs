//! The running core.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use eventstream_rpc::operation::StreamingOperation;
use greengrass_core_ipc::{
    Client,
    client::ConnectionBuilder,
    error::ConnectError,
    server::{ConnectRequest, Server, serve_connection},
};
use serde_json::{Map, Value};
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinHandle, JoinSet},
};

use crate::{
    Builder,
    call_filter::CallFilter,
    client_devices::ClientDevices,
    configuration::ConfigRefused,
    deployments::Deployments,
    exports,
    record::Call,
    service::Nucleus,
    socket::Place,
    supervisor::{Preparation, Supervisor},
    tokens::Tokens,
};

/// A Greengrass core in this process, which serves components until it is stopped or dropped.
#[derive(Debug)]
pub struct LocalCore {
    path: PathBuf,
    filter: Arc<CallFilter>,
    nucleus: Nucleus,
    tokens: Arc<Tokens>,
    commands: mpsc::Sender<Command>,
    task: JoinHandle<io::Result<()>>,
    /// The tasks of connections within this process.
    in_process: Mutex<JoinSet<()>>,
    supervisor: Arc<Supervisor>,
    /// What components are prepared from when they change.
    preparation: Arc<Preparation>,
    deployments: AbortHandle,
}

/// A core that does not listen yet.
pub(crate) struct Prepared {
    pub(crate) place: Place,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) filter: Arc<CallFilter>,
    pub(crate) nucleus: Nucleus,
    pub(crate) preparation: Preparation,
}

/// The time in which the last output of components is written.
const OUTPUT_TIME: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum Command {
    /// Close all connections and listen again.
    Disconnect(tokio::sync::oneshot::Sender<()>),
    Stop,
}

impl LocalCore {
    /// Starts building a core.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn listen(prepared: Prepared) -> io::Result<Self> {
        let Prepared { place, tokens, filter, nucleus, preparation } = prepared;
        let path = place.path.clone();
        preparation.write_exports()?;
        let server = place.bind()?;
        let (commands, received) = mpsc::channel(1);
        let serving = serve(place, server, Arc::clone(&filter), Arc::clone(&tokens), received);
        let task = tokio::spawn(serving);
        let in_process = Mutex::default();
        let supervisor = Arc::clone(&nucleus.supervisor);
        nucleus.iot_core.start();
        supervisor.start();
        nucleus.client_devices.iter().for_each(ClientDevices::watch);
        let preparation = Arc::new(preparation);
        let deployments = Deployments::start(nucleus.clone(), Arc::clone(&preparation));
        Ok(Self {
            path,
            filter,
            nucleus,
            tokens,
            commands,
            task,
            in_process,
            supervisor,
            preparation,
            deployments,
        })
    }

    pub(crate) fn nucleus(&self) -> &Nucleus {
        &self.nucleus
    }

    pub(crate) fn supervisor(&self) -> &Arc<Supervisor> {
        &self.supervisor
    }

    pub(crate) fn preparation(&self) -> &Arc<Preparation> {
        &self.preparation
    }

    pub(crate) fn filter(&self) -> &CallFilter {
        &self.filter
    }

    /// The path of the Unix domain socket that the core listens on.
    pub fn socket_path(&self) -> &Path {
        &self.path
    }

    /// The names of the components, in order.
    pub fn components(&self) -> impl Iterator<Item = String> {
        self.tokens.names().into_iter()
    }

    /// The token of a component.
    ///
    /// # Panics
    ///
    /// If the component is unknown.
    #[track_caller]
    pub fn auth_token(&self, component: &str) -> String {
        match self.tokens.of(component) {
            Some(token) => token,
            None => panic!(
                "unknown component {component:?}; the core has {}",
                self.tokens.names().join(", ")
            ),
        }
    }

    /// The environment variables that a nucleus sets for a component.
    ///
    /// # Panics
    ///
    /// If the component is unknown.
    #[track_caller]
    pub fn environment(&self, component: &str) -> [(&'static str, String); 2] {
        exports::environment(&self.path, &self.auth_token(component))
    }

    /// A builder of connections of a component over the socket.
    ///
    /// # Panics
    ///
    /// If the component is unknown.
    #[track_caller]
    pub fn connection(&self, component: &str) -> ConnectionBuilder {
        ConnectionBuilder::default().socket_path(&self.path).auth_token(self.auth_token(component))
    }

    /// Connects a component within this process, without the socket.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    ///
    /// # Panics
    ///
    /// If the component is unknown.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection.
    pub async fn connect(&self, component: &str) -> Result<Client, ConnectError> {
        let builder = self.connection(component);
        let (client, server) = tokio::io::duplex(64 * 1024);
        let (filter, tokens) = (Arc::clone(&self.filter), Arc::clone(&self.tokens));
        let config = filter.edition.config();
        self.serve_in_process(async move {
            let authenticate = move |request: &ConnectRequest| tokens.authenticate(request);
            serve_connection(server, filter, authenticate, config).await;
        });
        Ok(Client::new(builder.connect_over(client).await?))
    }

    fn serve_in_process(&self, connection: impl Future<Output = ()> + Send + 'static) {
        let mut in_process = self.in_process.lock().unwrap_or_else(PoisonError::into_inner);
        // What remains of connections that have ended.
        while in_process.try_join_next().is_some() {}
        in_process.spawn(connection);
    }

    /// Takes all recorded calls, in the order of their arrival.
    pub fn take_calls(&self) -> Vec<Call> {
        self.filter.recorder.take()
    }

    /// Takes the next recorded call of any operation. Waits until there is one.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes no call.
    pub async fn next_call(&self) -> Call {
        self.filter.recorder.next(None).await
    }

    /// Takes the next recorded call of an operation, such as `PublishToTopic`. Calls of other operations stay recorded.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes no call.
    pub async fn next_call_of(&self, operation: &str) -> Call {
        self.filter.recorder.next(Some(operation)).await
    }

    /// Sends an event on each open stream of an operation and a component. Returns the number of streams.
    pub fn send_event<O: StreamingOperation>(
        &self,
        operation: O,
        component: &str,
        event: &O::ResponseEvent,
    ) -> usize {
        let _ = operation;
        let streams = self.nucleus.streams.of::<O>(component);
        streams.iter().filter(|it| it.send(event).is_ok()).count()
    }

    /// Merges values into the configuration of a component, as a deployment does: like those of an update, their numbers
    /// become doubles, unless [`Builder::exact_numbers`] keeps them. They may include `accessControl`,
    /// which a component itself cannot change: later calls are checked against the new policies, and subscriptions
    /// stay open.
    ///
    /// # Panics
    ///
    /// If the core has no such component, or the values are not a JSON object.
    pub fn merge_config(&self, component: &str, values: impl Into<Value>) {
        let values = self.values_of(component, values.into());
        self.nucleus.merge_config(component, vec![values], self.nucleus.configurations.now());
    }

    /// Asks a component whether it accepts values that a deployment would merge into its configuration, and waits for its
    /// report. Nothing is changed.
    ///
    /// # Errors
    ///
    /// If the component rejects the values, or has not subscribed to be asked.
    ///
    /// # Panics
    ///
    /// If the core has no such component, or the values are not a JSON object.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future withdraws the question: a report is refused then.
    pub async fn propose_config(
        &self,
        component: &str,
        values: impl Into<Value>,
    ) -> Result<(), ConfigRefused> {
        let values = self.values_of(component, values.into());
        self.nucleus.propose_config(component, values).await
    }

    /// The values to merge into the configuration of a component.
    fn values_of(&self, component: &str, values: Value) -> Map<String, Value> {
        assert!(self.tokens.of(component).is_some(), "the core has no component {component:?}");
        match self.nucleus.numbers.received(values) {
            Value::Object(values) => values,
            _ => panic!("the values for the configuration of {component} are not a JSON object"),
        }
    }

    /// Sets whether all tokens are rejected.
    pub fn refuse_tokens(&self, refuse: bool) {
        self.tokens.reject_all(refuse);
    }

    /// Closes all connections, as a nucleus that restarts does, and listens again on the same socket. Tokens and
    /// configurations are kept.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, some or all connections may be closed.
    pub async fn disconnect_all(&self) {
        self.in_process.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
        let (done, is_done) = tokio::sync::oneshot::channel();
        if self.commands.send(Command::Disconnect(done)).await.is_ok() {
            // An error means that the core has stopped, so its connections are closed too.
            let _ = is_done.await;
        }
    }

    /// Stops the core gracefully: stops the components, each after those that depend on it, accepts no new calls, ends
    /// subscriptions, waits for running calls, closes the connections, removes the socket, and sends a broker the messages
    /// that wait, for up to 5 s.
    ///
    /// A component stops within the time limit of its shutdown step (by default 15 s) and another 6 s: its processes
    /// receive SIGTERM after the shutdown step, and SIGKILL 5 s later.
    ///
    /// # Errors
    ///
    /// If the socket fails.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future kills the processes and closes the connections immediately.
    pub async fn stop(mut self) -> io::Result<()> {
        self.deployments.abort();
        self.supervisor.stop().await;
        if let Some(output) = self.preparation.output() {
            // An error means that the output is not read.
            let _ = tokio::time::timeout(OUTPUT_TIME, output.flush()).await;
        }
        // Ignored: the task may already have ended.
        let _ = self.commands.send(Command::Stop).await;
        let served = (&mut self.task).await.unwrap_or_else(|error| Err(io::Error::other(error)));
        self.nucleus.iot_core.flush().await;
        served
    }
}

impl Drop for LocalCore {
    fn drop(&mut self) {
        self.task.abort();
        self.deployments.abort();
        self.supervisor.abort();
        self.nucleus.state.close();
    }
}

async fn serve(
    // Dropped after the socket, which is in its folder.
    place: Place,
    server: Server,
    filter: Arc<CallFilter>,
    tokens: Arc<Tokens>,
    mut commands: mpsc::Receiver<Command>,
) -> io::Result<()> {
    let mut server = Some(server);
    let mut done = None;
    loop {
        let bound = match server.take() {
            Some(server) => server,
            None => place.bind()?,
        };
        // Completes `disconnect_all`: clients can connect again.
        drop(done.take());
        let tokens = Arc::clone(&tokens);
        let mut bound = bound
            .config(filter.edition.config())
            .authenticator(move |request: &ConnectRequest| tokens.authenticate(request));
        if let Some(connections) = filter.edition.max_connections() {
            bound = bound.max_connections(connections);
        }
        let (stop, is_stopped) = tokio::sync::oneshot::channel::<()>();
        let mut serving = std::pin::pin!(bound.serve(Arc::clone(&filter), is_stopped));
        tokio::select! {
            result = &mut serving => return result,
            command = commands.recv() => match command {
                // Dropping `serving` closes its connections.
                Some(Command::Disconnect(sender)) => done = Some(sender),
                Some(Command::Stop) | None => {
                    drop(stop);
                    return serving.await;
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use test_util::in_time;

    use super::*;

    #[tokio::test]
    async fn ended_connections_are_forgotten() {
        let core = LocalCore::builder().component("a").start().await.unwrap();
        let connections = || core.in_process.lock().unwrap_or_else(PoisonError::into_inner).len();
        in_time("the end of connections", async {
            for count in 1.. {
                drop(core.connect("a").await.unwrap());
                if connections() < count {
                    break;
                }
            }
        })
        .await;
    }
}
