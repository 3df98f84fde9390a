//! The tokens of components, by which they are authenticated.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use greengrass_core_ipc::server::{ConnectRequest, Identity, Rejected};
use serde_json::Value;

use crate::{exports, random};

/// The tokens of components. A deployment adds and removes some.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    /// By component.
    tokens: RwLock<BTreeMap<String, String>>,
    rejects_all: AtomicBool,
}

impl Tokens {
    /// Adds a component with a new token, unless it has one.
    pub(crate) fn add(&self, component: &str) {
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        tokens.entry(component.to_owned()).or_insert_with(random::token);
    }

    /// Removes the token of a component. Its connections stay open.
    pub(crate) fn remove(&self, component: &str) {
        self.tokens.write().unwrap_or_else(PoisonError::into_inner).remove(component);
    }

    /// The token of a component.
    pub(crate) fn of(&self, component: &str) -> Option<String> {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner).get(component).cloned()
    }

    /// The names of the components, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        tokens.keys().cloned().collect()
    }

    /// The lines that export the environment of the components.
    pub(crate) fn exports(&self, socket: &Path, root: Option<&Path>) -> String {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        tokens.iter().map(|(name, token)| exports::lines(name, socket, token, root)).collect()
    }

    /// Sets whether all tokens are rejected.
    pub(crate) fn reject_all(&self, is_on: bool) {
        self.rejects_all.store(is_on, Ordering::Relaxed);
    }

    pub(crate) fn authenticate(&self, request: &ConnectRequest) -> Result<Identity, Rejected> {
        let component = token_in(&request.payload).and_then(|it| self.component_of(&it));
        component.map(Identity).map_err(|reason| {
            tracing::warn!("a connection is rejected: {reason}");
            Rejected
        })
    }

    /// The component that has a token, or why there is none.
    pub(crate) fn component_of(&self, token: &str) -> Result<String, &'static str> {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        let known = tokens.iter().find(|it| it.1.eq_ignore_ascii_case(token));
        let known = known.filter(|(component, known)| {
            if *known != token {
                tracing::warn!(
                    "the token of {component} is rejected in other upper and lower case; a device accepts it"
                );
            }
            *known == token
        });
        let (component, _) = known.ok_or("the token is unknown; each start creates new tokens")?;
        if self.rejects_all.load(Ordering::Relaxed) {
            return Err("all tokens are rejected");
        }
        Ok(component.clone())
    }
}

/// The token in the payload of a connect message.
fn token_in(payload: &[u8]) -> Result<String, &'static str> {
    let payload: Value = serde_json::from_slice(payload).map_err(|_| "the payload is not JSON")?;
    let token = payload.get("authToken").and_then(Value::as_str);
    token.map(str::to_owned).ok_or("the payload has no text authToken")
}
