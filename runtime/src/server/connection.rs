//! One accepted connection.

use std::{sync::Arc, task::Poll};

use tokio::task::coop::cooperative;
use tracing::Instrument;

use super::{
    Authenticator, ConnectRequest, Identity, IncomingCall, PeerCredentials, Rejected,
    RequestContext, Service, call::Hooks,
};
use crate::{
    error::{ConnectionError, Unhandled},
    protocol::{
        RpcMessage,
        server::{Config, Core},
    },
    transport::{Io, Shared, caught, drive, unless},
};

/// Decides whether a client may call an operation.
pub(super) type Authorizer =
    Arc<dyn Fn(&RequestContext, &str) -> Result<(), Unhandled> + Send + Sync>;

/// What all connections of a server share.
pub(super) struct Context<S, A> {
    service: Arc<S>,
    authenticator: A,
    authorizer: Option<Authorizer>,
    config: Config,
    hooks: Arc<dyn Hooks>,
}

impl<S: Service, A> Context<S, A> {
    pub(super) fn new(
        service: S,
        authenticator: A,
        authorizer: Option<Authorizer>,
        config: Config,
    ) -> Arc<Self> {
        let service = Arc::new(service);
        let hooks: Arc<dyn Hooks> = service.clone();
        Arc::new(Self { service, authenticator, authorizer, config, hooks })
    }

    /// Starts the driver of a new connection, on a task of its own.
    pub(super) fn start(&self, io: Box<dyn Io>) -> Connection {
        let core = Core::new(self.config, tokio::time::Instant::now().into_std());
        let shared = Arc::new(Shared::numbered(core));
        tokio::spawn(drive(io, Arc::clone(&shared)).instrument(shared.span()));
        Connection(shared)
    }
}

/// The owner of a connection, which ends when this is dropped.
pub(super) struct Connection(pub(super) Arc<Shared<Core>>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.with(|core| {
            core.fail(ConnectionError::Closed);
            // If handlers still run, the server was dropped: their calls are abandoned. If none runs, the connection has
            // ended regularly, and tasks of the application may still read the events that have arrived.
            if !core.is_idle() {
                core.abandon();
            }
        });
    }
}

/// A client that has been accepted.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) identity: Identity,
    pub(super) peer: Option<PeerCredentials>,
    pub(super) shared: Arc<Shared<Core>>,
}

/// Serves a connection until it has ended, its socket is closed and all handlers have finished.
pub(super) async fn serve<S: Service, A: Authenticator>(
    context: Arc<Context<S, A>>,
    connection: Connection,
    peer: Option<PeerCredentials>,
) {
    let shared = &connection.0;
    if let Some(identity) = authenticate(&context.authenticator, shared, peer).await {
        let service = &*context.service;
        let observed = Observed::new(service, identity.clone(), shared.number);
        shared.with(Core::accept);
        let shared = Arc::clone(shared);
        serve_calls(&context, Client { identity, peer, shared }).await;
        drop(observed);
    }
    shared.poll(|core, cx| core.poll_finished(cx)).await;
    shared.poll(|core, cx| core.poll_idle(cx)).await;
}

/// The connection of an accepted client, whose end the service observes.
struct Observed<'a, S: Service> {
    service: &'a S,
    client: Identity,
    connection: u64,
}

impl<'a, S: Service> Observed<'a, S> {
    fn new(service: &'a S, client: Identity, connection: u64) -> Self {
        service.connected(&client, connection);
        Self { service, client, connection }
    }
}

impl<S: Service> Drop for Observed<'_, S> {
    fn drop(&mut self) {
        self.service.disconnected(&self.client, self.connection);
    }
}

async fn serve_calls<S: Service, A>(context: &Context<S, A>, client: Client) {
    let client = Arc::new(client);
    let connection = client.shared.number;
    tracing::debug!(target: crate::LOG_TARGET, connection, "client accepted");
    let next = || cooperative(client.shared.poll(|core, cx| core.poll_incoming(cx)));
    while let Some(message) = next().await {
        let id = message.stream_id;
        if caught(dispatch(context, &client, message)).await.is_err() {
            // The panic was in an authorizer or in the service, before a handler ran.
            tracing::error!(target: crate::LOG_TARGET, connection, "service panicked");
            // The error is short enough to be encoded.
            let _ = client.shared.with(|core| core.send_error(id, &Unhandled::internal()));
        }
    }
}

async fn authenticate(
    authenticator: &impl Authenticator,
    shared: &Shared<Core>,
    peer: Option<PeerCredentials>,
) -> Option<Identity> {
    let message = shared.poll(|core, cx| core.poll_incoming(cx)).await?;
    let request = ConnectRequest::new(&message, peer);
    drop(message);
    let decision = caught(async { authenticator.authenticate(&request).await });
    // A connection that has ended, such as by the timeout of the handshake, needs no decision.
    let decision = unless(shared.poll(|core, cx| core.poll_closed(cx)), decision).await?;
    let connection = shared.number;
    let decision = decision.unwrap_or_else(|_panic| {
        tracing::error!(target: crate::LOG_TARGET, connection, "authenticator panicked");
        Err(Rejected)
    });
    if decision.is_err() {
        tracing::debug!(target: crate::LOG_TARGET, connection, "client refused");
        shared.with(Core::refuse);
    }
    decision.ok()
}

/// Polls the handler of a call once, and continues on a task if it waits. So calls are served in the order in which
/// they arrive as long as their handlers do not wait.
async fn dispatch<S: Service, A>(
    context: &Context<S, A>,
    client: &Arc<Client>,
    message: RpcMessage,
) {
    let call = IncomingCall::new(message, client, Arc::clone(&context.hooks));
    let authorized = context.authorizer.as_ref().map(|it| it(call.context(), call.operation()));
    if let Some(Err(error)) = authorized {
        tracing::debug!(
            target: crate::LOG_TARGET,
            connection = client.shared.number, stream = call.context().stream_id().0,
            "call denied"
        );
        return call.deny(&error);
    }
    let mut serving = context.service.call(call);
    let first = std::future::poll_fn(|cx| Poll::Ready(serving.as_mut().poll(cx))).await;
    if first.is_pending() {
        tokio::spawn(serving);
    }
}
