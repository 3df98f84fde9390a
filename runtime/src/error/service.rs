//! Error replies that the model does not declare for the operation.

use std::{any::Any, fmt};

use bytes::Bytes;
#[cfg(feature = "server")]
use serde_json::{Map, Value};

use super::{ErrorMembers, ErrorMetadata, ErrorShape, error_from_slice, fmt_error, shape_name};
use crate::json;

/// An error that the model does not declare for the operation, or that does not have the modelled form.
///
/// Both Greengrass nuclei return modelled errors from operations that do not list them; [`decode`](Self::decode)
/// reads those. They also report internal failures without a modelled error.
#[derive(Clone, PartialEq, Eq)]
pub struct Unhandled(Box<Reply>);

/// The reply that carried the error. It is boxed because every operation's error contains it by value.
#[derive(Clone, PartialEq, Eq)]
struct Reply {
    shape_id: Option<String>,
    code: Option<String>,
    message: Option<String>,
    content_type: Option<String>,
    payload: Bytes,
}

impl Unhandled {
    /// The content type of the unmodelled errors that carry plain text.
    pub(crate) const TEXT: &'static str = "text/plain";
    /// The content type of everything else.
    pub(crate) const JSON: &'static str = "application/json";

    /// An internal failure of the server, for which the model has no error.
    ///
    /// On the wire it is what the Java server framework sends: the text `InternalServerError`.
    pub fn internal() -> Self {
        let text = Bytes::from_static(b"InternalServerError");
        Self::from_reply(None, Some(Self::TEXT), text)
    }

    /// The error for an operation that the service does not implement.
    ///
    /// On the wire it is what the Java server framework sends for an operation that is not in its
    /// model: a JSON object with the members `error` and `message`, and no shape.
    pub fn not_implemented(operation_id: &str) -> Self {
        let message = format!("operation {operation_id} is not implemented by this service");
        let members = serde_json::json!({ "error": "Unsupported Operation", "message": message });
        Self::from_reply(None, Some(Self::JSON), members.to_string().into())
    }

    /// A modelled error that the operation does not declare. A handler may return it anyway, as both Greengrass
    /// nuclei do.
    pub fn undeclared<E: ErrorShape>(error: &E) -> Self {
        // An error that has no JSON form is reported as an internal failure.
        let Ok(payload) = json::to_vec(error) else { return Self::internal() };
        let mut reply = Self::from_reply(Some(E::ID), Some(Self::JSON), payload.into());
        reply.0.message = ErrorShape::message(error).map(str::to_owned);
        reply
    }

    /// Reads an error reply that the operation does not declare.
    ///
    /// The message is the first of `message` and `_message` that is not empty; the code is the shape's
    /// name, else `_errorCode`, else `error`. A payload that is not a JSON object has no code; it is the message
    /// if the content type is `text/plain`.
    pub fn from_reply(shape_id: Option<&str>, content_type: Option<&str>, payload: Bytes) -> Self {
        let members = ErrorMembers::read(&payload);
        let is_text = content_type.is_some_and(|it| it.starts_with(Self::TEXT));
        let text = || is_text.then(|| String::from_utf8_lossy(&payload).into_owned());
        Self(Box::new(Reply {
            code: shape_id.map(|id| shape_name(id).to_owned()).or(members.code).or(members.error),
            message: members.message.or_else(text),
            shape_id: shape_id.map(str::to_owned),
            content_type: content_type.map(str::to_owned),
            payload,
        }))
    }

    /// The absolute shape ID that the reply named, if any.
    pub fn shape_id(&self) -> Option<&str> {
        self.0.shape_id.as_deref()
    }

    /// The short name of the error, such as `InvalidArgumentsError`.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The text that the server sent, if any.
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// The content type of the reply, such as `application/json` or `text/plain`.
    pub fn content_type(&self) -> Option<&str> {
        self.0.content_type.as_deref()
    }

    /// The reply's payload as it arrived. It is not in `Debug` or `Display`.
    pub fn payload(&self) -> &[u8] {
        &self.0.payload
    }

    /// This error with the members that every error of a model has on the wire: `_service`, `_errorCode` and `_message`.
    /// Other errors are not changed.
    #[cfg(feature = "server")]
    pub(crate) fn with_service_members(&self, service_id: &str) -> Self {
        let (Some(shape), Some(code)) = (self.shape_id(), self.code()) else { return self.clone() };
        let mut members: Map<String, Value> =
            serde_json::from_slice(self.payload()).unwrap_or_default();
        members.insert("_service".to_owned(), service_id.into());
        members.insert("_errorCode".to_owned(), code.into());
        members.insert("_message".to_owned(), self.message().unwrap_or_default().into());
        let payload = Value::from(members).to_string().into();
        Self::from_reply(Some(shape), self.content_type(), payload)
    }

    /// Reads the reply as the modelled error `T`, if it is one.
    ///
    /// A reply without a shape, as a server may send it, counts as `T` if its code is `T`'s name.
    pub fn decode<T: ErrorShape>(&self) -> Option<T> {
        let named = match &self.0.shape_id {
            Some(id) => id == T::ID,
            None => self.0.code.as_deref() == Some(shape_name(T::ID)),
        };
        if named { error_from_slice(&self.0.payload).ok() } else { None }
    }
}

impl fmt::Debug for Unhandled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unhandled")
            .field("shape_id", &self.0.shape_id)
            .field("code", &self.0.code)
            .field("message", &self.0.message)
            .field("content_type", &self.0.content_type)
            .field("payload_len", &self.0.payload.len())
            .finish()
    }
}

impl fmt::Display for Unhandled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_error(f, self.code().unwrap_or("error without a code"), self.message())
    }
}

impl std::error::Error for Unhandled {}

impl ErrorMetadata for Unhandled {
    fn code(&self) -> Option<&str> {
        self.code()
    }

    fn message(&self) -> Option<&str> {
        self.message()
    }

    fn to_unhandled(&self) -> Unhandled {
        self.clone()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
