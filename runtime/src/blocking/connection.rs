//! The handle to a connection.

use std::{io, sync::Arc, time::Duration};

use super::{
    ConnectionBuilder, Subscription,
    background::{self, BackgroundUse},
    link::Link,
    socket::{OwnedFd, Socket},
};
use crate::{
    error::{ConnectError, ConnectionError, SdkError},
    operation::{Operation, StreamingOperation},
    options::{CallOptions, Sealed, SubscribeOptions},
    session::{
        Builder, Credentials, PingError, Runtime, Session, open::handshake, settings::Settings,
    },
};

impl<I: Credentials, T: From<Connection>> Builder<Connection, I, T> {
    /// Opens the socket, sends the connect message and waits until the server has accepted the connection.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    pub fn connect(self) -> Result<T, ConnectError> {
        let settings = self.into_settings();
        let result = settings.address().and_then(|address| {
            start(&settings, || address.connect_blocking(settings.connect_timeout).map(Socket::new))
        });
        settings.report(result).map(T::from)
    }

    /// Connects over a connected socket, such as one half of
    /// [`UnixStream::pair`](std::os::unix::net::UnixStream::pair). A [`ReconnectPolicy`](super::ReconnectPolicy) has no
    /// effect, because the client cannot connect the socket again.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    pub fn connect_over(self, socket: impl Into<OwnedFd>) -> Result<T, ConnectError> {
        let settings = Settings { reconnect: None, ..self.into_settings() };
        let result = start(&settings, || Ok(Socket::new(socket.into())));
        settings.report(result).map(T::from)
    }
}

fn start(
    settings: &Settings,
    socket: impl FnOnce() -> Result<Socket, ConnectError>,
) -> Result<Connection, ConnectError> {
    let reconnects = settings.reconnect.is_some();
    // A handler may keep the connection alive, and the connection keeps these settings.
    let again = reconnects.then(|| Settings { lifecycle: None, ..settings.clone() });
    let link = Arc::new(Link::new(settings.core()?, again));
    // Dropping the session closes the connection if the handshake fails.
    let session = Session::new(Arc::clone(&link), settings);
    link.attach(socket()?, |_| Ok(true))?;
    link.wait(handshake(&link, settings))?;
    let no_thread = |error: io::Error| ConnectError::Handshake(error.into());
    if reconnects {
        // The thread ends with the connection.
        link.threads.add_background_use(|| background::start(&link)).map_err(no_thread)?;
    }
    if let Some(handler) = &settings.lifecycle {
        background::spawn_lifecycle(&link, handler.clone()).map_err(no_thread)?;
    }
    Ok(Connection { session })
}

/// A handle to one open connection.
///
/// Clones share the connection, and threads may share one handle. It closes when the last clone, the last subscription
/// and the last [`SubscriptionHandle`](super::SubscriptionHandle) have been dropped.
///
/// A process needs one connection: clone it, or keep it in a [`std::sync::OnceLock`].
#[derive(Clone, Debug)]
pub struct Connection {
    session: Arc<Session<Arc<Link>>>,
}

impl Sealed for Connection {}

impl Connection {
    /// Starts building a connection.
    pub fn builder() -> ConnectionBuilder {
        ConnectionBuilder::default()
    }

    /// Sends `request` and waits for the response.
    ///
    /// # Errors
    ///
    /// See [`SdkError`].
    pub fn call<O: Operation>(
        &self,
        operation: O,
        request: O::Request,
        options: CallOptions,
    ) -> Result<O::Response, SdkError<O::Error>> {
        let _ = operation;
        let link = &self.session.runtime;
        let _span = link.shared.call_span(O::ID).entered();
        link.wait(self.session.start::<O>(&request, &options, None))?.response::<O>(&request)
    }

    /// Sends `request`, waits for the response, and keeps the stream open for events.
    ///
    /// # Errors
    ///
    /// See [`SdkError`].
    pub fn subscribe<O: StreamingOperation>(
        &self,
        operation: O,
        request: O::Request,
        options: SubscribeOptions,
    ) -> Result<Subscription<O>, SdkError<O::Error>> {
        let _ = operation;
        let link = &self.session.runtime;
        let _span = link.shared.call_span(O::ID).entered();
        let background = BackgroundUse::new(link).map_err(|error| SdkError::DispatchFailure {
            source: error.into(),
            request_written: false,
        })?;
        let reply = link.wait(self.session.start::<O>(&request, &options.call, Some(&options)))?;
        Ok(Subscription::new(reply.events(&request)?, background))
    }

    /// Sends a ping and waits for the answer.
    ///
    /// The Java nucleus and the servers of this crate answer; nucleus lite ends the connection. The ping has a header
    /// of its own and a payload, because the Java nucleus fails or does not answer without them. Like the official
    /// SDKs, this client sends no pings by itself.
    ///
    /// # Errors
    ///
    /// The connection has ended, or no answer arrived within `timeout`.
    pub fn ping(&self, timeout: Duration) -> Result<(), PingError> {
        self.session.runtime.wait(self.session.ping(timeout))
    }

    /// Waits until everything that has been queued so far has been written to the socket.
    ///
    /// There is no time limit: it waits as long as the server does not read. To end it, close the connection in another
    /// thread, which waits for at most 3 s.
    ///
    /// # Errors
    ///
    /// The connection has ended, or it was lost and opened again by a [`ReconnectPolicy`](super::ReconnectPolicy), and
    /// a part of what had been queued since the last flush was discarded. Such a loss is reported once.
    pub fn flush(&self) -> Result<(), ConnectionError> {
        let link = &self.session.runtime;
        link.wait(link.shared.flushed())
    }

    /// Waits until the connection has ended, and returns `Ok` if this side closed it. With a
    /// [`ReconnectPolicy`](super::ReconnectPolicy), an outage does not end the connection.
    ///
    /// # Errors
    ///
    /// Why the connection ended, if this side did not close it.
    pub fn closed(&self) -> Result<(), ConnectionError> {
        let link = &self.session.runtime;
        link.wait(link.shared.closed())
    }

    /// Ends every stream and closes the connection for all its clones. Waits for at most 3 s until everything queued
    /// has been written or the server has closed the connection. What the server sends meanwhile is discarded.
    ///
    /// Calls that wait for their response in other threads fail with [`ConnectionError::Closed`].
    ///
    /// # Errors
    ///
    /// Not everything queued has been written, because the connection was lost before, as for [`flush`](Self::flush),
    /// or, with [`ConnectionError::Closed`], because the server did not read it in time. The connection is closed
    /// nevertheless.
    pub fn close(&self) -> Result<(), ConnectionError> {
        self.session.runtime.close()
    }
}

const _: fn() = || {
    fn is_send_sync<T: Send + Sync + 'static>() {}
    is_send_sync::<Connection>();
};
