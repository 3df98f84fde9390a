//! From a builder to an open connection.

use std::{io, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    runtime::Handle as Runtime,
    task::JoinHandle,
    time::timeout,
};
use tracing::Instrument;

use super::{
    Connection, reconnect,
    shared::{Handle, Shared},
};
use crate::{
    error::ConnectError,
    protocol::client::Connect,
    session::{Builder, Credentials, credentials::Kind, settings::Settings},
    transport::{Direct, DirectStream, Driver, caught, has_timers},
};

impl<I: Credentials> Builder<Connection, I> {
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
        let settings = self.into_settings();
        let result = connect(&settings).await;
        settings.report(result)
    }

    /// The same over a byte stream that is open already, such as one half of [`tokio::io::duplex`]. A
    /// [`ReconnectPolicy`](crate::client::ReconnectPolicy) has nothing to open again then: the end of the byte
    /// stream is the end.
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
        let settings = self.into_settings();
        let result = connect_over(&settings, Socket::new(io)).await;
        settings.report(result)
    }
}

/// Whatever carries the bytes of a connection.
trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// An open socket.
pub(super) struct Socket {
    io: Box<dyn Io>,
    direct: Option<Direct>,
}

impl Socket {
    fn new(io: impl Io + 'static) -> Self {
        Self { io: Box::new(io), direct: None }
    }
}

impl From<UnixStream> for Socket {
    fn from(stream: UnixStream) -> Self {
        let (io, direct) = DirectStream::new(stream);
        Self { io: Box::new(io), direct: Some(direct) }
    }
}

async fn connect(builder: &Settings) -> Result<Connection, ConnectError> {
    check_runtime()?;
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

async fn connect_over(builder: &Settings, io: Socket) -> Result<Connection, ConnectError> {
    check_runtime()?;
    let (connection, _) = start(builder, io, &builder.connect_message()?, false).await?;
    Ok(connection)
}

fn check_runtime() -> Result<(), ConnectError> {
    if has_timers() { Ok(()) } else { Err(ConnectError::NoRuntime) }
}

/// Opens the socket, and makes the message to introduce this side with.
pub(super) async fn open(builder: &Settings) -> Result<(Socket, Connect), ConnectError> {
    let (address, connect) = builder.target()?;
    let io = match address.0 {
        Kind::Unix(path) => {
            let connecting = UnixStream::connect(&path);
            in_time(builder, path.display().to_string(), connecting).await?.into()
        }
        Kind::Tcp(address) => {
            let connecting = TcpStream::connect(address.clone());
            let io = in_time(builder, address, connecting).await?;
            // Messages are whole when they are written; waiting for more only delays them.
            let _ = io.set_nodelay(true);
            Socket::new(io)
        }
    };
    Ok((io, connect))
}

async fn in_time<IO>(
    builder: &Settings,
    address: String,
    connecting: impl Future<Output = io::Result<IO>>,
) -> Result<IO, ConnectError> {
    // tokio panics where the runtime has no I/O.
    match timeout(builder.connect_timeout, caught(connecting)).await {
        Ok(Ok(Ok(io))) => Ok(io),
        Ok(Ok(Err(source))) => Err(ConnectError::Socket { address, source: source.into() }),
        Ok(Err(_panic)) => Err(ConnectError::NoRuntime),
        Err(_) => Err(ConnectError::SocketTimeout { address, after: builder.connect_timeout }),
    }
}

async fn start(
    builder: &Settings,
    io: Socket,
    connect: &Connect,
    reconnects: bool,
) -> Result<(Connection, JoinHandle<()>), ConnectError> {
    let shared = Arc::new(Shared::numbered(builder.core(connect, reconnects)?));
    let handle = Handle {
        shared: Arc::clone(&shared),
        call_timeout: builder.call_timeout,
        validates: builder.validates,
        runtime: Runtime::current(),
    };
    // Closes the connection if the handshake fails, or is given up.
    let connection = Connection::new(handle);
    let driver = drive(io, &shared);
    shake_hands(builder, &shared).await?;
    if let Some(slot) = &builder.lifecycle {
        tokio::spawn(slot.clone().run_for(shared));
    }
    Ok((connection, driver))
}

/// Reads and writes the socket on a task of its own, which ends with the connection.
pub(super) fn drive(Socket { io, direct }: Socket, shared: &Arc<Shared>) -> JoinHandle<()> {
    shared.set_direct(direct);
    tokio::spawn(Driver::new(io, Arc::clone(shared)).instrument(shared.span()))
}

/// Waits until the server has accepted this side.
pub(super) async fn shake_hands(
    builder: &Settings,
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
