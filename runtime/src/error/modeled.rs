//! The errors of a model: what generated code implements and what callers see.

use std::{any::Any, error::Error as StdError, fmt};

use super::{Unhandled, shape_name};
use crate::json::{self, Shape};

/// The side that caused an error: the value of the `smithy.api#error` trait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The request cannot succeed as it is.
    Client,
    /// The service could not serve the request.
    Server,
}

/// An error structure of the model. Generated code implements it.
pub trait ErrorShape: Shape + StdError + Clone {
    /// The value of the `smithy.api#error` trait.
    const FAULT: Fault;
    /// Whether the model marks the error `smithy.api#retryable`.
    const RETRYABLE: bool;
    /// Whether `smithy.api#retryable` says that the client sends too many requests.
    const THROTTLING: bool = false;

    /// The text of the modelled `message` member, if it is set.
    fn message(&self) -> Option<&str>;
}

/// An error that a service answers with: an [`ErrorShape`] or [`Unhandled`].
///
/// [`SdkError::service_error`](super::SdkError::service_error) returns it.
pub trait ErrorMetadata: StdError + Send + Sync {
    /// The short name of the error, such as `UnauthorizedError`; a server sends it as `_errorCode`.
    fn code(&self) -> Option<&str>;

    /// The text that the service sent, if it is not empty.
    fn message(&self) -> Option<&str>;

    /// Whether the model says that the same request may succeed later.
    fn is_retryable(&self) -> bool {
        false
    }

    /// Whether the model says that the client sends too many requests, and should wait before it tries again.
    fn is_throttling(&self) -> bool {
        false
    }

    /// The error as a reply: what a server sends for it.
    fn to_unhandled(&self) -> Unhandled;

    /// The error as a value that can be downcast to its own type.
    fn as_any(&self) -> &dyn Any;
}

impl<E: ErrorShape> ErrorMetadata for E {
    fn code(&self) -> Option<&str> {
        Some(shape_name(E::ID))
    }

    fn message(&self) -> Option<&str> {
        ErrorShape::message(self).filter(|it| !it.is_empty())
    }

    fn is_retryable(&self) -> bool {
        E::RETRYABLE
    }

    fn is_throttling(&self) -> bool {
        E::THROTTLING
    }

    fn to_unhandled(&self) -> Unhandled {
        Unhandled::undeclared(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl dyn ErrorMetadata {
    /// The error as the modelled error `T`, if it is one.
    ///
    /// This also finds errors that the model does not declare for the operation, which a `match` on the operation's
    /// own enum cannot.
    pub fn decode<T: ErrorShape>(&self) -> Option<T> {
        match self.as_any().downcast_ref::<Unhandled>() {
            Some(unhandled) => unhandled.decode(),
            None => self.as_any().downcast_ref::<T>().cloned(),
        }
    }
}

/// The errors that one operation declares, and [`Unhandled`] for the rest.
pub trait OperationError: StdError + From<Unhandled> + Send + Sync + 'static {
    /// Decodes the error that `service-model-type` names; `None` if the operation does not declare it.
    fn from_payload(shape_id: &str, payload: &[u8]) -> Option<Result<Self, json::Error>>;

    /// The declared error, or [`Unhandled`].
    fn metadata(&self) -> &(dyn ErrorMetadata + 'static);
}

/// Writes an error of a service for `Display`: its name and its message.
#[doc(hidden)]
pub fn fmt_error(f: &mut fmt::Formatter<'_>, name: &str, message: Option<&str>) -> fmt::Result {
    f.write_str(name)?;
    message.map_or(Ok(()), |it| write!(f, ": {it}"))
}
