//! The traits of operations. Generated code implements them.
//!
//! They describe operations, and send nothing. The client and the server are generic over them.

use crate::{error::OperationError, json::Shape};

/// An operation: one request, answered by one response or one error.
pub trait Operation: Send + Sync + 'static {
    /// Absolute shape ID of the service, such as `aws.greengrass#GreengrassCoreIPC`.
    const SERVICE: &'static str;
    /// Absolute shape ID of the operation: the value of the `operation` header.
    const ID: &'static str;
    /// The request, which the client sends.
    type Request: Shape;
    /// The response, which the server sends.
    type Response: Shape;
    /// The errors that the model declares for this operation.
    type Error: OperationError;

    /// What the caller can do about an error of the service, such as the policy that would allow a denied call.
    fn hint(request: &Self::Request, error: &Self::Error) -> Option<String> {
        let _ = (request, error);
        None
    }
}

/// An operation that keeps its stream open after the response.
pub trait StreamingOperation: Operation {
    /// The events that the client sends; [`NoEvents`] if the model has none.
    type RequestEvent: Shape;
    /// The events that the server sends; [`NoEvents`] if the model has none.
    type ResponseEvent: Shape;
    /// The members of the response event that are errors and end the stream: their names and absolute shape IDs.
    const ERROR_EVENTS: &'static [(&'static str, &'static str)] = &[];
}

/// The event type for a direction in which a stream has no events. It has no values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum NoEvents {}

impl Shape for NoEvents {
    const ID: &'static str = "";
}
