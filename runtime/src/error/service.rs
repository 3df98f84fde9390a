//! Errors that a service answered with.

use std::fmt;

use bytes::Bytes;

use super::{ErrorMembers, ErrorShape, ModeledError, OperationError, error_from_slice, shape_name};

/// An error that the model does not declare for the operation, or that cannot be read as the model says.
///
/// Services do answer with such errors: both Greengrass nuclei return modelled errors from operations
/// that do not list them ([`decode`](Self::decode) reads those), and report internal failures without
/// a modelled error at all.
#[derive(Clone, PartialEq, Eq)]
pub struct Unhandled(Box<Reply>);

/// Behind a box, because every operation's error and every `Result` of a handler is as large as this.
#[derive(Clone, Default, PartialEq, Eq)]
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

    /// The server failed in a way that the model has no error for.
    ///
    /// On the wire it is what the Java server framework sends: the text `InternalServerError`.
    pub fn internal() -> Self {
        let text = "InternalServerError";
        Self(Box::new(Reply {
            message: Some(text.to_owned()),
            content_type: Some(Self::TEXT.to_owned()),
            payload: text.into(),
            ..Reply::default()
        }))
    }

    /// The service does not implement the operation.
    ///
    /// On the wire it is what the Java server framework sends for an operation that is not in its
    /// model: a JSON object with the members `error` and `message`, and no shape.
    pub fn not_implemented(operation_id: &str) -> Self {
        let error = "Unsupported Operation";
        let message = format!("operation {operation_id} is not implemented by this service");
        let payload = serde_json::json!({ "error": error, "message": message }).to_string();
        Self(Box::new(Reply {
            code: Some(error.to_owned()),
            message: Some(message),
            content_type: Some(Self::JSON.to_owned()),
            payload: payload.into(),
            ..Reply::default()
        }))
    }

    /// An error of the model that the operation does not declare: a handler may return it all the same, as
    /// both Greengrass nuclei do.
    pub fn undeclared(error: &impl ErrorShape) -> Self {
        Self::of_modeled(error)
    }

    pub(crate) fn of_modeled(error: &dyn ModeledError) -> Self {
        // An error that cannot be written is a failure by itself.
        let Ok(payload) = error.to_payload() else { return Self::internal() };
        Self(Box::new(Reply {
            shape_id: Some(error.shape_id().to_owned()),
            code: Some(error.code().to_owned()),
            message: error.message().map(str::to_owned),
            content_type: Some(Self::JSON.to_owned()),
            payload: payload.into(),
        }))
    }

    /// Reads an error reply that the operation does not declare.
    ///
    /// The text is the first that is not empty of `message` and `_message`; the code is the shape's
    /// name, else `_errorCode`, else `error`. A payload that is not a JSON object gives no code, and
    /// its text only if the reply said `text/plain`.
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

    /// The absolute shape ID that the reply named, if it named one.
    pub fn shape_id(&self) -> Option<&str> {
        self.0.shape_id.as_deref()
    }

    /// A short name of the error, such as `InvalidArgumentsError`.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The text that the server gave, if it is not empty.
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
        f.write_str(self.code().unwrap_or("error without a code"))?;
        match self.message() {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Unhandled {}

/// An error that the service answered with, whether the operation declares it or not.
///
/// [`SdkError::service_error`](super::SdkError::service_error) gives it.
#[derive(Clone, Copy)]
pub struct ServiceErrorRef<'a>(Result<&'a dyn ModeledError, &'a Unhandled>);

impl<'a> ServiceErrorRef<'a> {
    /// The view of an operation's error.
    pub(super) fn new(error: &'a impl OperationError) -> Self {
        Self(error.as_modeled())
    }

    /// A short name of the error, such as `UnauthorizedError`.
    pub fn code(&self) -> Option<&'a str> {
        match self.0 {
            Ok(modeled) => Some(modeled.code()),
            Err(unhandled) => unhandled.code(),
        }
    }

    /// The text that the server gave, if it is not empty.
    pub fn message(&self) -> Option<&'a str> {
        match self.0 {
            Ok(modeled) => modeled.message().filter(|it| !it.is_empty()),
            Err(unhandled) => unhandled.message(),
        }
    }

    /// Whether the model says that the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.0.is_ok_and(|modeled| modeled.is_retryable())
    }

    /// Whether the model says that the client sends too much, and should wait before it tries again.
    pub fn is_throttling(&self) -> bool {
        self.0.is_ok_and(|modeled| modeled.is_throttling())
    }

    /// The error as the modelled error `T`, if it is one.
    ///
    /// It finds errors that the model does not declare for the operation, which a `match` on the
    /// operation's own enum cannot.
    pub fn decode<T: ErrorShape>(&self) -> Option<T> {
        match self.0 {
            Ok(modeled) => modeled.as_any().downcast_ref::<T>().cloned(),
            Err(unhandled) => unhandled.decode(),
        }
    }
}

impl fmt::Debug for ServiceErrorRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ok(modeled) => fmt::Debug::fmt(modeled, f),
            Err(unhandled) => fmt::Debug::fmt(unhandled, f),
        }
    }
}

impl fmt::Display for ServiceErrorRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ok(modeled) => fmt::Display::fmt(modeled, f),
            Err(unhandled) => fmt::Display::fmt(unhandled, f),
        }
    }
}
