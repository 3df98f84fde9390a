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
    protocol::client::Connect,
    session::{
        Builder, Credentials, PingError, Session, reconnect::shake_hands, settings::Settings,
    },
};

impl<I: Credentials> Builder<Connection, I> {
    /// Opens the socket, introduces this side and waits until the server has accepted it.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    pub fn connect(self) -> Result<Connection, ConnectError> {
        let settings = self.into_settings();
        let result = start(&settings, background::open(&settings));
        settings.report(result)
    }

    /// The same over a socket that is connected already, such as one half of
    /// [`UnixStream::pair`](std::os::unix::net::UnixStream::pair). A
    /// [`ReconnectPolicy`](super::ReconnectPolicy) has nothing to open again then: the end of the socket is
    /// the end.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    pub fn connect_over(self, socket: impl Into<OwnedFd>) -> Result<Connection, ConnectError> {
        let settings = Settings { reconnect: None, ..self.into_settings() };
        let connect = settings.connect_message();
        let result = start(&settings, connect.map(|it| (Socket::new(socket.into()), it)));
        settings.report(result)
    }
}

fn start(
    settings: &Settings,
    opened: Result<(Socket, Connect), ConnectError>,
) -> Result<Connection, ConnectError> {
    let (socket, connect) = opened?;
    let reconnects = settings.reconnect.is_some();
    let core = settings.core(&connect)?;
    // A handler may keep the connection alive, which keeps this.
    let again = reconnects.then(|| Settings { lifecycle: None, ..settings.clone() });
    let link = Arc::new(Link::new(core, socket, again));
    link.wait(shake_hands(&link, settings)).inspect_err(|_| link.finish())?;
    // From now on it closes the connection when it is dropped.
    let session = Session::new(Arc::clone(&link), settings);
    let no_thread = |error: io::Error| ConnectError::Handshake(error.into());
    if reconnects {
        // It ends with the connection.
        link.threads.add_background_use(|| background::start(&link)).map_err(no_thread)?;
    }
    if let Some(handler) = &settings.lifecycle {
        background::tell(&link, handler.clone()).map_err(no_thread)?;
    }
    Ok(Connection { session })
}

/// A handle to one open connection.
///
/// Clones share it, and threads may share one. It closes when the last clone has been dropped, and with it the last
/// subscription and the last [`SubscriptionHandle`](super::SubscriptionHandle).
///
/// A process needs one connection: keep a clone wherever calls are made, or one in a
/// [`std::sync::OnceLock`].
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
        link.wait(self.session.start::<O>(&request, &options, None))?.response::<O>()
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
        Ok(Subscription::new(reply.events()?, background))
    }

    /// Asks the other side to answer, and waits until it has.
    ///
    /// The ping has a header of its own and a payload, without which the Java nucleus does not survive it or does
    /// not answer. With them the Java nucleus and the servers of this crate answer; nucleus lite ends the
    /// connection. No official SDK sends pings by itself, and neither does this client.
    ///
    /// # Errors
    ///
    /// The connection has ended, or no answer came within `timeout`.
    pub fn ping(&self, timeout: Duration) -> Result<(), PingError> {
        self.session.runtime.wait(self.session.ping(timeout))
    }

    /// Waits until everything that has been queued so far has been written to the socket.
    ///
    /// That takes as long as the server does not read. It has no timeout: to end it, another thread closes the
    /// connection, which waits for 3 s.
    ///
    /// # Errors
    ///
    /// The connection ended before, or what had been queued since the last flush was discarded in part when a
    /// connection was lost that a [`ReconnectPolicy`](super::ReconnectPolicy) brought back. That is told once.
    pub fn flush(&self) -> Result<(), ConnectionError> {
        let link = &self.session.runtime;
        link.wait(link.shared.flushed())
    }

    /// Waits until the connection has ended: `Ok` if this side closed it. With a
    /// [`ReconnectPolicy`](super::ReconnectPolicy) an outage is not the end.
    ///
    /// # Errors
    ///
    /// Why it ended, if this side did not close it.
    pub fn closed(&self) -> Result<(), ConnectionError> {
        let link = &self.session.runtime;
        link.wait(link.shared.closed())
    }

    /// Ends every stream and closes the connection, for all its clones; waits until what was queued
    /// before has been written, for at most 3 s and as long as the server does not close it from its side. What
    /// arrives in that time is passed over.
    ///
    /// Calls that wait for their response in other threads fail with [`ConnectionError::Closed`].
    ///
    /// # Errors
    ///
    /// The connection is closed in any case. What had been queued has not all been written: the connection was lost
    /// before, as [`flush`](Self::flush) would say, or, with [`ConnectionError::Closed`], the server did not take
    /// it in time.
    pub fn close(&self) -> Result<(), ConnectionError> {
        self.session.runtime.close()
    }
}

const _: fn() = || {
    fn is_send_sync<T: Send + Sync + 'static>() {}
    is_send_sync::<Connection>();
};
