//! Opening connections.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Connection, LifecycleHandler, ReconnectPolicy, lifecycle, open};
use crate::{
    error::ConnectError,
    frame::{Header, HeaderValue},
    protocol::client::Config,
};

/// What gives the token each time a connection is opened.
pub(super) type TokenProvider =
    Arc<dyn Fn() -> Result<String, Box<dyn std::error::Error + Send + Sync>> + Send + Sync>;

/// Builds and opens a [`Connection`].
#[derive(Clone)]
#[must_use = "nothing is connected until `connect` is called"]
pub struct ConnectionBuilder {
    pub(super) address: Option<Address>,
    pub(super) token: Option<Token>,
    pub(super) component_name: Option<String>,
    pub(super) payload: Option<bytes::Bytes>,
    pub(super) headers: Vec<Header>,
    pub(super) reads_environment: bool,
    pub(super) connect_timeout: Duration,
    pub(super) handshake_timeout: Duration,
    pub(super) call_timeout: Duration,
    pub(super) config: Config,
    pub(super) reconnect: Option<ReconnectPolicy>,
    pub(super) lifecycle: Option<lifecycle::Slot>,
}

#[derive(Clone, Debug)]
pub(super) enum Address {
    Unix(PathBuf),
    Tcp(String),
}

#[derive(Clone)]
pub(super) enum Token {
    Text(String),
    Provider(TokenProvider),
}

impl Default for ConnectionBuilder {
    fn default() -> Self {
        Self {
            address: None,
            token: None,
            component_name: None,
            payload: None,
            headers: Vec::new(),
            reads_environment: false,
            connect_timeout: Duration::from_secs(3),
            handshake_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_secs(10),
            config: Config::default(),
            reconnect: None,
            lifecycle: None,
        }
    }
}

impl ConnectionBuilder {
    /// A builder that takes what is not set from the environment of a Greengrass component.
    pub(crate) fn from_environment() -> Self {
        Self { reads_environment: true, ..Self::default() }
    }

    /// The Unix domain socket to connect to.
    pub fn socket_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.address = Some(Address::Unix(path.into()));
        self
    }

    /// The TCP address to connect to, `host:port`.
    pub fn tcp_address(mut self, address: impl Into<String>) -> Self {
        self.address = Some(Address::Tcp(address.into()));
        self
    }

    /// The token by which a Greengrass nucleus knows a component.
    pub fn auth_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(Token::Text(token.into()));
        self
    }

    /// What gives the token, asked each time a connection is opened.
    pub fn token_provider<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
        mut self,
        provider: impl Fn() -> Result<String, E> + Send + Sync + 'static,
    ) -> Self {
        self.token = Some(Token::Provider(Arc::new(move || provider().map_err(Into::into))));
        self
    }

    /// Connects by the name of a component rather than by a token. Nucleus lite only: it checks that the
    /// process belongs to the component's systemd unit.
    pub fn component_name(mut self, name: impl Into<String>) -> Self {
        self.component_name = Some(name.into());
        self
    }

    /// The payload of the connect message, for a service that is not Greengrass; it replaces token and
    /// component name.
    pub fn connect_payload(mut self, payload: impl Into<bytes::Bytes>) -> Self {
        self.payload = Some(payload.into());
        self
    }

    /// A further header of the connect message.
    pub fn connect_header(
        mut self,
        name: impl Into<String>,
        value: impl Into<HeaderValue>,
    ) -> Self {
        self.headers.push(Header::new(name, value.into()));
        self
    }

    /// How long opening the socket may take. Default: 3 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long the server may take to answer the connect message. Default: 10 s.
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// How long a call waits for its response, unless it says otherwise itself. Default: 10 s.
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }

    /// How long a message may be that is sent, in bytes. Default: 24 MiB, as the Java nucleus takes.
    ///
    /// Nucleus lite takes 10,000 bytes and closes the connection on anything longer; with that limit here
    /// a call that is too long fails by itself, with an error that names its length.
    pub fn max_frame_len(mut self, bytes: usize) -> Self {
        self.config.max_frame_len = bytes;
        self
    }

    /// How many bytes may wait to be written before calls wait for room. Default: 1 MiB.
    pub fn write_queue_limit(mut self, bytes: usize) -> Self {
        self.config.write_queue_limit = bytes;
        self
    }

    /// Opens the connection again whenever it is lost, as the policy says. Read there first whether this is
    /// what a component wants. Default: a lost connection stays lost.
    pub fn reconnect(mut self, policy: ReconnectPolicy) -> Self {
        self.reconnect = Some(policy);
        self
    }

    /// Told of what happens to the connection, in order, on a task of its own.
    pub fn lifecycle_handler(mut self, handler: impl LifecycleHandler) -> Self {
        self.lifecycle = Some(lifecycle::Slot::new(handler));
        self
    }

    /// Opens the socket, introduces this side and waits until the server has accepted it.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket.
    pub async fn connect(self) -> Result<Connection, ConnectError> {
        let result = open::connect(&self).await;
        self.report(result)
    }

    /// The same over a byte stream that is open already, such as one half of [`tokio::io::duplex`]. A
    /// [`ReconnectPolicy`] has nothing to open again then: the end of the byte stream is the end.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the byte stream.
    pub async fn connect_over<IO>(self, io: IO) -> Result<Connection, ConnectError>
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let result = open::connect_over(&self, Box::new(io)).await;
        self.report(result)
    }

    fn report(self, result: Result<Connection, ConnectError>) -> Result<Connection, ConnectError> {
        if let Err(error) = &result {
            tracing::debug!(target: crate::LOG_TARGET, %error, "connect failed");
            if let Some(slot) = self.lifecycle {
                slot.connect_failed(error);
            }
        }
        result
    }
}

impl fmt::Debug for ConnectionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers, payload and token may all be secret.
        f.debug_struct("ConnectionBuilder")
            .field("address", &self.address)
            .field("component_name", &self.component_name)
            .field("connect_timeout", &self.connect_timeout)
            .field("handshake_timeout", &self.handshake_timeout)
            .field("call_timeout", &self.call_timeout)
            .field("config", &self.config)
            .field("reconnect", &self.reconnect)
            .finish_non_exhaustive()
    }
}
