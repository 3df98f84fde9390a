//! One accepted connection.

use std::{sync::Arc, task::Poll};

use tokio::task::coop::cooperative;
use tracing::Instrument;

use super::{
    Authenticator, Authorizer, ConnectRequest, Identity, IncomingCall, PeerCredentials, Service,
    call::OnInvalid,
};
use crate::{
    error::{ConnectionError, Unhandled},
    protocol::{
        RpcMessage,
        server::{Config, Core},
    },
    transport::{Io, Shared, caught, drive, unless},
};

/// What all connections of a server share.
pub(super) struct Context<S, A> {
    pub(super) service: Arc<S>,
    pub(super) authenticator: A,
    pub(super) authorizer: Option<Arc<dyn Authorizer>>,
    pub(super) config: Config,
    pub(super) on_invalid: OnInvalid,
}

impl<S: Service, A> Context<S, A> {
    pub(super) fn new(
        service: S,
        authenticator: A,
        authorizer: Option<Arc<dyn Authorizer>>,
        config: Config,
    ) -> Arc<Self> {
        let service = Arc::new(service);
        let for_hook = Arc::clone(&service);
        let on_invalid: OnInvalid =
            Arc::new(move |operation, violations| for_hook.invalid_request(operation, violations));
        Arc::new(Self { service, authenticator, authorizer, config, on_invalid })
    }
}

/// A client that has been accepted.
pub(super) struct Client {
    pub(super) identity: Identity,
    pub(super) peer: Option<PeerCredentials>,
    pub(super) shared: Arc<Shared<Core>>,
    pub(super) service_id: &'static str,
}

/// Starts to serve a connection, on a task of its own.
pub(super) fn start(config: Config, io: Box<dyn Io>) -> Arc<Shared<Core>> {
    let core = Core::new(config, tokio::time::Instant::now().into_std());
    let shared = Arc::new(Shared::numbered(core));
    tokio::spawn(drive(io, Arc::clone(&shared)).instrument(shared.span()));
    shared
}

/// Serves a connection until it has ended. The end of the future ends the connection, even before it has been
/// polled.
pub(super) fn serve<S: Service, A: Authenticator>(
    context: Arc<Context<S, A>>,
    shared: Arc<Shared<Core>>,
    peer: Option<PeerCredentials>,
) -> impl Future<Output = ()> + Send {
    let end = EndOnDrop(Arc::clone(&shared));
    async move {
        let end = end;
        serve_to_the_end(context, shared, peer).await;
        // Until the socket is closed and every handler has finished, it counts as a connection.
        end.0.poll(|core, cx| core.poll_finished(cx)).await;
        end.0.poll(|core, cx| core.poll_idle(cx)).await;
    }
}

async fn serve_to_the_end<S: Service, A: Authenticator>(
    context: Arc<Context<S, A>>,
    shared: Arc<Shared<Core>>,
    peer: Option<PeerCredentials>,
) {
    let number = shared.number;
    let Some(identity) = authenticate(&context, &shared, peer).await else { return };
    tracing::debug!(target: crate::LOG_TARGET, connection = number, "client accepted");
    let client = Arc::new(Client { identity, peer, shared, service_id: S::ID });
    let next = || cooperative(client.shared.poll(|core, cx| core.poll_incoming(cx)));
    while let Some(message) = next().await {
        let id = message.stream_id;
        if caught(dispatch(&context, &client, message)).await.is_err() {
            // Not in a handler, but on the way to it: in an authorizer, or in the service itself.
            tracing::error!(target: crate::LOG_TARGET, connection = number, "service panicked");
            // It is short.
            let _ = client.shared.with(|core| core.send_error(id, &Unhandled::internal()));
        }
    }
}

async fn authenticate<S, A: Authenticator>(
    context: &Context<S, A>,
    shared: &Shared<Core>,
    peer: Option<PeerCredentials>,
) -> Option<Identity> {
    let message = shared.poll(|core, cx| core.poll_incoming(cx)).await?;
    let request = ConnectRequest::new(&message, peer);
    drop(message);
    let decision = caught(async { context.authenticator.authenticate(&request).await });
    // A decision about a client whose time is up is not waited for.
    let decision = unless(shared.poll(|core, cx| core.poll_closed(cx)), decision).await?;
    let decision = decision.unwrap_or_else(|_panic| {
        let connection = shared.number;
        tracing::error!(target: crate::LOG_TARGET, connection, "authenticator panicked");
        Err(super::Rejected)
    });
    match decision {
        Ok(identity) => {
            shared.with(Core::accept);
            Some(identity)
        }
        Err(super::Rejected) => {
            tracing::debug!(target: crate::LOG_TARGET, connection = shared.number, "client refused");
            shared.with(Core::refuse);
            None
        }
    }
}

/// Starts to serve a call. As long as handlers do not wait, calls are served in the order in which they
/// arrived; one that waits continues beside the others.
async fn dispatch<S: Service, A>(
    context: &Context<S, A>,
    client: &Arc<Client>,
    message: RpcMessage,
) {
    let call = IncomingCall::new(message, client, Arc::clone(&context.on_invalid));
    let authorize = |it: &Arc<dyn Authorizer>| it.authorize(call.context(), call.operation());
    if let Some(Err(error)) = context.authorizer.as_ref().map(authorize) {
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

struct EndOnDrop(Arc<Shared<Core>>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.with(|core| {
            core.fail(ConnectionError::Closed);
            // The server was dropped. At the regular end every handler has finished, but a task of the application may
            // still read events.
            if !core.is_idle() {
                core.abandon();
            }
        });
    }
}
