//! What generated code tells the runtime about the operations of a service.
//!
//! Everything here is a type or a constant. What is common to all operations lives in the client and
//! the server, which are generic over these traits.

use crate::{error::OperationError, json::Shape};

/// An operation: one request, answered by one response or one error.
pub trait Operation: Send + Sync + 'static {
    /// Absolute shape ID of the service, such as `aws.greengrass#GreengrassCoreIPC`.
    const SERVICE: &'static str;
    /// Absolute shape ID of the operation: the value of the `operation` header.
    const ID: &'static str;
    /// What the client sends.
    type Request: Shape;
    /// What the server answers.
    type Response: Shape;
    /// The errors that the model declares for this operation.
    type Error: OperationError;
}

/// An operation that keeps its stream open after the response.
pub trait StreamingOperation: Operation {
    /// Events that the client sends; [`NoEvents`] when the model has none.
    type RequestEvent: Shape;
    /// Events that the server sends; [`NoEvents`] when the model has none.
    type ResponseEvent: Shape;
    /// The errors among the events that the server sends, which end the stream: the name of the member,
    /// and the absolute shape ID.
    const ERROR_EVENTS: &'static [(&'static str, &'static str)] = &[];
}

/// The event type of a stream that carries no events in that direction. It has no values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum NoEvents {}

impl Shape for NoEvents {
    const ID: &'static str = "";
}
