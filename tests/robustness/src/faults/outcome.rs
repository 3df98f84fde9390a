//! The outcomes of the steps of a session.

use eventstream_rpc::error::{ConnectError, ConnectionError, OperationError, SdkError};

/// The result of a step as text, or its failure.
pub(crate) type Outcome = Result<String, Failure>;

/// How a step failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// An error whose cause is the connection. Contains the text of the error and its causes.
    Connection(String),
    /// An error whose cause is a deadline.
    Deadline(String),
    /// No event arrived in time.
    NoEvent,
    /// The step was skipped, because an earlier step that it depends on failed.
    Skipped,
    /// Any other error. Connection faults must not cause it.
    Wrong(String),
}

/// Classifies an error of a call or a stream.
pub(crate) fn of_call<E: OperationError>(error: SdkError<E>) -> Outcome {
    let text = error.with_sources().to_string();
    match error {
        SdkError::DispatchFailure { .. } => Err(Failure::Connection(text)),
        SdkError::Timeout { .. } => Err(Failure::Deadline(text)),
        // May be the expected result of the call.
        SdkError::ServiceError { .. } => Ok(text),
        _ => Err(Failure::Wrong(text)),
    }
}

/// Classifies an error of connecting.
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

/// The outcome of flushing or closing a connection.
pub(crate) fn of_connection(result: Result<(), ConnectionError>) -> Outcome {
    match result {
        Ok(()) => Ok(String::new()),
        Err(error) => Err(Failure::Connection(error.with_sources().to_string())),
    }
}
