//! What can be chosen when a connection is opened.

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use super::{
    LifecycleHandler, ReconnectPolicy,
    credentials::{Credentials, StaticPayload},
    lifecycle,
    settings::Settings,
};
use crate::{frame::HeaderValue, transport::Address};

/// Builds and opens a connection of type `C`, that of the asynchronous or of the blocking client, which
/// introduces itself by the credentials `I`.
#[derive(Clone)]
#[must_use = "nothing is connected until `connect` is called"]
pub struct Builder<C, I = StaticPayload> {
    pub(crate) settings: Settings,
    pub(crate) credentials: I,
    connection: PhantomData<fn() -> C>,
}

impl<C, I: Default> Default for Builder<C, I> {
    fn default() -> Self {
        Self::new(I::default())
    }
}

impl<C> Builder<C> {
    /// The payload of the connect message. Default: `{}`.
    pub fn connect_payload(mut self, payload: impl Into<bytes::Bytes>) -> Self {
        self.credentials = StaticPayload(payload.into());
        self
    }
}

impl<C, I> Builder<C, I> {
    /// A builder of a connection that introduces itself by `credentials`.
    pub fn new(credentials: I) -> Self {
        Self { settings: Settings::default(), credentials, connection: PhantomData }
    }

    /// The Unix domain socket to connect to.
    #[cfg(unix)]
    pub fn socket_path(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.settings.address = Some(Address::unix(path));
        self
    }

    /// The TCP address to connect to, `host:port`.
    pub fn tcp_address(mut self, address: impl Into<String>) -> Self {
        self.settings.address = Some(Address::tcp(address));
        self
    }

    /// A further header of the connect message.
    pub fn connect_header(
        mut self,
        name: impl Into<String>,
        value: impl Into<HeaderValue>,
    ) -> Self {
        self.settings.headers.push(crate::frame::Header::new(name, value.into()));
        self
    }

    /// How long opening the socket may take. Default: 3 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// How long the server may take to answer the connect message. Default: 10 s.
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.settings.handshake_timeout = timeout;
        self
    }

    /// How long the server may take to send one message, from the first byte to the last. Default: 30 s.
    ///
    /// It detects a server that stops in the middle of a message. The connection then ends with
    /// [`ConnectionError::FrameTimeout`](crate::error::ConnectionError::FrameTimeout), or is opened again if there is a
    /// [`ReconnectPolicy`]. Choose more than the largest message takes on a slow transport: 24 MiB over a Unix
    /// domain socket take far less than a second.
    ///
    /// Time in which the client does not read counts little, at most a sixteenth of the timeout: while the program is
    /// suspended or busy, or while no thread waits on a blocking connection without subscriptions.
    pub fn frame_timeout(mut self, timeout: Duration) -> Self {
        self.settings.config.frame_timeout = timeout;
        self
    }

    /// How long a call waits for its response, unless it says otherwise itself. Default: 10 s.
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.settings.call_timeout = timeout;
        self
    }

    /// Whether requests must be what the model asks for (`length`, `range`, `pattern`, `uniqueItems`)
    /// before they are sent, unless a call says otherwise itself. Default: `false`, because the service
    /// decides.
    pub fn validate_requests(mut self, validate: bool) -> Self {
        self.settings.validates = validate;
        self
    }

    /// How long a message may be that is sent, in bytes. Default: 24 MiB, as the Java nucleus takes.
    ///
    /// Nucleus lite takes 10,000 bytes and closes the connection on anything longer; with that limit here
    /// a call that is too long fails by itself, with an error that names its length.
    pub fn max_frame_len(mut self, bytes: usize) -> Self {
        self.settings.config.max_frame_len = bytes;
        self
    }

    /// How many bytes of encoded messages may wait to be written before calls wait for room. The buffers that they
    /// wait in may be up to twice as long. Default: 1 MiB.
    pub fn write_queue_limit(mut self, bytes: usize) -> Self {
        self.settings.config.write_queue_limit = bytes;
        self
    }

    /// Opens the connection again whenever it is lost, as the policy says. Read there first whether this is
    /// what a component wants. Default: a lost connection stays lost.
    pub fn reconnect(mut self, policy: ReconnectPolicy) -> Self {
        self.settings.reconnect = Some(policy);
        self
    }

    /// Told of what happens to the connection, in order, on a task or thread of its own.
    pub fn lifecycle_handler(mut self, handler: impl LifecycleHandler) -> Self {
        self.settings.lifecycle = Some(lifecycle::SharedHandler::new(handler));
        self
    }
}

impl<C, I: Credentials> Builder<C, I> {
    /// What has been chosen, for a client that does not know the type of the credentials.
    pub(crate) fn into_settings(self) -> Settings {
        Settings { credentials: Arc::new(self.credentials), ..self.settings }
    }
}

impl<C, I: fmt::Debug> fmt::Debug for Builder<C, I> {
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
