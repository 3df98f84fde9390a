//! The server: listens for clients and serves their calls.
//!
//! Generated code implements [`Service`] for the implementations of a service trait, and a [`Server`] serves it. An
//! authenticator is required: [`Server::serve`] exists only after [`authenticator`](Server::authenticator) or
//! [`allow_all`](Server::allow_all).
//!
//! The calls of one connection are served in the order in which they arrive, each until its handler first waits. A
//! handler that waits continues concurrently with the others. A handler that blocks its thread delays the other calls
//! of its connection.
//!
//! # Logs
//!
//! The server logs through `tracing`, with the target `eventstream_rpc`. A record contains kinds, lengths, numbers
//! and names from the model, never text from a client or from the service.
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
mod streaming;

pub use authenticator::{Authenticator, ConnectRequest, Identity, Rejected};
pub use call::{IncomingCall, InvalidRequest, RequestContext};
pub use events::{
    EncodedEvent, EncodedMessage, EventReceiver, EventSender, OnFull, SendEventError, event_queue,
};
pub use listener::{Server, serve_connection};
pub use streaming::{EventStream, StreamingRequest, StreamingResponse};

pub use crate::{
    json::{Violation, ViolationKind},
    protocol::{StreamId, server::Config},
    transport::PeerCredentials,
};

use crate::error::Unhandled;

/// A boxed future.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Routes incoming calls to handlers. Implemented by generated code.
pub trait Service: Send + Sync + 'static {
    /// Absolute shape ID of the service.
    const ID: &'static str;

    /// Serves a call: selects the operation and calls [`IncomingCall::unary`] or [`IncomingCall::streaming`].
    fn call(&self, call: IncomingCall) -> BoxFuture<'static, ()>;

    /// Decides about a request or a client's event that lacks required members or contains values that the model
    /// does not allow. The paths of an event's members begin at the event.
    fn invalid_request(&self, operation: &str, violations: &[Violation]) -> InvalidRequest {
        let _ = (operation, violations);
        InvalidRequest::Reject
    }

    /// The error for a request or a client's event that cannot be decoded. Default: that of the Java server.
    fn undecodable(&self, operation: &str, payload: &[u8]) -> Unhandled {
        let _ = (operation, payload);
        Unhandled::internal()
    }

    /// The form in which an error is sent. `operation` is `None` if the service does not have the operation.
    ///
    /// Default: the members `_service`, `_errorCode` and `_message` are added to errors of the model.
    fn error_reply(&self, operation: Option<&str>, error: &Unhandled) -> Unhandled {
        let _ = operation;
        error.with_service_members(Self::ID)
    }

    /// Observes a client that the authenticator has accepted, before the client knows that. Default: nothing.
    ///
    /// The connection has the number of [`RequestContext::connection`].
    fn connected(&self, client: &Identity, connection: u64) {
        let _ = (client, connection);
    }

    /// Observes the end of a connection of an accepted client, after its last call has arrived. Default: nothing.
    fn disconnected(&self, client: &Identity, connection: u64) {
        let _ = (client, connection);
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

    fn undecodable(&self, operation: &str, payload: &[u8]) -> Unhandled {
        (**self).undecodable(operation, payload)
    }

    fn error_reply(&self, operation: Option<&str>, error: &Unhandled) -> Unhandled {
        (**self).error_reply(operation, error)
    }

    fn connected(&self, client: &Identity, connection: u64) {
        (**self).connected(client, connection);
    }

    fn disconnected(&self, client: &Identity, connection: u64) {
        (**self).disconnected(client, connection);
    }
}
