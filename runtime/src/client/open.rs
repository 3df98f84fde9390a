//! From a builder to an open connection.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    runtime::Handle as Runtime,
    task::JoinHandle,
    time::timeout,
};
use tracing::Instrument;

use super::{
    Connection, ConnectionBuilder,
    builder::{Address, Token},
    reconnect,
    shared::{Handle, Shared},
};
use crate::{
    error::{BuildError, ConnectError},
    greengrass::{AUTH_TOKEN_VARIABLE, ConnectPayload, SOCKET_PATH_VARIABLE},
    protocol::client::{Connect, Core},
    transport::Driver,
};

/// Whatever carries the bytes of a connection.
pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

pub(super) async fn connect(builder: &ConnectionBuilder) -> Result<Connection, ConnectError> {
    Runtime::try_current().map_err(|_| ConnectError::NoRuntime)?;
    let (io, connect) = open(builder).await?;
    let (connection, driver) = start(builder, io, &connect, builder.reconnect.is_some()).await?;
    if let Some(policy) = builder.reconnect {
        let shared = connection.shared();
        let span = shared.span();
        let keeping = reconnect::keep(builder.clone(), policy, shared, driver);
        tokio::spawn(keeping.instrument(span));
    }
    Ok(connection)
}

pub(super) async fn connect_over(
    builder: &ConnectionBuilder,
    io: Box<dyn Socket>,
) -> Result<Connection, ConnectError> {
    Runtime::try_current().map_err(|_| ConnectError::NoRuntime)?;
    let (connection, _) = start(builder, io, &connect_message(builder)?, false).await?;
    Ok(connection)
}

/// Opens the socket, and makes the message to introduce this side with.
pub(super) async fn open(
    builder: &ConnectionBuilder,
) -> Result<(Box<dyn Socket>, Connect), ConnectError> {
    let address = match &builder.address {
        Some(address) => address.clone(),
        None if builder.reads_environment => Address::Unix(variable(SOCKET_PATH_VARIABLE)?.into()),
        None => return Err(ConnectError::NoAddress),
    };
    // Before the socket is opened, so that a missing token is not blamed on the server.
    let connect = connect_message(builder)?;
    let io: Box<dyn Socket> = match address {
        Address::Unix(path) => {
            let connecting = UnixStream::connect(&path);
            Box::new(in_time(builder, path.display().to_string(), connecting).await?)
        }
        Address::Tcp(address) => {
            let connecting = TcpStream::connect(address.clone());
            let io = in_time(builder, address, connecting).await?;
            // Messages are whole when they are written; waiting for more only delays them.
            let _ = io.set_nodelay(true);
            Box::new(io)
        }
    };
    Ok((io, connect))
}

async fn in_time<IO>(
    builder: &ConnectionBuilder,
    address: String,
    connecting: impl Future<Output = io::Result<IO>>,
) -> Result<IO, ConnectError> {
    match timeout(builder.connect_timeout, connecting).await {
        Ok(Ok(io)) => Ok(io),
        Ok(Err(source)) => Err(ConnectError::Socket { address, source }),
        Err(_) => Err(ConnectError::SocketTimeout { address, after: builder.connect_timeout }),
    }
}

async fn start(
    builder: &ConnectionBuilder,
    io: Box<dyn Socket>,
    connect: &Connect,
    reconnects: bool,
) -> Result<(Connection, JoinHandle<()>), ConnectError> {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let mut config = builder.config;
    config.reconnects = reconnects;
    config.calls_wait = builder.reconnect.is_some_and(|it| it.calls_wait);
    config.resubscribe_timeout = builder.call_timeout;
    let mut core = Core::new(config, connect).map_err(unencodable)?;
    if builder.lifecycle.is_some() {
        core.record_events();
    }
    let shared = Arc::new(Shared::new(core, NUMBER.fetch_add(1, Ordering::Relaxed)));
    let handle = Handle { shared: Arc::clone(&shared), call_timeout: builder.call_timeout };
    // Closes the connection if the handshake fails, or is given up.
    let connection = Connection::new(handle);
    let driver = drive(io, &shared);
    shake_hands(builder, &shared).await?;
    if let Some(slot) = &builder.lifecycle {
        tokio::spawn(slot.clone().run(shared));
    }
    Ok((connection, driver))
}

/// Reads and writes the socket on a task of its own, which ends with the connection.
pub(super) fn drive(io: Box<dyn Socket>, shared: &Arc<Shared>) -> JoinHandle<()> {
    tokio::spawn(Driver::new(io, Arc::clone(shared)).instrument(shared.span()))
}

/// Waits until the server has accepted this side.
pub(super) async fn shake_hands(
    builder: &ConnectionBuilder,
    shared: &Arc<Shared>,
) -> Result<(), ConnectError> {
    let connected = shared.poll(|core, cx| core.poll_connected(cx));
    match timeout(builder.handshake_timeout, connected).await {
        Ok(result) => result?,
        Err(_) => return Err(ConnectError::HandshakeTimeout { after: builder.handshake_timeout }),
    }
    tracing::debug!(target: crate::LOG_TARGET, connection = shared.number, "connected");
    Ok(())
}

fn connect_message(builder: &ConnectionBuilder) -> Result<Connect, ConnectError> {
    let payload = match &builder.payload {
        Some(payload) => payload.clone(),
        None => greengrass_payload(builder)?,
    };
    Ok(Connect { headers: builder.headers.clone(), payload })
}

fn greengrass_payload(builder: &ConnectionBuilder) -> Result<bytes::Bytes, ConnectError> {
    let auth_token = match &builder.token {
        Some(Token::Text(token)) => Some(token.clone()),
        Some(Token::Provider(provider)) => Some(provider().map_err(ConnectError::Token)?),
        None if builder.reads_environment && builder.component_name.is_none() => {
            Some(variable(AUTH_TOKEN_VARIABLE)?)
        }
        None => None,
    };
    let component_name = builder.component_name.clone();
    Ok(ConnectPayload { auth_token, component_name }.to_vec().into())
}

fn variable(name: &'static str) -> Result<String, ConnectError> {
    std::env::var(name).map_err(|_| ConnectError::MissingVariable { name })
}

pub(super) fn unencodable(error: crate::error::EncodeError) -> ConnectError {
    ConnectError::Build(BuildError::encode(error))
}
