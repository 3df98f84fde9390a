//! Errors of connecting.

use std::{error::Error as StdError, io, sync::Arc, time::Duration};

use thiserror::Error;

use super::ConnectionError;

/// Why connecting failed.
///
/// It is `Clone` because a [`LifecycleHandler`](crate::client::LifecycleHandler) receives it too.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// An environment variable that names the socket or the token is not set, or is not UTF-8.
    ///
    /// A Greengrass nucleus sets both for the processes of a component's lifecycle steps.
    #[error(
        "the environment variable {name} is not set: the nucleus sets it for its components; elsewhere set it, or \
         name socket and token when building the connection"
    )]
    MissingVariable {
        /// The variable's name.
        name: &'static str,
    },
    /// No address was configured.
    #[error("there is no address to connect to: set a socket path or a TCP address")]
    NoAddress,
    /// The token provider failed.
    #[error("the token provider failed")]
    Token(#[source] Arc<dyn StdError + Send + Sync>),
    /// The connect message does not fit the limits of the protocol.
    #[error("the connect message could not be built")]
    Build(#[source] Arc<super::BuildError>),
    /// The socket could not be opened.
    #[error("the socket {address} could not be opened{}", hint(source))]
    Socket {
        /// The path, or host and port.
        address: String,
        /// The error of the operating system.
        source: Arc<io::Error>,
    },
    /// Opening the socket took too long.
    #[error("the socket {address} could not be opened within {after:?}")]
    SocketTimeout {
        /// The path, or host and port.
        address: String,
        /// The time that was allowed.
        after: Duration,
    },
    /// The server accepted the socket and then did not answer the connect message in time.
    #[error("the server did not answer the connect message within {after:?}")]
    HandshakeTimeout {
        /// The time that was allowed.
        after: Duration,
    },
    /// The server refused the connect message: the token is wrong, or no longer valid.
    ///
    /// A nucleus issues new tokens when it restarts.
    #[error("the server refused the connection: is the token valid?")]
    Rejected,
    /// The server closed the socket without answering the connect message.
    ///
    /// Nucleus lite refuses a token in this way. A refusal by the Java nucleus sometimes ends like this too: it can be
    /// lost when the server closes immediately after it.
    #[error(
        "the server closed the socket instead of answering the connect message: is the token valid?"
    )]
    ClosedDuringHandshake,
    /// The handshake failed for another reason.
    #[error("the handshake failed")]
    Handshake(#[source] ConnectionError),
    /// There is no running tokio runtime with its I/O and time drivers, which connecting needs.
    #[error("there is no tokio runtime with I/O and time enabled: connect from within one")]
    NoRuntime,
}

/// What usually causes a failure to open a socket.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => ": it does not exist; is the nucleus running?",
        io::ErrorKind::ConnectionRefused => ": no process listens on it",
        io::ErrorKind::PermissionDenied => ": this user may not use it",
        _ => "",
    }
}
