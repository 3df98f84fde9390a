//! What stands before the service: it records calls, and does what a test has asked for.

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
        BoxFuture, EventSender, GreengrassCoreIpcService, IncomingCall, InvalidRequest, Service,
        StreamingResponse, Violation,
    },
    types::error::ServiceError,
};

use crate::{
    core::LocalCore,
    events,
    record::{Call, Recorder},
    service::Nucleus,
};

type Inner = Arc<GreengrassCoreIpcService<Nucleus>>;

/// Serves one call in the place of the service.
type Action = Box<dyn FnOnce(IncomingCall, Inner) -> BoxFuture<'static, ()> + Send>;

pub(crate) struct Front {
    service: Inner,
    pub(crate) recorder: Recorder,
    /// By operation: what happens to its next calls.
    actions: Mutex<HashMap<&'static str, VecDeque<Action>>>,
}

impl Front {
    pub(crate) fn new(nucleus: Nucleus, recorder: Recorder) -> Self {
        let service = Arc::new(GreengrassCoreIpcService::new(nucleus));
        Self { service, recorder, actions: Mutex::default() }
    }

    fn push(&self, operation: &'static str, action: Action) {
        let mut actions = self.actions.lock().unwrap_or_else(PoisonError::into_inner);
        actions.entry(operation).or_default().push_back(action);
    }

    fn action(&self, operation: &str) -> Option<Action> {
        let mut actions = self.actions.lock().unwrap_or_else(PoisonError::into_inner);
        actions.get_mut(operation)?.pop_front()
    }
}

impl Service for Front {
    const ID: &'static str = GreengrassCoreIpcService::<Nucleus>::ID;

    fn call(&self, call: IncomingCall) -> BoxFuture<'static, ()> {
        self.recorder.add(|| Call {
            component: call.context().identity().0.clone(),
            operation: call.operation().rsplit('#').next().unwrap_or_default().to_owned(),
            payload: call.payload(),
        });
        match self.action(call.operation()) {
            Some(action) => action(call, Arc::clone(&self.service)),
            None => self.service.call(call),
        }
    }

    fn invalid_request(&self, operation: &str, violations: &[Violation]) -> InvalidRequest {
        self.service.invalid_request(operation, violations)
    }
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Front").finish_non_exhaustive()
    }
}

/// Says what happens to the next call of an operation that nothing has been said about. See
/// [`LocalCore::on_next`].
#[derive(Debug)]
#[must_use = "nothing happens to the call until it is said what"]
pub struct NextCall<'c, O> {
    front: &'c Front,
    operation: O,
}

impl LocalCore {
    /// Says what happens to the next call of an operation, whoever makes it. Said again, it counts for the
    /// call after that.
    pub fn on_next<O: Operation>(&self, operation: O) -> NextCall<'_, O> {
        NextCall { front: self.front(), operation }
    }
}

impl<O: Operation> NextCall<'_, O> {
    fn push(
        self,
        action: impl FnOnce(IncomingCall, Inner) -> BoxFuture<'static, ()> + Send + 'static,
    ) {
        self.front.push(O::ID, Box::new(action));
    }

    /// It is served after a delay.
    pub fn delay(self, delay: Duration) {
        self.push(move |call, service| {
            Box::pin(async move {
                tokio::time::sleep(delay).await;
                service.call(call).await;
            })
        });
    }

    /// It is answered with this response.
    pub fn respond(self, response: O::Response) {
        let Self { front, operation } = self;
        front.push(O::ID, Box::new(|call, _| call.unary(operation, |_, _| async { Ok(response) })));
    }

    /// It fails with this error, declared for the operation or not.
    pub fn fail(self, error: impl ErrorShape) {
        let error = Unhandled::undeclared(&error);
        self.push(move |call, _| {
            call.deny(&error);
            Box::pin(std::future::ready(()))
        });
    }

    /// It fails with the error that a nucleus sends for its own failures, which is not of the model.
    pub fn fail_unmodelled(self) {
        self.push(move |call, _| {
            call.deny(&Unhandled::internal());
            Box::pin(std::future::ready(()))
        });
    }

    /// It fails as if the core did not have the operation.
    pub fn unsupported(self) {
        self.push(move |call, _| call.unsupported());
    }

    /// It is never answered.
    pub fn ignore(self) {
        self.push(move |call, _| Box::pin(async move { call.context().ended().await }));
    }

    /// Its connection is closed without an answer.
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
    /// Its stream is opened with this response, and gets the events that are sent with what is returned;
    /// those sent before the call is made wait for it. When that is dropped, the stream ends.
    pub fn open(self, response: O::Response) -> EventSender<O> {
        let Self { front, operation } = self;
        let (sender, events) = events::channel();
        let serve = |call: IncomingCall, _| {
            call.streaming(operation, |_, _| async {
                Ok(StreamingResponse::queued(response, events))
            })
        };
        front.push(O::ID, Box::new(serve));
        sender
    }
}
