//! Opening connections.

use std::{
    fmt, io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    runtime::Handle as Runtime,
    time::timeout,
};
use tracing::Instrument;

use super::{
    Connection, LifecycleHandler, lifecycle,
    shared::{Handle, Shared},
};
use crate::{
    error::{BuildError, ConnectError},
    frame::{Header, HeaderValue},
    greengrass::{AUTH_TOKEN_VARIABLE, ConnectPayload, SOCKET_PATH_VARIABLE},
    protocol::client::{Config, Connect, Core},
    transport::Driver,
};

/// What gives the token each time a connection is opened.
type TokenProvider =
    Arc<dyn Fn() -> Result<String, Box<dyn std::error::Error + Send + Sync>> + Send + Sync>;

/// Builds and opens a [`Connection`].
#[derive(Clone)]
#[must_use = "nothing is connected until `connect` is called"]
pub struct ConnectionBuilder {
    address: Option<Address>,
    token: Option<Token>,
    component_name: Option<String>,
    payload: Option<bytes::Bytes>,
    headers: Vec<Header>,
    reads_environment: bool,
    connect_timeout: Duration,
    handshake_timeout: Duration,
    call_timeout: Duration,
    config: Config,
    lifecycle: Option<lifecycle::Slot>,
}

#[derive(Clone, Debug)]
enum Address {
    Unix(PathBuf),
    Tcp(String),
}

#[derive(Clone)]
enum Token {
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
        let result = self.clone().try_connect().await;
        self.report(result)
    }

    /// The same over a byte stream that is open already, such as one half of [`tokio::io::duplex`].
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
        let result = self.clone().shake_hands(io).await;
        self.report(result)
    }

    async fn try_connect(mut self) -> Result<Connection, ConnectError> {
        Runtime::try_current().map_err(|_| ConnectError::NoRuntime)?;
        let address = match self.address.take() {
            Some(address) => address,
            None if self.reads_environment => Address::Unix(variable(SOCKET_PATH_VARIABLE)?.into()),
            None => return Err(ConnectError::NoAddress),
        };
        // Before the socket is opened, so that a missing token is not blamed on the server.
        let connect = self.connect_message()?;
        match address {
            Address::Unix(path) => {
                let io = self.open(path.display().to_string(), UnixStream::connect(&path)).await?;
                self.shake_hands_with(io, &connect).await
            }
            Address::Tcp(address) => {
                let io = self.open(address.clone(), TcpStream::connect(address)).await?;
                // Messages are whole when they are written; waiting for more only delays them.
                let _ = io.set_nodelay(true);
                self.shake_hands_with(io, &connect).await
            }
        }
    }

    async fn open<IO>(
        &self,
        address: String,
        connecting: impl Future<Output = io::Result<IO>>,
    ) -> Result<IO, ConnectError> {
        match timeout(self.connect_timeout, connecting).await {
            Ok(Ok(io)) => Ok(io),
            Ok(Err(source)) => Err(ConnectError::Socket { address, source }),
            Err(_) => Err(ConnectError::SocketTimeout { address, after: self.connect_timeout }),
        }
    }

    async fn shake_hands<IO>(self, io: IO) -> Result<Connection, ConnectError>
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        Runtime::try_current().map_err(|_| ConnectError::NoRuntime)?;
        let connect = self.connect_message()?;
        self.shake_hands_with(io, &connect).await
    }

    async fn shake_hands_with<IO>(
        mut self,
        io: IO,
        connect: &Connect,
    ) -> Result<Connection, ConnectError>
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let encode = |error| ConnectError::Build(BuildError::encode(error));
        let mut core = Core::new(self.config, connect).map_err(encode)?;
        let lifecycle = self.lifecycle.take();
        if lifecycle.is_some() {
            core.record_events();
        }
        let shared = Arc::new(Shared::new(core, NUMBER.fetch_add(1, Ordering::Relaxed)));
        let connection = Connection::new(Handle {
            shared: Arc::clone(&shared),
            call_timeout: self.call_timeout,
        });
        tokio::spawn(Driver::new(io, Arc::clone(&shared)).instrument(shared.span()));
        let connected = shared.poll(|core, cx| core.poll_connected(cx));
        match timeout(self.handshake_timeout, connected).await {
            Ok(result) => result?,
            Err(_) => return Err(ConnectError::HandshakeTimeout { after: self.handshake_timeout }),
        }
        tracing::debug!(target: crate::LOG_TARGET, connection = shared.number, "connected");
        if let Some(slot) = lifecycle {
            tokio::spawn(slot.run(shared));
        }
        Ok(connection)
    }

    fn connect_message(&self) -> Result<Connect, ConnectError> {
        let payload = match &self.payload {
            Some(payload) => payload.clone(),
            None => self.greengrass_payload()?,
        };
        Ok(Connect { headers: self.headers.clone(), payload })
    }

    fn greengrass_payload(&self) -> Result<bytes::Bytes, ConnectError> {
        let auth_token = match &self.token {
            Some(Token::Text(token)) => Some(token.clone()),
            Some(Token::Provider(provider)) => Some(provider().map_err(ConnectError::Token)?),
            None if self.reads_environment && self.component_name.is_none() => {
                Some(variable(AUTH_TOKEN_VARIABLE)?)
            }
            None => None,
        };
        let payload = ConnectPayload { auth_token, component_name: self.component_name.clone() };
        Ok(payload.to_vec().into())
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

fn variable(name: &'static str) -> Result<String, ConnectError> {
    std::env::var(name).map_err(|_| ConnectError::MissingVariable { name })
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
            .finish_non_exhaustive()
    }
}
