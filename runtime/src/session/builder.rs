//! What can be chosen when a connection is opened.

use std::{fmt, marker::PhantomData, path::PathBuf, sync::Arc, time::Duration};

use super::{
    LifecycleHandler, ReconnectPolicy, lifecycle,
    settings::{Address, Settings, Token},
};
use crate::frame::HeaderValue;

/// Builds and opens a connection of type `C`: that of the asynchronous or of the blocking client.
#[must_use = "nothing is connected until `connect` is called"]
pub struct Builder<C> {
    pub(crate) settings: Settings,
    connection: PhantomData<fn() -> C>,
}

impl<C> Default for Builder<C> {
    fn default() -> Self {
        Self { settings: Settings::default(), connection: PhantomData }
    }
}

impl<C> Clone for Builder<C> {
    fn clone(&self) -> Self {
        Self { settings: self.settings.clone(), connection: PhantomData }
    }
}

impl<C> Builder<C> {
    /// A builder that takes what is not set from the environment of a Greengrass component.
    pub(crate) fn from_environment() -> Self {
        let settings = Settings { reads_environment: true, ..Settings::default() };
        Self { settings, ..Self::default() }
    }

    /// The Unix domain socket to connect to.
    pub fn socket_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings.address = Some(Address::Unix(path.into()));
        self
    }

    /// The TCP address to connect to, `host:port`.
    pub fn tcp_address(mut self, address: impl Into<String>) -> Self {
        self.settings.address = Some(Address::Tcp(address.into()));
        self
    }

    /// The token by which a Greengrass nucleus knows a component.
    pub fn auth_token(mut self, token: impl Into<String>) -> Self {
        self.settings.token = Some(Token::Text(token.into()));
        self
    }

    /// What gives the token, asked each time a connection is opened.
    pub fn token_provider<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
        mut self,
        provider: impl Fn() -> Result<String, E> + Send + Sync + 'static,
    ) -> Self {
        self.settings.token =
            Some(Token::Provider(Arc::new(move || provider().map_err(Into::into))));
        self
    }

    /// Connects by the name of a component rather than by a token. Nucleus lite only: it checks that the
    /// process belongs to the component's systemd unit.
    pub fn component_name(mut self, name: impl Into<String>) -> Self {
        self.settings.component_name = Some(name.into());
        self
    }

    /// The payload of the connect message, for a service that is not Greengrass; it replaces token and
    /// component name.
    pub fn connect_payload(mut self, payload: impl Into<bytes::Bytes>) -> Self {
        self.settings.payload = Some(payload.into());
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

    /// How long a message from the server may be on its way, from its first byte to its last, however long it
    /// is. Default: 30 s.
    ///
    /// A server that stops in the middle of a message ends the connection with
    /// [`ConnectionError::FrameTimeout`](crate::error::ConnectionError::FrameTimeout), and a
    /// [`ReconnectPolicy`] brings it back. A time in which nobody reads, as the program is busy or, for a
    /// blocking connection without subscriptions, as no thread waits for anything, counts as a sixteenth of it
    /// at most.
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
        self.settings.lifecycle = Some(lifecycle::Slot::new(handler));
        self
    }
}

impl<C> fmt::Debug for Builder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers, payload and token may all be secret.
        f.debug_struct("Builder")
            .field("address", &self.settings.address)
            .field("component_name", &self.settings.component_name)
            .field("connect_timeout", &self.settings.connect_timeout)
            .field("handshake_timeout", &self.settings.handshake_timeout)
            .field("call_timeout", &self.settings.call_timeout)
            .field("config", &self.settings.config)
            .field("reconnect", &self.settings.reconnect)
            .finish_non_exhaustive()
    }
}
