//! How a component introduces itself to the nucleus.

use std::{error::Error, fmt, sync::Arc};

use super::{AUTH_TOKEN_VARIABLE, ConnectPayload};
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

impl<C> Builder<C, Component> {
    /// The token by which a nucleus knows a component.
    pub fn auth_token(mut self, token: impl Into<String>) -> Self {
        let token = token.into();
        self.credentials.token = Some(Arc::new(move || Ok(token.clone())));
        self
    }

    /// What gives the token, asked each time a connection is opened.
    pub fn token_provider<E: Into<Box<dyn Error + Send + Sync>>>(
        mut self,
        provider: impl Fn() -> Result<String, E> + Send + Sync + 'static,
    ) -> Self {
        let token = move || provider().map_err(|error| ConnectError::Token(error.into().into()));
        self.credentials.token = Some(Arc::new(token));
        self
    }

    /// Connects by the name of a component rather than by a token. Nucleus lite only: it checks that the
    /// process belongs to the component's systemd unit.
    pub fn component_name(mut self, name: impl Into<String>) -> Self {
        self.credentials.name = Some(name.into());
        self
    }
}

impl Credentials for Component {
    fn payload(&self) -> Result<bytes::Bytes, ConnectError> {
        let auth_token = match (&self.token, &self.name) {
            (Some(token), _) => Some(token()?),
            (None, Some(_)) => None,
            (None, None) => Some(variable(AUTH_TOKEN_VARIABLE)?),
        };
        Ok(ConnectPayload { auth_token, component_name: self.name.clone() }.to_vec().into())
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
