//! Why a call failed.

use thiserror::Error;

use super::{ConnectionError, EncodeError, OperationError, ServiceErrorRef, escaped::Escaped};
use crate::json;

/// Why a call, or a subscription, failed.
///
/// `E` is the operation's own error type.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SdkError<E> {
    /// The request was never sent: a required member is missing or a value cannot be encoded.
    #[error("the request could not be built")]
    ConstructionFailure(#[from] BuildError),
    /// The connection ended before the response, or there was none.
    #[error("the connection failed {} the request was written", when(*request_written))]
    #[non_exhaustive]
    DispatchFailure {
        /// Why the connection ended.
        source: ConnectionError,
        /// Whether the request had been handed to the socket. The service cannot have acted on it
        /// otherwise.
        request_written: bool,
    },
    /// No response arrived in time. The stream has been terminated.
    #[error("no response in time; it ran out {} the request was written", when(*request_written))]
    #[non_exhaustive]
    Timeout {
        /// Whether the request had been queued for the socket. If not, there was no room for it in time,
        /// or no connection, and the service cannot have acted on it.
        request_written: bool,
    },
    /// A reply, or an event, was not what the model says.
    #[error("the reply is not what the model says")]
    ResponseError(#[from] ResponseError),
    /// The service answered with an error.
    #[error("the service answered with an error")]
    ServiceError(#[source] E),
    /// The subscriber was too slow for its queue, and the subscription has ended. What was queued before has been
    /// delivered, except when the queue was full before the response came: then nothing has.
    ///
    /// The server is told to end the stream as soon as the queue is full, and the protocol has no answer to that.
    /// So the figures cover the events that have arrived until this error was read, and not those that the
    /// service would have sent if the stream had stayed open.
    #[error(
        "the subscriber was too slow for its queue: at least {dropped} events ({bytes} bytes) were not delivered"
    )]
    #[non_exhaustive]
    Lagged {
        /// How many events were not delivered, at least.
        dropped: u64,
        /// The sum of their payloads in bytes.
        bytes: u64,
    },
    /// The stream to which an event was to be sent has ended, and the event was not sent. The connection may be
    /// well.
    #[error("the stream has ended, and the event was not sent")]
    StreamEnded,
}

fn when(request_written: bool) -> &'static str {
    if request_written { "after" } else { "before" }
}

impl<E> SdkError<E> {
    /// Whether the call ended because its time was up.
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
            | Self::ServiceError(_)
            | Self::Lagged { .. }
            | Self::StreamEnded => false,
        }
    }

    /// The service's error, or the other failure back.
    ///
    /// # Errors
    ///
    /// `self`, if the service did not answer with an error.
    pub fn into_service_error(self) -> Result<E, Self> {
        match self {
            Self::ServiceError(error) => Ok(error),
            other => Err(other),
        }
    }
}

impl<E: OperationError> SdkError<E> {
    /// The error that the service answered with, declared for the operation or not.
    pub fn service_error(&self) -> Option<ServiceErrorRef<'_>> {
        match self {
            Self::ServiceError(error) => Some(ServiceErrorRef::new(error)),
            _ => None,
        }
    }

    /// The short name of the service's error, such as `UnauthorizedError`.
    pub fn code(&self) -> Option<&str> {
        self.service_error()?.code()
    }

    /// The text that the service gave with its error.
    pub fn message(&self) -> Option<&str> {
        self.service_error()?.message()
    }

    /// Whether the same request may succeed later: the model says so of the service's error, or the
    /// request was not written.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::ServiceError(error) => ServiceErrorRef::new(error).is_retryable(),
            Self::DispatchFailure { request_written, .. } | Self::Timeout { request_written } => {
                !request_written
            }
            _ => false,
        }
    }

    /// Whether the model says of the service's error that the client sends too much, and should wait before
    /// it tries again.
    pub fn is_throttling(&self) -> bool {
        self.service_error().is_some_and(|it| it.is_throttling())
    }
}

/// A request, or a value in it, that cannot be sent.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct BuildError(BuildErrorKind);

#[derive(Debug, Error)]
enum BuildErrorKind {
    #[error("{shape_id}${member} is required and was not set")]
    MissingMember { shape_id: &'static str, member: &'static str },
    #[error("a value in {shape_id} has no JSON form")]
    Serialize { shape_id: &'static str, source: json::Error },
    #[error("the message does not fit the limits of the protocol")]
    Encode { source: EncodeError },
    #[error("the message takes {len} bytes and this connection sends at most {limit}")]
    FrameTooLong { len: usize, limit: usize },
    #[error("{shape_id} is not what the model asks for")]
    Invalid { shape_id: &'static str, source: json::Violations },
}

impl BuildError {
    /// The required member `member` of `shape_id` was not set.
    #[doc(hidden)]
    pub const fn missing_member(shape_id: &'static str, member: &'static str) -> Self {
        Self(BuildErrorKind::MissingMember { shape_id, member })
    }

    /// A value in `shape_id` has no JSON form.
    pub fn serialize(shape_id: &'static str, source: json::Error) -> Self {
        Self(BuildErrorKind::Serialize { shape_id, source })
    }

    /// Values in `shape_id` are not what the model asks for.
    pub fn invalid(shape_id: &'static str, source: json::Violations) -> Self {
        Self(BuildErrorKind::Invalid { shape_id, source })
    }

    /// The members that are not what the model asks for, if that is why.
    pub fn violations(&self) -> &[json::Violation] {
        match &self.0 {
            BuildErrorKind::Invalid { source, .. } => source,
            _ => &[],
        }
    }

    /// The message does not fit the limits of the event-stream encoding.
    pub fn encode(source: EncodeError) -> Self {
        Self(BuildErrorKind::Encode { source })
    }

    /// The message is longer than this connection may send; both figures in bytes.
    pub const fn frame_too_long(len: usize, limit: usize) -> Self {
        Self(BuildErrorKind::FrameTooLong { len, limit })
    }
}

/// A reply or an event that is not what the model says.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct ResponseError(ResponseErrorKind);

#[derive(Debug, Error)]
enum ResponseErrorKind {
    #[error("expected {expected} and received {}", Escaped(actual))]
    UnexpectedShape { expected: &'static str, actual: String },
    #[error("the server ended the stream without a response")]
    NoResponse,
    #[error("the payload is not the JSON of {}", Escaped(shape_id))]
    Payload { shape_id: String, source: json::Error },
}

impl ResponseError {
    /// The message named another shape than the one that belongs here.
    pub fn unexpected_shape(expected: &'static str, actual: impl Into<String>) -> Self {
        Self(ResponseErrorKind::UnexpectedShape { expected, actual: actual.into() })
    }

    /// The server ended the stream instead of answering.
    pub const fn no_response() -> Self {
        Self(ResponseErrorKind::NoResponse)
    }

    /// The payload is not the JSON of `shape_id`.
    pub fn payload(shape_id: impl Into<String>, source: json::Error) -> Self {
        Self(ResponseErrorKind::Payload { shape_id: shape_id.into(), source })
    }
}
