//! What came of each step of a session.

use eventstream_rpc::error::{ConnectError, ConnectionError, OperationError, SdkError};

/// The result of a step in words, or what went wrong.
pub(crate) type Outcome = Result<String, Failure>;

/// How a step failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// With an error that says that the connection is the reason; the text is the error and its causes.
    Connection(String),
    /// With the error of a deadline.
    Deadline(String),
    /// It waited for an event for longer than anyone should have to.
    NoEvent,
    /// It was not tried, because an earlier step that it needs had failed.
    Skipped,
    /// With anything else: no fault of the wire may look like that.
    Wrong(String),
}

/// What an error of a call, or in the place of an event, means.
pub(crate) fn of_call<E: OperationError>(error: SdkError<E>) -> Outcome {
    let text = error.with_sources().to_string();
    match error {
        SdkError::DispatchFailure { .. } => Err(Failure::Connection(text)),
        SdkError::Timeout { .. } => Err(Failure::Deadline(text)),
        // The service says so, and that may be what it is asked for.
        SdkError::ServiceError(_) => Ok(text),
        _ => Err(Failure::Wrong(text)),
    }
}

/// What an error of connecting means.
pub(crate) fn of_connect(error: &ConnectError) -> Failure {
    let text = error.with_sources().to_string();
    match error {
        ConnectError::ClosedDuringHandshake | ConnectError::Handshake(_) => {
            Failure::Connection(text)
        }
        ConnectError::HandshakeTimeout { .. } => Failure::Deadline(text),
        _ => Failure::Wrong(text),
    }
}

/// What the end of a connection means.
pub(crate) fn of_connection(result: Result<(), ConnectionError>) -> Outcome {
    match result {
        Ok(()) => Ok(String::new()),
        Err(error) => Err(Failure::Connection(error.with_sources().to_string())),
    }
}
