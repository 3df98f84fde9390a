//! Where a client connects to, and how it introduces itself.

use std::fmt;

use bytes::Bytes;

use crate::{error::ConnectError, transport::Address};

/// How a client introduces itself to the servers of one kind of service.
///
/// They are asked each time a connection is opened, also when a
/// [`ReconnectPolicy`](super::ReconnectPolicy) opens it again, before the socket is. A panic counts as an
/// error.
pub trait Credentials: Send + Sync + 'static {
    /// The payload of the connect message.
    ///
    /// # Errors
    ///
    /// Why there is no payload, usually [`ConnectError::Token`].
    fn payload(&self) -> Result<Bytes, ConnectError>;

    /// Where to connect to if the builder of the connection does not say.
    ///
    /// # Errors
    ///
    /// Why there is no such address: [`ConnectError::NoAddress`] by default.
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
