//! Why no connection came about.

use std::{error::Error as StdError, fmt, io, sync::Arc, time::Duration};

use super::ConnectionError;

/// Why connecting failed.
///
/// It can be cloned, because a [`LifecycleHandler`](crate::client::LifecycleHandler) is told of it as well.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// An environment variable that names the socket or the token is not set, or is not UTF-8.
    ///
    /// A Greengrass nucleus sets both for the processes of a component's lifecycle steps.
    MissingVariable {
        /// The variable's name.
        name: &'static str,
    },
    /// Nothing says where to connect to.
    NoAddress,
    /// The token provider failed.
    Token(Arc<dyn StdError + Send + Sync>),
    /// The connect message does not fit the limits of the protocol.
    Build(Arc<super::BuildError>),
    /// The socket could not be opened.
    Socket {
        /// The path, or host and port.
        address: String,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// Opening the socket took too long.
    SocketTimeout {
        /// The path, or host and port.
        address: String,
        /// The time that was allowed.
        after: Duration,
    },
    /// The server accepted the socket and then did not answer the connect message in time.
    HandshakeTimeout {
        /// The time that was allowed.
        after: Duration,
    },
    /// The server refused the connect message: the token is wrong, or no longer valid.
    ///
    /// A nucleus hands out new tokens when it restarts.
    Rejected,
    /// The server closed the socket without answering the connect message.
    ///
    /// Nucleus lite refuses a token in this way, and the Java nucleus sometimes looks like it, because
    /// a refusal can be lost when the server closes at once.
    ClosedDuringHandshake,
    /// The handshake failed for another reason.
    Handshake(ConnectionError),
    /// There is no running tokio runtime with its I/O and time drivers, which connecting needs.
    NoRuntime,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingVariable { name } => write!(
                f,
                "the environment variable {name} is not set: the nucleus sets it for its components; \
                 elsewhere set it, or name socket and token when building the connection"
            ),
            Self::NoAddress => {
                f.write_str("there is no address to connect to: set a socket path or a TCP address")
            }
            Self::Token(_) => f.write_str("the token provider failed"),
            Self::Build(_) => f.write_str("the connect message could not be built"),
            Self::Socket { address, source } => {
                write!(f, "the socket {address} could not be opened")?;
                f.write_str(match source.kind() {
                    io::ErrorKind::NotFound => ": it does not exist; is the nucleus running?",
                    io::ErrorKind::ConnectionRefused => ": no process listens on it",
                    io::ErrorKind::PermissionDenied => ": this user may not use it",
                    _ => "",
                })
            }
            Self::SocketTimeout { address, after } => {
                write!(f, "the socket {address} could not be opened within {after:?}")
            }
            Self::HandshakeTimeout { after } => {
                write!(f, "the server did not answer the connect message within {after:?}")
            }
            Self::Rejected => f.write_str("the server refused the connection: is the token valid?"),
            Self::ClosedDuringHandshake => f.write_str(
                "the server closed the socket instead of answering the connect message: is the token valid?",
            ),
            Self::Handshake(_) => f.write_str("the handshake failed"),
            Self::NoRuntime => f.write_str(
                "there is no tokio runtime with I/O and time enabled: connect from within one",
            ),
        }
    }
}

impl StdError for ConnectError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Token(source) => Some(&**source),
            Self::Build(source) => Some(&**source),
            Self::Socket { source, .. } => Some(&**source),
            Self::Handshake(source) => Some(source),
            _ => None,
        }
    }
}
