//! Why a request about a shadow is rejected.

use std::borrow::Cow;

use eventstream_rpc::error::Unhandled;
use greengrass_core_ipc::types::error::{ConflictError, ResourceNotFoundError, ServiceError};

use crate::service::{failed, invalid};

/// A rejected request: what the caller receives as an error, and subscribers as a message.
#[derive(Debug)]
pub(super) struct Rejection {
    pub(super) kind: Kind,
    pub(super) text: Cow<'static, str>,
    /// The client token of the request, once this is checked.
    pub(super) client_token: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Invalid,
    NotFound,
    Conflict,
    TooLarge,
    Internal,
}

impl Rejection {
    pub(super) fn new(kind: Kind, text: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, text: text.into(), client_token: None }
    }

    /// The code and the text of the message to subscribers.
    pub(super) fn message(&self) -> (u16, &str) {
        match self.kind {
            Kind::Invalid => (400, &self.text),
            Kind::NotFound => (404, &self.text),
            Kind::Conflict => (409, &self.text),
            Kind::TooLarge => (413, &self.text),
            Kind::Internal => (500, "Internal service failure"),
        }
    }
}

impl From<ServiceError> for Rejection {
    fn from(error: ServiceError) -> Self {
        Self::new(Kind::Internal, error.message.unwrap_or_default())
    }
}

impl From<Rejection> for Unhandled {
    fn from(Rejection { kind, text, .. }: Rejection) -> Self {
        let text = &*text;
        match kind {
            Kind::Invalid | Kind::TooLarge => Self::undeclared(&invalid(text)),
            Kind::NotFound => {
                let error = ResourceNotFoundError::builder().message(text).resource_type("shadow");
                Self::undeclared(&error.build())
            }
            Kind::Conflict => Self::undeclared(&ConflictError::builder().message(text).build()),
            Kind::Internal => Self::undeclared(&failed(text)),
        }
    }
}
