//! Errors as they travel.

use serde_json::{Map, Value};

use crate::error::{ErrorShape, OperationError, Unhandled};

/// An error in the place of a response.
#[derive(Clone, Debug)]
pub struct ErrorReply(Unhandled);

impl ErrorReply {
    /// An error of the model, whether the operation declares it or not.
    pub fn modeled(error: &impl ErrorShape) -> Self {
        Self(Unhandled::undeclared(error))
    }

    /// A failure that the model has no error for.
    pub fn internal() -> Self {
        Self(Unhandled::internal())
    }

    pub(super) fn of_operation(error: &impl OperationError) -> Self {
        Self(error.metadata().to_unhandled())
    }

    /// The message. One of the model carries, beside its own members, what every error of a service does.
    pub(super) fn to_message(&self, service_id: &str) -> Unhandled {
        let Self(error) = self;
        let (Some(_), Some(code)) = (error.shape_id(), error.code()) else {
            return error.clone();
        };
        let mut members: Map<String, Value> =
            serde_json::from_slice(error.payload()).unwrap_or_default();
        members.insert("_service".to_owned(), service_id.into());
        members.insert("_errorCode".to_owned(), code.into());
        members.insert("_message".to_owned(), error.message().unwrap_or_default().into());
        let payload = Value::from(members).to_string().into();
        Unhandled::from_reply(error.shape_id(), error.content_type(), payload)
    }
}

impl From<Unhandled> for ErrorReply {
    fn from(error: Unhandled) -> Self {
        Self(error)
    }
}
