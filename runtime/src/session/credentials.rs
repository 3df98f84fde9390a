//! How a client identifies itself to a server.

use std::fmt;

use bytes::Bytes;

use crate::{error::ConnectError, transport::Address};

/// How a client identifies itself to the servers of a service.
///
/// The methods are called each time that a connection is opened, also by a
/// [`ReconnectPolicy`](super::ReconnectPolicy), before the socket is opened. A panic counts as an error.
pub trait Credentials: Send + Sync + 'static {
    /// The payload of the connect message.
    ///
    /// # Errors
    ///
    /// Why there is no payload, usually [`ConnectError::Token`].
    fn payload(&self) -> Result<Bytes, ConnectError>;

    /// The address to connect to if the builder has none.
    ///
    /// # Errors
    ///
    /// Why there is no address: [`ConnectError::NoAddress`] by default.
    fn address(&self) -> Result<Address, ConnectError> {
        Err(ConnectError::NoAddress)
    }
}

/// Credentials that do not change: the payload that a [`Builder`](super::Builder) was given.
#[derive(Clone)]
pub struct StaticPayload(pub(super) Bytes);

impl Default for StaticPayload {
    fn default() -> Self {
        Self(Bytes::from_static(b"{}"))
    }
}

impl Credentials for StaticPayload {
    fn payload(&self) -> Result<Bytes, ConnectError> {
        Ok(self.0.clone())
    }
}

impl fmt::Debug for StaticPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It may be secret.
        f.debug_struct("StaticPayload").finish_non_exhaustive()
    }
}
