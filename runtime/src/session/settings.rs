//! What a connection is built from.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use super::{
    ReconnectPolicy,
    credentials::{Credentials, StaticPayload},
    lifecycle,
};
use crate::{
    error::{ConnectError, Logged},
    frame::Header,
    protocol::client::{Config, Connect, ConnectionEvent, Core},
    transport::Address,
};

/// What has been chosen for a connection of either client.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) address: Option<Address>,
    pub(crate) credentials: Arc<dyn Credentials>,
    pub(crate) headers: Vec<Header>,
    pub(crate) connect_timeout: Duration,
    pub(crate) handshake_timeout: Duration,
    pub(crate) call_timeout: Duration,
    /// Whether requests are checked before they are sent.
    pub(crate) validates: bool,
    pub(crate) config: Config,
    pub(crate) reconnect: Option<ReconnectPolicy>,
    pub(crate) lifecycle: Option<lifecycle::SharedHandler>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            address: None,
            credentials: Arc::new(StaticPayload::default()),
            headers: Vec::new(),
            connect_timeout: Duration::from_secs(3),
            handshake_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_secs(10),
            validates: false,
            config: Config::default(),
            reconnect: None,
            lifecycle: None,
        }
    }
}

impl Settings {
    /// Where to connect to, and the message to introduce this side with.
    ///
    /// The message is made before the socket is opened, so that a missing token is not blamed on the server.
    pub(crate) fn target(&self) -> Result<(Address, Connect), ConnectError> {
        let address = match &self.address {
            Some(address) => address.clone(),
            None => ask(|| self.credentials.address())?,
        };
        Ok((address, self.connect_message()?))
    }

    /// The message to introduce this side with.
    pub(crate) fn connect_message(&self) -> Result<Connect, ConnectError> {
        let payload = ask(|| self.credentials.payload())?;
        Ok(Connect { headers: self.headers.clone(), payload })
    }

    /// The state of a connection that is about to introduce itself.
    pub(crate) fn core(&self, connect: &Connect) -> Result<Core, ConnectError> {
        let mut config = self.config;
        config.reconnects = self.reconnect.is_some();
        config.calls_wait = self.reconnect.is_some_and(|it| it.calls_wait);
        config.resubscribe_timeout = self.call_timeout;
        let mut core = Core::new(config, connect)?;
        if self.lifecycle.is_some() {
            core.record_events();
        }
        Ok(core)
    }

    /// Says that connecting failed, if it did.
    pub(crate) fn report<T>(self, result: Result<T, ConnectError>) -> Result<T, ConnectError> {
        if let Err(error) = &result {
            tracing::debug!(target: crate::LOG_TARGET, error = %Logged(error), "connect failed");
            if let Some(handler) = self.lifecycle {
                handler.tell(ConnectionEvent::ReconnectFailed(Arc::new(error.clone())), |_| ());
            }
        }
        result
    }
}

/// Asks the credentials. The thread that opens a connection again has to survive a panic.
fn ask<T>(f: impl FnOnce() -> Result<T, ConnectError>) -> Result<T, ConnectError> {
    catch_unwind(AssertUnwindSafe(f))
        .unwrap_or_else(|_| Err(ConnectError::Token(Arc::from(Box::from("it panicked")))))
}
