//! The text of errors in logs.

use std::{fmt, io};

use super::{ConnectError, ConnectionError, OperationError, SdkError, Unhandled};

/// Writes what a log may contain of an error: its kind, lengths and names from the model, but no text from the
/// peer or the application.
///
/// The matches have no wildcard, so that the author of a new variant has to decide about it.
pub(crate) struct Logged<'a, E>(pub(crate) &'a E);

impl fmt::Display for Logged<'_, ConnectionError> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ConnectionError::PeerError { internal, message } => {
                f.write_str(ConnectionError::peer_error(*internal))?;
                match message {
                    Some(message) => write!(f, ", with a text of {} bytes", message.len()),
                    None => Ok(()),
                }
            }
            ConnectionError::Io(source) => write!(f, "{}: {}", self.0, Logged(&**source)),
            ConnectionError::Decode(source) => write!(f, "{}: {source}", self.0),
            ConnectionError::Encode(source) => write!(f, "{}: {source}", self.0),
            ConnectionError::Closed
            | ConnectionError::ClosedByPeer
            | ConnectionError::Protocol(_)
            | ConnectionError::FrameTimeout { .. }
            | ConnectionError::StreamIdsUsedUp
            | ConnectionError::RuntimeStopped
            | ConnectionError::Reconnecting
            | ConnectionError::ReconnectFailed(_)
            | ConnectionError::ReconnectRejected(_) => self.0.fmt(f),
        }
    }
}

impl fmt::Display for Logged<'_, ConnectError> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ConnectError::Socket { source, .. } => {
                write!(f, "the socket could not be opened: {}", Logged(&**source))
            }
            ConnectError::SocketTimeout { after, .. } => {
                write!(f, "the socket could not be opened within {after:?}")
            }
            ConnectError::Build(source) => write!(f, "{}: {source}", self.0),
            ConnectError::Handshake(source) => write!(f, "{}: {}", self.0, Logged(source)),
            ConnectError::MissingVariable { .. }
            | ConnectError::NoAddress
            | ConnectError::Token(_)
            | ConnectError::HandshakeTimeout { .. }
            | ConnectError::Rejected
            | ConnectError::ClosedDuringHandshake
            | ConnectError::NoRuntime => self.0.fmt(f),
        }
    }
}

impl<E: OperationError> fmt::Display for Logged<'_, SdkError<E>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            SdkError::DispatchFailure { source, .. } => {
                write!(f, "{}: {}", self.0, Logged(source))
            }
            SdkError::ServiceError { error, .. } => match error.metadata() {
                error if error.as_any().is::<Unhandled>() => {
                    f.write_str("the service answered with an error that is not declared")
                }
                error => {
                    write!(f, "the service answered with {}", error.code().unwrap_or_default())
                }
            },
            SdkError::ConstructionFailure(_) => f.write_str("the request could not be built"),
            SdkError::ResponseError(_)
            | SdkError::Timeout { .. }
            | SdkError::Lagged { .. }
            | SdkError::StreamEnded => self.0.fmt(f),
        }
    }
}

impl fmt::Display for Logged<'_, io::Error> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only errors of the operating system have a text that cannot come from the application.
        match self.0.raw_os_error() {
            Some(_) => self.0.fmt(f),
            None => self.0.kind().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "SECRET\n2026-01-01 ERROR forged";

    #[track_caller]
    fn check<E>(error: &E, expected: &str)
    where
        for<'a> Logged<'a, E>: fmt::Display,
    {
        assert_eq!(Logged(error).to_string(), expected);
    }

    fn peer_error() -> ConnectionError {
        ConnectionError::PeerError { internal: false, message: Some(TEXT.to_owned()) }
    }

    #[test]
    fn logs_have_the_kind_and_no_text_of_others() {
        check(&peer_error(), "the other side reported a protocol error, with a text of 30 bytes");
        check(
            &ConnectError::Handshake(peer_error()),
            "the handshake failed: the other side reported a protocol error, with a text of 30 bytes",
        );
        let source = io::Error::new(io::ErrorKind::NotFound, TEXT);
        check(
            &ConnectError::Socket { address: TEXT.to_owned(), source: source.into() },
            "the socket could not be opened: entity not found",
        );
        check(
            &ConnectionError::from(io::Error::other(TEXT)),
            "reading from or writing to the socket failed: other error",
        );
        let source = Box::<dyn std::error::Error + Send + Sync>::from(TEXT);
        check(&ConnectError::Token(source.into()), "the token provider failed");
    }
}
