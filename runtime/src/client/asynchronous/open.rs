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
    Connection,
    runtime::{Shared, Tokio},
};
use crate::{
    error::{ConnectError, ConnectionError},
    protocol::client::Connect,
    session::{
        Builder, Credentials, ReconnectPolicy, Session,
        policy::Attempts,
        reconnect::{come_back, shake_hands},
        settings::Settings,
    },
    transport::{Stream, drive, has_timers},
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
        let result = start(&settings, open(&settings)).await;
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
        let settings = Settings { reconnect: None, ..self.into_settings() };
        let opened = async { Ok(((Box::new(io) as _, None), settings.connect_message()?)) };
        let result = start(&settings, opened).await;
        settings.report(result)
    }
}

/// Opens the socket, and makes the message to introduce this side with.
async fn open(settings: &Settings) -> Result<(Stream, Connect), ConnectError> {
    let (address, connect) = settings.target()?;
    Ok((address.connect(settings.connect_timeout).await?, connect))
}

async fn start(
    settings: &Settings,
    opened: impl Future<Output = Result<(Stream, Connect), ConnectError>>,
) -> Result<Connection, ConnectError> {
    if !has_timers() {
        return Err(ConnectError::NoRuntime);
    }
    let (stream, connect) = opened.await?;
    let shared = Arc::new(Shared::numbered(settings.core(&connect)?));
    let runtime = Tokio { shared: Arc::clone(&shared), runtime: Runtime::current() };
    // Closes the connection if the handshake fails, or is given up.
    let session = Session::new(runtime, settings);
    let driver = start_driver(stream, &shared);
    shake_hands(&session.runtime, settings).await?;
    if let Some(handler) = settings.lifecycle.clone() {
        tokio::spawn(async move {
            let next = |cx: &mut Context<'_>| {
                let budget = ready!(coop::poll_proceed(cx));
                let event = ready!(shared.with(|core| core.poll_connection_event(cx)));
                budget.made_progress();
                Poll::Ready(event)
            };
            let judge = Arc::clone(&shared);
            handler.run(next, move |error| judge.with(|core| core.judge(error))).await;
        });
    }
    if let Some(policy) = settings.reconnect {
        let runtime = session.runtime.clone();
        let span = runtime.shared.span();
        let keeping = keep(settings.clone(), policy, runtime, driver);
        tokio::spawn(keeping.instrument(span));
    }
    Ok(Connection::new(session))
}

/// Reads and writes the socket on a task of its own, which ends with the connection.
fn start_driver((io, direct): Stream, shared: &Arc<Shared>) -> JoinHandle<()> {
    shared.set_direct(direct);
    tokio::spawn(drive(io, Arc::clone(shared)).instrument(shared.span()))
}

/// Opens the connection again whenever its driver has ended, until it is closed or the policy gives up.
async fn keep(
    settings: Settings,
    policy: ReconnectPolicy,
    runtime: Tokio,
    mut driver: JoinHandle<()>,
) {
    // Nothing else brings the connection back.
    let _end = GiveUpOnDrop(&runtime.shared);
    let mut attempts = Attempts::new(policy);
    loop {
        // The socket is closed when it is done.
        let _ = driver.await;
        let attempt = || attempt(&settings, &runtime);
        match come_back(&runtime, &mut attempts, attempt).await {
            Some(next) => driver = next,
            None => return,
        }
    }
}

struct GiveUpOnDrop<'a>(&'a Shared);

impl Drop for GiveUpOnDrop<'_> {
    fn drop(&mut self) {
        self.0.with(|core| core.give_up(ConnectionError::RuntimeStopped));
    }
}

/// The driver of a connection that is back; nothing if this side has closed it in the meantime.
async fn attempt(
    settings: &Settings,
    runtime: &Tokio,
) -> Result<Option<JoinHandle<()>>, ConnectError> {
    let (socket, connect) = open(settings).await?;
    if !runtime.shared.with(|core| core.reconnect(&connect))? {
        return Ok(None);
    }
    let driver = start_driver(socket, &runtime.shared);
    match shake_hands(runtime, settings).await {
        Ok(()) => Ok(Some(driver)),
        Err(error) => {
            let _ = driver.await;
            Err(error)
        }
    }
}
