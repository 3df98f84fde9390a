//! What happens to calls in place of their service: the definitions of a test or of the command line.

mod definition;
mod double;
mod operations;

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use eventstream_rpc::{
    error::{ErrorShape, OperationError, Unhandled},
    json,
    operation::{Operation, StreamingOperation},
};
use greengrass_core_ipc::{
    server::{BoxFuture, EventSender, IncomingCall, RequestContext, StreamingResponse},
    types::error::ServiceError,
};

pub(crate) use self::double::Double;
use crate::{core::LocalCore, events};

/// Serves calls.
pub(crate) type Serve = Arc<dyn Fn(IncomingCall) -> BoxFuture<'static, ()> + Send + Sync>;

/// Answers a call, or lets it be served.
type Action = Box<dyn FnOnce(IncomingCall, Serve) -> BoxFuture<'static, ()> + Send>;

/// Selects the action for each call of an operation.
type Handler = Arc<Mutex<dyn FnMut(&IncomingCall) -> Action + Send>>;

/// The definitions of what happens to calls, by operation.
#[derive(Default)]
pub(crate) struct Definitions(Mutex<HashMap<String, OfOperation>>);

#[derive(Default)]
struct OfOperation {
    /// For the next calls.
    next: VecDeque<Action>,
    /// For all other calls.
    each: Option<Handler>,
}

impl Definitions {
    /// Answers a call as it is defined, or serves it.
    pub(crate) fn serve(&self, call: IncomingCall, serve: &Serve) -> BoxFuture<'static, ()> {
        let (action, each) = {
            let mut definitions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match definitions.get_mut(call.operation()) {
                None => (None, None),
                Some(of) => (of.next.pop_front(), of.each.clone()),
            }
        };
        let handled = || {
            let mut handler = each.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
            Some(handler(&call))
        };
        match action.or_else(handled) {
            Some(action) => action(call, Arc::clone(serve)),
            None => serve(call),
        }
    }

    fn change(&self, operation: &str, change: impl FnOnce(&mut OfOperation)) {
        let mut definitions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(definitions.entry(operation.to_owned()).or_default());
    }
}

impl fmt::Debug for Definitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Definitions").finish_non_exhaustive()
    }
}

/// What happens to a call of an operation, as a test defines it. See [`LocalCore::on`].
///
/// A result of a response or an error is one too.
#[must_use = "it takes effect when it is returned to the core"]
pub struct Reply<O>(Box<dyn FnOnce(O, IncomingCall, Serve) -> BoxFuture<'static, ()> + Send>);

impl<O: Operation> Reply<O> {
    fn new(
        action: impl FnOnce(O, IncomingCall, Serve) -> BoxFuture<'static, ()> + Send + 'static,
    ) -> Self {
        Self(Box::new(action))
    }

    /// The core serves the call, as without a definition.
    pub fn serve() -> Self {
        Self::new(|_, call, serve| serve(call))
    }

    /// The call has this response, which ends its stream.
    pub fn respond(response: O::Response) -> Self {
        Self::new(|operation, call, _| call.unary(operation, |_, _| async { Ok(response) }))
    }

    /// The call fails with this error, which the operation need not declare.
    pub fn fail(error: impl ErrorShape) -> Self {
        Self::deny(Unhandled::undeclared(&error))
    }

    /// The call fails with the error that a nucleus sends for internal failures, which the model does not declare.
    pub fn fail_unmodelled() -> Self {
        Self::deny(Unhandled::internal())
    }

    /// The call fails as if the operation were unknown.
    pub fn unsupported() -> Self {
        Self::new(|_, call, _| call.unsupported())
    }

    /// The call has no answer.
    pub fn ignore() -> Self {
        Self::new(|_, call, _| Box::pin(async move { call.context().ended().await }))
    }

    /// The connection closes without an answer.
    pub fn disconnect() -> Self {
        Self::new(|_, call, _| {
            call.context().close_connection();
            Box::pin(std::future::ready(()))
        })
    }

    /// This happens after a delay.
    pub fn after(self, delay: Duration) -> Self {
        Self::new(move |operation, call, serve| {
            Box::pin(async move {
                tokio::time::sleep(delay).await;
                self.0(operation, call, serve).await;
            })
        })
    }

    fn deny(error: Unhandled) -> Self {
        Self::new(move |_, call, _| {
            call.deny(&error);
            Box::pin(std::future::ready(()))
        })
    }
}

impl<O: StreamingOperation> Reply<O>
where
    O::Error: From<ServiceError>,
{
    /// The call opens a stream with this response. The sender sends events on it; events that are sent before the call
    /// are queued. Dropping the sender ends the stream.
    pub fn open(response: O::Response) -> (EventSender<O>, Self) {
        let (sender, events) = events::channel();
        let reply = Self::new(|operation, call, _| {
            call.streaming(operation, |_, _| async {
                Ok(StreamingResponse::queued(response, events))
            })
        });
        (sender, reply)
    }
}

impl<O: Operation> From<Result<O::Response, O::Error>> for Reply<O> {
    fn from(result: Result<O::Response, O::Error>) -> Self {
        match result {
            Ok(response) => Self::respond(response),
            Err(error) => Self::deny(error.metadata().to_unhandled()),
        }
    }
}

impl<O> fmt::Debug for Reply<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").finish_non_exhaustive()
    }
}

/// Defines what happens to the next call of an operation. See [`LocalCore::on_next`].
#[derive(Debug)]
#[must_use = "a method such as `respond` defines what happens to the call"]
pub struct NextCall<'c, O> {
    definitions: &'c Definitions,
    operation: O,
}

impl LocalCore {
    /// Defines what happens to the next call of an operation, by any component. If it is called repeatedly, each
    /// definition applies to one of the following calls, in order.
    pub fn on_next<O: Operation>(&self, operation: O) -> NextCall<'_, O> {
        NextCall { definitions: &self.filter().definitions, operation }
    }

    /// Defines what happens to all calls of an operation, by any component: a function from the request to the response,
    /// an error, or another [`Reply`]. It replaces an earlier one. Permissions are not checked.
    ///
    /// The function is called for one call at a time. A request that cannot be decoded does not reach it.
    pub fn on<O: Operation + Copy, R: Into<Reply<O>>>(
        &self,
        operation: O,
        mut handler: impl FnMut(O::Request, &RequestContext) -> R + Send + 'static,
    ) {
        let handler = move |call: &IncomingCall| -> Action {
            let reply = match json::payload_from_slice(&call.payload()) {
                Ok(request) => handler(request, call.context()).into(),
                Err(_) => Reply::serve(),
            };
            Box::new(move |call, serve| reply.0(operation, call, serve))
        };
        let handler: Handler = Arc::new(Mutex::new(handler));
        self.filter().definitions.change(O::ID, |it| it.each = Some(handler));
    }
}

impl<O: Operation> NextCall<'_, O> {
    /// As [`Reply::respond`].
    pub fn respond(self, response: O::Response) {
        self.reply(Reply::respond(response));
    }

    /// As [`Reply::fail`].
    pub fn fail(self, error: impl ErrorShape) {
        self.reply(Reply::fail(error));
    }

    /// As [`Reply::fail_unmodelled`].
    pub fn fail_unmodelled(self) {
        self.reply(Reply::fail_unmodelled());
    }

    /// As [`Reply::unsupported`].
    pub fn unsupported(self) {
        self.reply(Reply::unsupported());
    }

    /// As [`Reply::ignore`].
    pub fn ignore(self) {
        self.reply(Reply::ignore());
    }

    /// As [`Reply::disconnect`].
    pub fn disconnect(self) {
        self.reply(Reply::disconnect());
    }

    /// The core serves the call after a delay.
    pub fn delay(self, delay: Duration) {
        self.reply(Reply::serve().after(delay));
    }

    /// This happens to the call.
    pub fn reply(self, reply: impl Into<Reply<O>>) {
        let Self { definitions, operation } = self;
        let reply = reply.into();
        let action: Action = Box::new(move |call, serve| reply.0(operation, call, serve));
        definitions.change(O::ID, |it| it.next.push_back(action));
    }
}

impl<O: StreamingOperation> NextCall<'_, O>
where
    O::Error: From<ServiceError>,
{
    /// As [`Reply::open`].
    pub fn open(self, response: O::Response) -> EventSender<O> {
        let (sender, reply) = Reply::open(response);
        self.reply(reply);
        sender
    }
}
