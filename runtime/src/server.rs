//! The server: a listener, and what serves the calls of its clients.
//!
//! Generated code implements [`Service`] for a service trait; a [`Server`] serves it. A server must be told
//! whom to trust: there is nothing to serve before [`authenticator`](Server::authenticator) or
//! [`allow_all`](Server::allow_all).
//!
//! A call is served in the order in which it arrived as long as its handler does not wait; a handler that
//! waits continues beside the others. Handlers should not block: one that does holds up its own connection.
//!
//! # Logs
//!
//! Through `tracing`, with target `eventstream_rpc`. A record has kinds, lengths, numbers
//! and names of the model, never text from a client or from the service.
//!
//! | name | level | fields |
//! |---|---|---|
//! | `connection` (span) | debug | `connection`, a number |
//! | `call` (span) | debug | `connection`, `operation` |
//! | `client accepted` | debug | `connection` |
//! | `client refused` | debug | `connection` |
//! | `call denied` | debug | `connection`, `stream` |
//! | `invalid request` | debug | `connection`, `operation`, `error` |
//! | `invalid event` | debug | `connection`, `operation`, `error` |
//! | `connection ended` | debug | `error`, unless this side closed it |
//! | `terminate sent`, `terminate received` | trace | `stream` |
//! | `handler panicked` | error | `connection`, `operation` |
//! | `authenticator panicked`, `service panicked` | error | `connection` |
//! | `too many connections` | warn | |
//! | `reply cannot be encoded` | error | `connection`, `operation`, `error` |
//! | `accept failed` | warn | `error` |

mod authenticator;
mod call;
mod connection;
mod events;
mod listener;
mod reply;
mod streaming;

use std::pin::Pin;

pub use authenticator::{AllowAll, Authenticator, Authorizer, ConnectRequest, Identity, Rejected};
pub use call::{IncomingCall, InvalidRequest, RequestContext};
pub use events::{EncodedEvent, EventReceiver, EventSender, OnFull, SendEventError, event_queue};
pub use listener::{Server, serve_connection};
pub use reply::ErrorReply;
pub use streaming::{EventStream, StreamingRequest, StreamingResponse};

pub use crate::{
    json::{Violation, ViolationKind},
    protocol::{StreamId, server::Config},
    transport::PeerCredentials,
};

/// A future behind a pointer.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Routes incoming calls to handlers. Implemented by generated code.
pub trait Service: Send + Sync + 'static {
    /// Absolute shape ID of the service.
    const ID: &'static str;

    /// Serves a call: picks the operation, and hands the rest to [`IncomingCall::unary`] or
    /// [`IncomingCall::streaming`].
    fn call(&self, call: IncomingCall) -> BoxFuture<'static, ()>;

    /// Decides about a request, or an event from a client, that lacks required members or holds values that
    /// the model does not allow. The paths of an event's members begin at the event.
    fn invalid_request(&self, operation: &str, violations: &[Violation]) -> InvalidRequest {
        let _ = (operation, violations);
        InvalidRequest::Reject
    }
}

impl<S: Service> Service for std::sync::Arc<S> {
    const ID: &'static str = S::ID;

    fn call(&self, call: IncomingCall) -> BoxFuture<'static, ()> {
        (**self).call(call)
    }

    fn invalid_request(&self, operation: &str, violations: &[Violation]) -> InvalidRequest {
        (**self).invalid_request(operation, violations)
    }
}
