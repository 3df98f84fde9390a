//! Errors as they travel.

use serde_json::{Map, Value};

use crate::{
    error::Unhandled,
    operation::{ErrorShape, ModeledError, OperationError},
    protocol::{JSON, server::ErrorMessage},
};

/// An error in the place of a response.
#[derive(Clone, Debug)]
pub struct ErrorReply(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Modeled { shape_id: &'static str, code: &'static str, text: Option<String>, members: Vec<u8> },
    Unhandled(Box<Unhandled>),
}

impl ErrorReply {
    /// An error of the model, whether the operation declares it or not.
    pub fn modeled(error: &impl ErrorShape) -> Self {
        Self::of(error)
    }

    /// A failure that the model has no error for.
    pub fn internal() -> Self {
        Unhandled::internal().into()
    }

    fn of(error: &dyn ModeledError) -> Self {
        match error.to_payload() {
            Ok(members) => Self(Kind::Modeled {
                shape_id: error.shape_id(),
                code: error.code(),
                text: error.message().map(str::to_owned),
                members,
            }),
            // An error that cannot be written is a failure by itself.
            Err(_) => Self::internal(),
        }
    }

    pub(super) fn of_operation(error: &impl OperationError) -> Self {
        match error.as_modeled() {
            Ok(modeled) => Self::of(modeled),
            Err(unhandled) => unhandled.clone().into(),
        }
    }

    /// The message, with what every error of a service carries beside its own members.
    pub(super) fn to_message(&self, service_id: &str) -> ErrorMessage {
        match &self.0 {
            Kind::Unhandled(error) => (&**error).into(),
            Kind::Modeled { shape_id, code, text, members } => {
                let mut object: Map<String, Value> =
                    serde_json::from_slice(members).unwrap_or_default();
                object.insert("_service".to_owned(), service_id.into());
                object.insert("_errorCode".to_owned(), (*code).into());
                object.insert("_message".to_owned(), text.clone().unwrap_or_default().into());
                ErrorMessage {
                    service_model_type: Some((*shape_id).to_owned()),
                    content_type: JSON.to_owned(),
                    payload: Value::from(object).to_string().into(),
                }
            }
        }
    }
}

impl From<Unhandled> for ErrorReply {
    fn from(error: Unhandled) -> Self {
        Self(Kind::Unhandled(Box::new(error)))
    }
}
