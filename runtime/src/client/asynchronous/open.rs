//! From a builder to an open connection.

use std::sync::Arc;

use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::coop::cooperative,
};
use tracing::Instrument;

use super::{Connection, runtime::Tokio};
use crate::{
    error::ConnectError,
    session::{
        Builder, Credentials, Runtime, Session,
        open::{handshake, keep_open},
        settings::Settings,
    },
    transport::{Stream, has_timers},
};

impl<I: Credentials, T: From<Connection>> Builder<Connection, I, T> {
    /// Opens the socket, sends the connect message and waits until the server has accepted the connection.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket.
    pub async fn connect(self) -> Result<T, ConnectError> {
        let settings = self.into_settings();
        let opened = async {
            let address = settings.address()?;
            start(&settings, Tokio::open(&address, settings.connect_timeout)).await
        };
        let result = opened.await;
        settings.report(result).map(T::from)
    }

    /// Connects over an open byte stream, such as one half of [`tokio::io::duplex`]. A
    /// [`ReconnectPolicy`](crate::client::ReconnectPolicy) has no effect, because the client cannot open the byte
    /// stream again.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the byte stream.
    pub async fn connect_over<IO>(self, io: IO) -> Result<T, ConnectError>
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let settings = Settings { reconnect: None, ..self.into_settings() };
        let result = start(&settings, async { Ok((Box::new(io) as _, None)) }).await;
        settings.report(result).map(T::from)
    }
}

async fn start(
    settings: &Settings,
    socket: impl Future<Output = Result<Stream, ConnectError>>,
) -> Result<Connection, ConnectError> {
    if !has_timers() {
        return Err(ConnectError::NoRuntime);
    }
    // Dropping the session closes the connection if the handshake fails or is given up.
    let session = Session::new(Tokio::new(settings.core()?), settings);
    let runtime = &session.runtime;
    let driver = runtime.attach(socket.await?, |_| Ok(true))?;
    handshake(runtime, settings).await?;
    if let Some(handler) = settings.lifecycle.clone() {
        let shared = Arc::clone(&runtime.shared);
        tokio::spawn(async move {
            let next = || cooperative(shared.poll(|core, cx| core.poll_connection_event(cx)));
            let judge = Arc::clone(&shared);
            handler.run(next, move |error| judge.with(|core| core.judge(error))).await;
        });
    }
    if let (Some(driver), true) = (driver, settings.reconnect.is_some()) {
        let (runtime, settings) = (runtime.clone(), settings.clone());
        let span = runtime.shared.span();
        let kept = async move { keep_open(&runtime, &settings, driver).await };
        tokio::spawn(kept.instrument(span));
    }
    Ok(Connection::new(session))
}
