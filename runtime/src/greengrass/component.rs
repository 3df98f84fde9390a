//! The credentials of a component.

use std::{error::Error, fmt, sync::Arc};

use bytes::Bytes;
use serde_json::{Map, Value};

use super::AUTH_TOKEN_VARIABLE;
use crate::{
    client::{Builder, Credentials},
    error::ConnectError,
};

/// The credentials of a component: a token, a name or both. Default: the token from the environment.
#[derive(Clone, Default)]
pub struct Component {
    token: Option<Token>,
    name: Option<String>,
}

type Token = Arc<dyn Fn() -> Result<String, ConnectError> + Send + Sync>;

impl<C, T> Builder<C, Component, T> {
    /// Sets the token of the component's process.
    pub fn auth_token(mut self, token: impl Into<String>) -> Self {
        let token = token.into();
        self.credentials.token = Some(Arc::new(move || Ok(token.clone())));
        self
    }

    /// Sets a function that returns the token. It is called each time a connection is opened.
    pub fn token_provider<E: Into<Box<dyn Error + Send + Sync>>>(
        mut self,
        provider: impl Fn() -> Result<String, E> + Send + Sync + 'static,
    ) -> Self {
        let token = move || provider().map_err(|error| ConnectError::Token(error.into().into()));
        self.credentials.token = Some(Arc::new(token));
        self
    }

    /// Sets the component's name, for connections without a token. Only nucleus lite accepts those, and checks that the
    /// process belongs to the systemd unit of the component.
    pub fn component_name(mut self, name: impl Into<String>) -> Self {
        self.credentials.name = Some(name.into());
        self
    }
}

impl Credentials for Component {
    fn payload(&self) -> Result<Bytes, ConnectError> {
        let token = match (&self.token, &self.name) {
            (Some(token), _) => Some(token()?),
            (None, Some(_)) => None,
            (None, None) => Some(variable(AUTH_TOKEN_VARIABLE)?),
        };
        let members = [("authToken", token), ("componentName", self.name.clone())];
        let members =
            members.into_iter().filter_map(|(name, value)| Some((name.into(), value?.into())));
        Ok(Value::Object(Map::from_iter(members)).to_string().into())
    }

    #[cfg(unix)]
    fn address(&self) -> Result<crate::client::Address, ConnectError> {
        variable(super::SOCKET_PATH_VARIABLE).map(crate::client::Address::unix)
    }
}

fn variable(name: &'static str) -> Result<String, ConnectError> {
    std::env::var(name).map_err(|_| ConnectError::MissingVariable { name })
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token is secret.
        f.debug_struct("Component").field("name", &self.name).finish_non_exhaustive()
    }
}
