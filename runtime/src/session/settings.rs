//! What a connection is built from.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use super::{ReconnectPolicy, lifecycle};
use crate::{
    error::{BuildError, ConnectError, EncodeError, Logged},
    frame::Header,
    greengrass::{AUTH_TOKEN_VARIABLE, ConnectPayload, SOCKET_PATH_VARIABLE},
    protocol::client::{Config, Connect, Core},
};

/// What gives the token each time a connection is opened.
pub(crate) type TokenProvider =
    Arc<dyn Fn() -> Result<String, Box<dyn std::error::Error + Send + Sync>> + Send + Sync>;

/// What has been chosen for a connection, whatever kind of client it is for.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) address: Option<Address>,
    pub(crate) token: Option<Token>,
    pub(crate) component_name: Option<String>,
    pub(crate) payload: Option<bytes::Bytes>,
    pub(crate) headers: Vec<Header>,
    pub(crate) reads_environment: bool,
    pub(crate) connect_timeout: Duration,
    pub(crate) handshake_timeout: Duration,
    pub(crate) call_timeout: Duration,
    /// Whether requests are checked before they are sent.
    pub(crate) validates: bool,
    pub(crate) config: Config,
    pub(crate) reconnect: Option<ReconnectPolicy>,
    pub(crate) lifecycle: Option<lifecycle::Slot>,
}

#[derive(Clone, Debug)]
pub(crate) enum Address {
    Unix(PathBuf),
    Tcp(String),
}

#[derive(Clone)]
pub(crate) enum Token {
    Text(String),
    Provider(TokenProvider),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            address: None,
            token: None,
            component_name: None,
            payload: None,
            headers: Vec::new(),
            reads_environment: false,
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
            None if self.reads_environment => Address::Unix(variable(SOCKET_PATH_VARIABLE)?.into()),
            None => return Err(ConnectError::NoAddress),
        };
        Ok((address, self.connect_message()?))
    }

    /// The message to introduce this side with.
    pub(crate) fn connect_message(&self) -> Result<Connect, ConnectError> {
        let payload = match &self.payload {
            Some(payload) => payload.clone(),
            None => self.greengrass_payload()?,
        };
        Ok(Connect { headers: self.headers.clone(), payload })
    }

    fn greengrass_payload(&self) -> Result<bytes::Bytes, ConnectError> {
        let auth_token = match &self.token {
            Some(Token::Text(token)) => Some(token.clone()),
            Some(Token::Provider(provider)) => {
                Some(ask(provider).map_err(|error| ConnectError::Token(error.into()))?)
            }
            None if self.reads_environment && self.component_name.is_none() => {
                Some(variable(AUTH_TOKEN_VARIABLE)?)
            }
            None => None,
        };
        let component_name = self.component_name.clone();
        Ok(ConnectPayload { auth_token, component_name }.to_vec().into())
    }

    /// The state of a connection that is about to introduce itself.
    pub(crate) fn core(&self, connect: &Connect, reconnects: bool) -> Result<Core, ConnectError> {
        let mut config = self.config;
        config.reconnects = reconnects;
        config.calls_wait = self.reconnect.is_some_and(|it| it.calls_wait);
        config.resubscribe_timeout = self.call_timeout;
        let mut core = Core::new(config, connect).map_err(unencodable)?;
        if self.lifecycle.is_some() {
            core.record_events();
        }
        Ok(core)
    }

    /// Says that connecting failed, if it did.
    pub(crate) fn report<T>(self, result: Result<T, ConnectError>) -> Result<T, ConnectError> {
        if let Err(error) = &result {
            tracing::debug!(target: crate::LOG_TARGET, error = %Logged(error), "connect failed");
            if let Some(slot) = self.lifecycle {
                slot.connect_failed(error.clone());
            }
        }
        result
    }
}

/// The token, or why there is none. Whoever brings a connection back must survive a provider that panics.
fn ask(provider: &TokenProvider) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    catch_unwind(AssertUnwindSafe(|| provider()))
        .unwrap_or_else(|_| Err("the token provider panicked".into()))
}

fn variable(name: &'static str) -> Result<String, ConnectError> {
    std::env::var(name).map_err(|_| ConnectError::MissingVariable { name })
}

pub(crate) fn unencodable(error: EncodeError) -> ConnectError {
    ConnectError::Build(BuildError::encode(error).into())
}
