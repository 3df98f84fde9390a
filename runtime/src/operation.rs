//! What generated code tells the runtime about a service: its shapes, operations and errors.
//!
//! Everything here is a type or a constant. What is common to all operations lives in the client and
//! the server, which are generic over these traits.

use std::{any::Any, error::Error as StdError};

use ::serde::{Serialize, de::DeserializeOwned};

use crate::{error::Unhandled, serde};

/// A structure or union of the model that travels as a JSON payload.
pub trait Shape: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Absolute shape ID, such as `aws.greengrass#PublishToTopicRequest`: the value of the
    /// `service-model-type` header.
    const ID: &'static str;

    /// The shape as JSON text, with blobs in base64 as they travel.
    ///
    /// Serializing with `serde_json` directly writes a blob as an array of numbers: the base64 form
    /// belongs to the protocol, not to the type.
    ///
    /// # Errors
    ///
    /// A value that has no JSON form: an unknown union member, a number that is not finite, or a time outside the
    /// years 0 to 9999 where it travels as text.
    fn to_json(&self) -> Result<String, serde::Error> {
        serde::to_string(self)
    }

    /// Tells a checker what the model asks for (`length`, `range`, `pattern`, `uniqueItems`). Generated for
    /// requests, and for what they hold, where the model asks for anything.
    fn check<'v>(&'v self, it: &mut serde::Checker<'v>) {
        let _ = it;
    }
}

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, ::serde::Serialize, ::serde::Deserialize)]
pub enum NoEvents {}

impl Shape for NoEvents {
    const ID: &'static str = "";
}

/// Who is to blame for an error: the value of the `smithy.api#error` trait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The request cannot succeed as it is.
    Client,
    /// The service could not serve the request.
    Server,
}

/// An error structure of the model.
///
/// Generated code implements it; [`ModeledError`] is the view of it that fits behind a pointer.
pub trait ErrorShape: Shape + StdError + Clone {
    /// The value of the `smithy.api#error` trait.
    const FAULT: Fault;
    /// Whether the model marks the error `smithy.api#retryable`.
    const RETRYABLE: bool;
    /// Whether the model says of the `smithy.api#retryable` error that the client sends too much.
    const THROTTLING: bool = false;

    /// The text of the modelled `message` member, if there is any.
    fn message(&self) -> Option<&str>;
}

/// Any [`ErrorShape`], behind a pointer.
pub trait ModeledError: StdError + Send + Sync {
    /// Absolute shape ID: the value of the `service-model-type` header.
    fn shape_id(&self) -> &'static str;

    /// The shape's name without its namespace, such as `UnauthorizedError`: what a server sends as
    /// `_errorCode`.
    fn code(&self) -> &'static str {
        crate::error::shape_name(self.shape_id())
    }

    /// The text of the modelled `message` member, if there is any.
    fn message(&self) -> Option<&str>;

    /// Who is to blame.
    fn fault(&self) -> Fault;

    /// Whether the model says that the same request may succeed later.
    fn is_retryable(&self) -> bool;

    /// Whether the model says that the client sends too much.
    fn is_throttling(&self) -> bool;

    /// The modelled members as a JSON object.
    ///
    /// # Errors
    ///
    /// A value that has no JSON form.
    fn to_payload(&self) -> Result<Vec<u8>, serde::Error>;

    /// The error as a value that can be downcast to its own type.
    fn as_any(&self) -> &dyn Any;
}

impl<E: ErrorShape> ModeledError for E {
    fn shape_id(&self) -> &'static str {
        E::ID
    }

    fn message(&self) -> Option<&str> {
        ErrorShape::message(self)
    }

    fn fault(&self) -> Fault {
        E::FAULT
    }

    fn is_retryable(&self) -> bool {
        E::RETRYABLE
    }

    fn is_throttling(&self) -> bool {
        E::THROTTLING
    }

    fn to_payload(&self) -> Result<Vec<u8>, serde::Error> {
        serde::to_vec(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The errors that one operation declares, and [`Unhandled`] for the rest.
pub trait OperationError: StdError + From<Unhandled> + Send + Sync + 'static {
    /// Decodes the error that `service-model-type` names; `None` if the operation does not declare it.
    fn from_payload(shape_id: &str, payload: &[u8]) -> Option<Result<Self, serde::Error>>;

    /// The declared error, or what the model does not declare here.
    fn as_modeled(&self) -> Result<&dyn ModeledError, &Unhandled>;
}
