//! A filter in front of the service, which records calls and performs the actions that a test defines.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use eventstream_rpc::{
    error::{ErrorShape, Unhandled},
    operation::{Operation, StreamingOperation},
};
use greengrass_core_ipc::{
    server::{
        BoxFuture, EventSender, GreengrassCoreIpcService, Identity, IncomingCall, InvalidRequest,
        Service, StreamingResponse, Violation,
    },
    types::error::ServiceError,
};

use crate::{
    core::LocalCore,
    edition::Edition,
    events,
    record::{Call, Recorder},
    service::Nucleus,
    supervisor::Supervisor,
};

type Inner = Arc<GreengrassCoreIpcService<Nucleus>>;

/// An action that serves a call in place of the service.
type Action = Box<dyn FnOnce(IncomingCall, Inner) -> BoxFuture<'static, ()> + Send>;

pub(crate) struct CallFilter {
    service: Inner,
    supervisor: Arc<Supervisor>,
    pub(crate) recorder: Recorder,
    pub(crate) edition: Edition,
    /// The actions for the next calls of each operation.
    actions: Mutex<HashMap<&'static str, VecDeque<Action>>>,
}

impl CallFilter {
    pub(crate) fn new(nucleus: Nucleus, recorder: Recorder, edition: Edition) -> Self {
        let supervisor = Arc::clone(&nucleus.supervisor);
        let service = Arc::new(GreengrassCoreIpcService::new(nucleus));
        Self { service, supervisor, recorder, edition, actions: Mutex::default() }
    }

    fn push(&self, operation: &'static str, action: Action) {
        let mut actions = self.actions.lock().unwrap_or_else(PoisonError::into_inner);
        actions.entry(operation).or_default().push_back(action);
    }

    /// Serves a call, unless it is refused before it is decoded.
    fn serve(&self, call: IncomingCall) -> BoxFuture<'static, ()> {
        match self.edition.check(&call) {
            Ok(()) => self.service.call(call),
            Err(error) => {
                call.deny(&error);
                Box::pin(std::future::ready(()))
            }
        }
    }

    fn action(&self, operation: &str) -> Option<Action> {
        let mut actions = self.actions.lock().unwrap_or_else(PoisonError::into_inner);
        actions.get_mut(operation)?.pop_front()
    }
}

impl Service for CallFilter {
    const ID: &'static str = GreengrassCoreIpcService::<Nucleus>::ID;

    fn call(&self, call: IncomingCall) -> BoxFuture<'static, ()> {
        self.recorder.add(|| Call {
            component: call.context().identity().0.clone(),
            operation: call.operation().rsplit('#').next().unwrap_or_default().to_owned(),
            payload: call.payload(),
        });
        let logged = tracing::enabled!(tracing::Level::DEBUG).then(|| log_call(&call)).flatten();
        let serving = match self.action(call.operation()) {
            Some(action) => action(call, Arc::clone(&self.service)),
            None => self.serve(call),
        };
        match logged {
            None => serving,
            Some(logged) => Box::pin(async move {
                serving.await;
                tracing::debug!("{logged} has ended");
            }),
        }
    }

    fn invalid_request(&self, operation: &str, violations: &[Violation]) -> InvalidRequest {
        self.service.invalid_request(operation, violations)
    }

    fn undecodable(&self, operation: &str, payload: &[u8]) -> Unhandled {
        self.edition.undecodable(operation, payload)
    }

    fn error_reply(&self, operation: Option<&str>, error: &Unhandled) -> Unhandled {
        let reply = self.edition.error_reply(operation, error);
        reply.unwrap_or_else(|| self.service.error_reply(operation, error))
    }

    fn connected(&self, client: &Identity, connection: u64) {
        tracing::debug!("{} has connected (connection {connection})", client.0);
        self.supervisor.connected(&client.0, true);
    }

    fn disconnected(&self, client: &Identity, connection: u64) {
        tracing::debug!("{} has disconnected (connection {connection})", client.0);
        self.supervisor.connected(&client.0, false);
    }
}

/// Logs a call. Returns the name of its subscription, if the operation is one.
fn log_call(call: &IncomingCall) -> Option<String> {
    let context = call.context();
    // The name of an unknown operation is any text.
    let (component, operation) =
        (&context.identity().0, call.operation().escape_debug().to_string());
    let place = format!("connection {}, stream {}", context.connection(), context.stream_id().0);
    tracing::debug!("{component} calls {operation} ({place})");
    let name = operation.rsplit('#').next().unwrap_or_default();
    name.starts_with("SubscribeTo").then(|| format!("{name} of {component} ({place})"))
}

impl fmt::Debug for CallFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallFilter").finish_non_exhaustive()
    }
}

/// Defines what happens to the next call of an operation. See [`LocalCore::on_next`].
#[derive(Debug)]
#[must_use = "a method such as `respond` defines what happens to the call"]
pub struct NextCall<'c, O> {
    filter: &'c CallFilter,
    operation: O,
}

impl LocalCore {
    /// Defines what happens to the next call of an operation, by any component. If it is called repeatedly, each
    /// definition applies to one of the following calls, in order.
    pub fn on_next<O: Operation>(&self, operation: O) -> NextCall<'_, O> {
        NextCall { filter: self.filter(), operation }
    }
}

impl<O: Operation> NextCall<'_, O> {
    fn push(
        self,
        action: impl FnOnce(IncomingCall, Inner) -> BoxFuture<'static, ()> + Send + 'static,
    ) {
        self.filter.push(O::ID, Box::new(action));
    }

    /// Serves the call after a delay.
    pub fn delay(self, delay: Duration) {
        self.push(move |call, service| {
            Box::pin(async move {
                tokio::time::sleep(delay).await;
                service.call(call).await;
            })
        });
    }

    /// Responds to the call.
    pub fn respond(self, response: O::Response) {
        let Self { filter, operation } = self;
        filter
            .push(O::ID, Box::new(|call, _| call.unary(operation, |_, _| async { Ok(response) })));
    }

    /// Fails the call with this error, which the operation need not declare.
    pub fn fail(self, error: impl ErrorShape) {
        let error = Unhandled::undeclared(&error);
        self.push(move |call, _| {
            call.deny(&error);
            Box::pin(std::future::ready(()))
        });
    }

    /// Fails the call with the error that a nucleus sends for internal failures, which the model does not declare.
    pub fn fail_unmodelled(self) {
        self.push(move |call, _| {
            call.deny(&Unhandled::internal());
            Box::pin(std::future::ready(()))
        });
    }

    /// Fails the call as if the operation were unknown.
    pub fn unsupported(self) {
        self.push(move |call, _| call.unsupported());
    }

    /// Never answers the call.
    pub fn ignore(self) {
        self.push(move |call, _| Box::pin(async move { call.context().ended().await }));
    }

    /// Closes the connection without answering the call.
    pub fn disconnect(self) {
        self.push(move |call, _| {
            call.context().close_connection();
            Box::pin(std::future::ready(()))
        });
    }
}

impl<O: StreamingOperation> NextCall<'_, O>
where
    O::Error: From<ServiceError>,
{
    /// Opens a stream with this response. The returned sender sends events on it; events that are sent before the call
    /// are queued. Dropping the sender ends the stream.
    pub fn open(self, response: O::Response) -> EventSender<O> {
        let Self { filter, operation } = self;
        let (sender, events) = events::channel();
        let serve = |call: IncomingCall, _| {
            call.streaming(operation, |_, _| async {
                Ok(StreamingResponse::queued(response, events))
            })
        };
        filter.push(O::ID, Box::new(serve));
        sender
    }
}
