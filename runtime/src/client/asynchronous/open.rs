//! From a builder to an open connection.

use std::sync::Arc;

use tokio::{
    io::{AsyncRead, AsyncWrite},
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
    session::{Builder, Credentials, settings::Settings},
    transport::{Driver, Stream, has_timers},
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
        let result = connect_over(&settings, Stream::new(io)).await;
        settings.report(result)
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

async fn connect_over(builder: &Settings, io: Stream) -> Result<Connection, ConnectError> {
    check_runtime()?;
    let (connection, _) = start(builder, io, &builder.connect_message()?, false).await?;
    Ok(connection)
}

fn check_runtime() -> Result<(), ConnectError> {
    if has_timers() { Ok(()) } else { Err(ConnectError::NoRuntime) }
}

/// Opens the socket, and makes the message to introduce this side with.
pub(super) async fn open(builder: &Settings) -> Result<(Stream, Connect), ConnectError> {
    let (address, connect) = builder.target()?;
    Ok((address.connect(builder.connect_timeout).await?, connect))
}

async fn start(
    builder: &Settings,
    io: Stream,
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
pub(super) fn drive(Stream { io, direct }: Stream, shared: &Arc<Shared>) -> JoinHandle<()> {
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
