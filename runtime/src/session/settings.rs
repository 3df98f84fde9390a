//! The settings of a connection.

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

/// The settings of a connection of either client.
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
    /// The address to connect to.
    pub(crate) fn address(&self) -> Result<Address, ConnectError> {
        self.address.clone().map_or_else(|| ask(|| self.credentials.address()), Ok)
    }

    /// The connect message. It is made before the socket is opened, so that a missing token is not blamed on the
    /// server.
    pub(crate) fn connect_message(&self) -> Result<Connect, ConnectError> {
        let payload = ask(|| self.credentials.payload())?;
        Ok(Connect { headers: self.headers.clone(), payload })
    }

    /// The state of a connection that is about to be opened.
    pub(crate) fn core(&self) -> Result<Core, ConnectError> {
        let mut config = self.config;
        config.reconnects = self.reconnect.is_some();
        config.calls_wait = self.reconnect.is_some_and(|it| it.calls_wait);
        config.resubscribe_timeout = self.call_timeout;
        let mut core = Core::new(config, &self.connect_message()?)?;
        if self.lifecycle.is_some() {
            core.record_events();
        }
        Ok(core)
    }

    /// Logs that connecting failed, if it did, and tells the lifecycle handler.
    pub(crate) fn report<T>(self, result: Result<T, ConnectError>) -> Result<T, ConnectError> {
        if let Err(error) = &result {
            tracing::debug!(target: crate::LOG_TARGET, error = %Logged(error), "connect failed");
            if let Some(handler) = self.lifecycle {
                handler.report(ConnectionEvent::ReconnectFailed(Arc::new(error.clone())), |_| ());
            }
        }
        result
    }
}

/// Calls the credentials. The thread that opens a connection again has to survive a panic.
fn ask<T>(f: impl FnOnce() -> Result<T, ConnectError>) -> Result<T, ConnectError> {
    catch_unwind(AssertUnwindSafe(f))
        .unwrap_or_else(|_| Err(ConnectError::Token(Arc::from(Box::from("it panicked")))))
}
