//! From a builder to an open connection.

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    runtime::Handle as Runtime,
    task::{JoinHandle, coop},
};
use tracing::Instrument;

use super::{
    Connection, reconnect,
    runtime::{Shared, Tokio},
};
use crate::{
    error::ConnectError,
    protocol::client::Connect,
    session::{Builder, Credentials, Session, reconnect::shake_hands, settings::Settings},
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
    let (session, driver) = start(builder, io, &connect, builder.reconnect.is_some()).await?;
    if let Some(policy) = builder.reconnect {
        let runtime = session.runtime.clone();
        let span = runtime.shared.span();
        let keeping = reconnect::keep(builder.clone(), policy, runtime, driver);
        tokio::spawn(keeping.instrument(span));
    }
    Ok(Connection::new(session))
}

async fn connect_over(builder: &Settings, io: Stream) -> Result<Connection, ConnectError> {
    check_runtime()?;
    let (session, _) = start(builder, io, &builder.connect_message()?, false).await?;
    Ok(Connection::new(session))
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
) -> Result<(Arc<Session<Tokio>>, JoinHandle<()>), ConnectError> {
    let shared = Arc::new(Shared::numbered(builder.core(connect, reconnects)?));
    let runtime = Tokio { shared: Arc::clone(&shared), runtime: Runtime::current() };
    // Closes the connection if the handshake fails, or is given up.
    let session = Session::new(runtime, builder);
    let driver = drive(io, &shared);
    shake_hands(&session.runtime, builder).await?;
    if let Some(slot) = builder.lifecycle.clone() {
        tokio::spawn(async move {
            let next = |cx: &mut Context<'_>| {
                let budget = ready!(coop::poll_proceed(cx));
                let event = ready!(shared.with(|core| core.poll_connection_event(cx)));
                budget.made_progress();
                Poll::Ready(event)
            };
            let judge = Arc::clone(&shared);
            slot.run(next, move |error| judge.with(|core| core.judge(error))).await;
        });
    }
    Ok((session, driver))
}

/// Reads and writes the socket on a task of its own, which ends with the connection.
pub(super) fn drive(Stream { io, direct }: Stream, shared: &Arc<Shared>) -> JoinHandle<()> {
    shared.set_direct(direct);
    tokio::spawn(Driver::new(io, Arc::clone(shared)).instrument(shared.span()))
}
