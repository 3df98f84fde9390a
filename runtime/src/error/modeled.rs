//! What generated code tells the runtime about the errors of a service.

use std::{any::Any, error::Error as StdError};

use super::{Unhandled, shape_name};
use crate::json::{self, Shape};

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
        shape_name(self.shape_id())
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
    fn to_payload(&self) -> Result<Vec<u8>, json::Error>;

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

    fn to_payload(&self) -> Result<Vec<u8>, json::Error> {
        json::to_vec(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The errors that one operation declares, and [`Unhandled`] for the rest.
pub trait OperationError: StdError + From<Unhandled> + Send + Sync + 'static {
    /// Decodes the error that `service-model-type` names; `None` if the operation does not declare it.
    fn from_payload(shape_id: &str, payload: &[u8]) -> Option<Result<Self, json::Error>>;

    /// The declared error, or what the model does not declare here.
    fn as_modeled(&self) -> Result<&dyn ModeledError, &Unhandled>;
}
