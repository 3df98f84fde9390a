//! The builder of connections.

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use super::{
    LifecycleHandler, ReconnectPolicy,
    credentials::{Credentials, StaticPayload},
    lifecycle,
    settings::Settings,
};
use crate::{frame::HeaderValue, transport::Address};

/// Builds and opens a connection of type `C`, of the asynchronous or the blocking client, with credentials of type `I`.
/// The result is a `T`, such as a client of the service.
#[derive(Clone)]
#[must_use = "nothing is connected until `connect` is called"]
pub struct Builder<C, I = StaticPayload, T = C> {
    pub(crate) settings: Settings,
    pub(crate) credentials: I,
    types: PhantomData<fn() -> (C, T)>,
}

impl<C, I: Default, T> Default for Builder<C, I, T> {
    fn default() -> Self {
        Self::new(I::default())
    }
}

impl<C, T> Builder<C, StaticPayload, T> {
    /// Sets the payload of the connect message. Default: `{}`.
    pub fn connect_payload(mut self, payload: impl Into<bytes::Bytes>) -> Self {
        self.credentials = StaticPayload(payload.into());
        self
    }
}

impl<C, I, T> Builder<C, I, T> {
    /// Starts building a connection that uses `credentials`.
    pub fn new(credentials: I) -> Self {
        Self { settings: Settings::default(), credentials, types: PhantomData }
    }

    /// Sets the path of the Unix domain socket to connect to.
    #[cfg(unix)]
    pub fn socket_path(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.settings.address = Some(Address::unix(path));
        self
    }

    /// Sets the TCP address to connect to, `host:port`.
    pub fn tcp_address(mut self, address: impl Into<String>) -> Self {
        self.settings.address = Some(Address::tcp(address));
        self
    }

    /// Adds a header to the connect message.
    pub fn connect_header(
        mut self,
        name: impl Into<String>,
        value: impl Into<HeaderValue>,
    ) -> Self {
        self.settings.headers.push(crate::frame::Header::new(name, value.into()));
        self
    }

    /// Limits the time to open the socket. Default: 3 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// Limits the time until the server answers the connect message. Default: 10 s.
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.settings.handshake_timeout = timeout;
        self
    }

    /// Limits the time in which the server sends one message, from its first byte to its last. Default: 30 s.
    ///
    /// This detects a server that stops in the middle of a message. The connection then ends with
    /// [`ConnectionError::FrameTimeout`](crate::error::ConnectionError::FrameTimeout), or is opened again if there is a
    /// [`ReconnectPolicy`]. Choose a time in which the largest message arrives over the slowest transport. Over a Unix
    /// domain socket, 24 MiB take far less than a second.
    ///
    /// A pause in which the client does not read counts as at most a sixteenth of the timeout, for example while the
    /// program is suspended, or while no thread waits on a blocking connection without subscriptions.
    pub fn frame_timeout(mut self, timeout: Duration) -> Self {
        self.settings.config.frame_timeout = timeout;
        self
    }

    /// Limits the time that a call waits for its response, unless the call has a timeout of its own. Default: 10 s.
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.settings.call_timeout = timeout;
        self
    }

    /// Sets whether to check the constraints of the model (`length`, `range`, `pattern`, `uniqueItems`) before requests
    /// are sent, unless a call has this option itself. Default: `false`, because the service checks them.
    pub fn validate_requests(mut self, validate: bool) -> Self {
        self.settings.validates = validate;
        self
    }

    /// Limits the length of a message that is sent, in bytes. Default: 24 MiB, the limit of the Java nucleus.
    ///
    /// Nucleus lite closes the connection on a message of more than 10,000 bytes. With that limit here, only the call
    /// fails, with an error that names its length.
    pub fn max_frame_len(mut self, bytes: usize) -> Self {
        self.settings.config.max_frame_len = bytes;
        self
    }

    /// Limits the encoded messages that wait to be written, in bytes; further calls wait for room. The buffers may take
    /// up to twice as much memory. Default: 1 MiB.
    pub fn write_queue_limit(mut self, bytes: usize) -> Self {
        self.settings.config.write_queue_limit = bytes;
        self
    }

    /// Opens the connection again each time it is lost. The documentation of [`ReconnectPolicy`] says when to use one.
    /// Default: a lost connection stays lost.
    pub fn reconnect(mut self, policy: ReconnectPolicy) -> Self {
        self.settings.reconnect = Some(policy);
        self
    }

    /// Sets a handler for the events of the connection, which is called on a task or thread of its own.
    pub fn lifecycle_handler(mut self, handler: impl LifecycleHandler) -> Self {
        self.settings.lifecycle = Some(lifecycle::SharedHandler::new(handler));
        self
    }
}

impl<C, I: Credentials, T> Builder<C, I, T> {
    /// The settings, with the type of the credentials erased.
    pub(crate) fn into_settings(self) -> Settings {
        Settings { credentials: Arc::new(self.credentials), ..self.settings }
    }
}

impl<C, I: fmt::Debug, T> fmt::Debug for Builder<C, I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The headers may be secret.
        f.debug_struct("Builder")
            .field("credentials", &self.credentials)
            .field("address", &self.settings.address)
            .field("connect_timeout", &self.settings.connect_timeout)
            .field("handshake_timeout", &self.settings.handshake_timeout)
            .field("call_timeout", &self.settings.call_timeout)
            .field("config", &self.settings.config)
            .field("reconnect", &self.settings.reconnect)
            .finish_non_exhaustive()
    }
}
