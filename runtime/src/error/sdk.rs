//! Errors of calls and subscriptions.

use std::{error::Error as StdError, fmt};

use thiserror::Error;

use super::{
    ConnectionError, EncodeError, ErrorMetadata, ErrorShape, OperationError, escaped::Escaped,
};
use crate::json;

/// Why a call, or a subscription, failed.
///
/// `E` is the operation's own error type.
///
/// `Display` contains what is wrong with the request, and the error of the service with its hint; `source` returns the
/// causes of other failures.
#[derive(Debug)]
#[non_exhaustive]
pub enum SdkError<E> {
    /// The request was never sent: a required member is missing or a value cannot be encoded.
    ConstructionFailure(BuildError),
    /// The connection ended before the response, or was not open.
    #[non_exhaustive]
    DispatchFailure {
        /// Why the connection ended.
        source: ConnectionError,
        /// Whether the request had been written to the socket. If not, the service cannot have acted on it.
        request_written: bool,
    },
    /// No response arrived in time. The stream has been terminated.
    #[non_exhaustive]
    Timeout {
        /// Whether the request had been queued for the socket. If not, the queue was full or there was no
        /// connection, and the service cannot have acted on it.
        request_written: bool,
    },
    /// A reply, or an event, does not have the form that the model says.
    ResponseError(ResponseError),
    /// The service answered with an error.
    #[non_exhaustive]
    ServiceError {
        /// The error.
        error: E,
        /// What the caller can do about it, such as the policy that would allow a denied call.
        hint: Option<Box<str>>,
    },
    /// The subscriber was too slow for its queue, and the subscription has ended. What was queued before has been
    /// delivered, except when the queue was full before the response came: then nothing has.
    ///
    /// The client terminates the stream as soon as the queue is full; the protocol has no answer to that. So the
    /// figures cover the events that arrived before this error was read, and not those that the service would have
    /// sent if the stream had stayed open.
    #[non_exhaustive]
    Lagged {
        /// How many events were not delivered, at least.
        dropped: u64,
        /// The sum of their payloads in bytes.
        bytes: u64,
    },
    /// The stream to which an event was to be sent has ended, and the event was not sent. The connection may still
    /// be open.
    StreamEnded,
}

impl<E: fmt::Display> fmt::Display for SdkError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConstructionFailure(error) => {
                write!(f, "the request could not be built: {error}")
            }
            Self::DispatchFailure { request_written, .. } => {
                write!(
                    f,
                    "the connection failed {} the request was written",
                    when(*request_written)
                )
            }
            Self::Timeout { request_written } => {
                let when = when(*request_written);
                write!(f, "no response in time; the time ran out {when} the request was written")
            }
            Self::ResponseError(_) => {
                f.write_str("the reply does not have the form that the model says")
            }
            Self::ServiceError { error, hint } => {
                write!(f, "the service answered with an error: {error}")?;
                hint.iter().try_for_each(|it| write!(f, "; {it}"))
            }
            Self::Lagged { dropped, bytes } => write!(
                f,
                "the subscriber was too slow for its queue: at least {dropped} events ({bytes} bytes) were not \
                 delivered"
            ),
            Self::StreamEnded => f.write_str("the stream has ended, and the event was not sent"),
        }
    }
}

impl<E: StdError + 'static> StdError for SdkError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            // `Display` contains the error itself.
            Self::ConstructionFailure(error) => error.source(),
            Self::ServiceError { error, .. } => error.source(),
            Self::DispatchFailure { source, .. } => Some(source),
            Self::ResponseError(error) => Some(error),
            Self::Timeout { .. } | Self::Lagged { .. } | Self::StreamEnded => None,
        }
    }
}

impl<E> From<BuildError> for SdkError<E> {
    fn from(error: BuildError) -> Self {
        Self::ConstructionFailure(error)
    }
}

impl<E> From<ResponseError> for SdkError<E> {
    fn from(error: ResponseError) -> Self {
        Self::ResponseError(error)
    }
}

fn when(request_written: bool) -> &'static str {
    if request_written { "after" } else { "before" }
}

impl<E> SdkError<E> {
    /// Whether the call timed out.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }

    /// Whether the service may have acted on the request although no response arrived.
    ///
    /// `false` means that it is safe to send the request again.
    pub fn is_ambiguous(&self) -> bool {
        match self {
            Self::DispatchFailure { request_written, .. } | Self::Timeout { request_written } => {
                *request_written
            }
            Self::ResponseError(_) => true,
            Self::ConstructionFailure(_)
            | Self::ServiceError { .. }
            | Self::Lagged { .. }
            | Self::StreamEnded => false,
        }
    }

    /// The service's error.
    ///
    /// # Errors
    ///
    /// `self`, if it is another failure.
    pub fn into_service_error(self) -> Result<E, Self> {
        match self {
            Self::ServiceError { error, .. } => Ok(error),
            other => Err(other),
        }
    }
}

impl<E: OperationError> SdkError<E> {
    /// The error that the service answered with, declared for the operation or not.
    pub fn service_error(&self) -> Option<&(dyn ErrorMetadata + 'static)> {
        match self {
            Self::ServiceError { error, .. } => Some(error.metadata()),
            _ => None,
        }
    }

    /// Whether the service answered with the modelled error `T`, declared for the operation or not.
    pub fn is<T: ErrorShape>(&self) -> bool {
        self.service_error().is_some_and(|it| it.decode::<T>().is_some())
    }

    /// What the caller can do about the service's error, such as the policy that would allow a denied call.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::ServiceError { hint, .. } => hint.as_deref(),
            _ => None,
        }
    }

    /// The short name of the service's error, such as `UnauthorizedError`.
    pub fn code(&self) -> Option<&str> {
        self.service_error()?.code()
    }

    /// The text that the service sent with its error.
    pub fn message(&self) -> Option<&str> {
        self.service_error()?.message()
    }

    /// Whether the same request may succeed later: the model says so of the service's error, or the
    /// request was not written.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::ServiceError { error, .. } => error.metadata().is_retryable(),
            Self::DispatchFailure { request_written, .. } | Self::Timeout { request_written } => {
                !request_written
            }
            _ => false,
        }
    }

    /// Whether the model says of the service's error that the client sends too many requests, and should wait before
    /// it tries again.
    pub fn is_throttling(&self) -> bool {
        self.service_error().is_some_and(ErrorMetadata::is_throttling)
    }
}

/// Why a request or an event cannot be sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A required member was not set.
    #[error("{shape_id}${member} is required and was not set")]
    #[non_exhaustive]
    MissingMember {
        /// The absolute shape ID of the structure.
        shape_id: &'static str,
        /// The name of the member on the wire.
        member: &'static str,
    },
    /// A value has no JSON form.
    #[error("a value in {shape_id} has no JSON form")]
    #[non_exhaustive]
    Serialize {
        /// The absolute shape ID of what was to be sent.
        shape_id: &'static str,
        /// The value that has no JSON form.
        source: json::Error,
    },
    /// The message does not fit the limits of the encoding, or is longer than this connection may send.
    #[error("the message does not fit the limits of the protocol")]
    Encode(#[source] EncodeError),
    /// Members break constraints of the model, such as `length` and `range`.
    #[error("{shape_id} breaks constraints of the model")]
    #[non_exhaustive]
    Invalid {
        /// The absolute shape ID of the request.
        shape_id: &'static str,
        /// The members and the constraints that they break.
        source: json::Violations,
    },
}

impl BuildError {
    /// The required member `member` of `shape_id` was not set.
    #[doc(hidden)]
    pub const fn missing_member(shape_id: &'static str, member: &'static str) -> Self {
        Self::MissingMember { shape_id, member }
    }

    /// The members that break constraints of the model, if that is the error.
    pub fn violations(&self) -> &[json::Violation] {
        match self {
            Self::Invalid { source, .. } => source,
            _ => &[],
        }
    }
}

/// A reply or an event that does not have the form that the model says.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// The message names another shape than the expected one.
    #[error("expected {expected} and received {}", Escaped(actual))]
    #[non_exhaustive]
    UnexpectedShape {
        /// The absolute shape ID that was expected.
        expected: &'static str,
        /// The shape ID in the message.
        actual: String,
    },
    /// The server ended the stream instead of answering.
    #[error("the server ended the stream without a response")]
    NoResponse,
    /// The payload is not the JSON of the shape.
    #[error("the payload is not the JSON of {shape_id}")]
    #[non_exhaustive]
    Payload {
        /// The absolute shape ID of the expected shape.
        shape_id: &'static str,
        /// What is wrong with the payload.
        source: json::Error,
    },
}
