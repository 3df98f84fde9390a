//! Authentication of clients.

use bytes::Bytes;

use crate::{
    frame::{Header, HeaderValue},
    protocol::{RpcMessage, header},
    transport::PeerCredentials,
};

/// A client's request to connect.
#[derive(Clone)]
#[non_exhaustive]
pub struct ConnectRequest {
    /// The headers of the connect message, without those of the protocol.
    pub headers: Vec<Header>,
    /// The payload of the connect message.
    pub payload: Bytes,
    /// The client's process; `None` for other transports than Unix sockets, or if the platform does not tell.
    pub peer: Option<PeerCredentials>,
}

impl ConnectRequest {
    pub(super) fn new(message: &RpcMessage, peer: Option<PeerCredentials>) -> Self {
        let own = [header::VERSION, header::MESSAGE_TYPE, header::MESSAGE_FLAGS, header::STREAM_ID];
        let is_own = |name: &str| own.iter().any(|it| name.eq_ignore_ascii_case(it));
        let headers = message.headers().filter(|(name, _)| !is_own(name));
        let headers = headers.map(|(name, value)| Header::new(name, value.to_owned())).collect();
        Self { headers, payload: Bytes::copy_from_slice(message.payload()), peer }
    }

    /// The text of a header; `None` if the header is absent or of another type.
    pub fn header(&self, name: &str) -> Option<&str> {
        match &self.headers.iter().rfind(|it| it.name == name)?.value {
            HeaderValue::String(text) => Some(text),
            _ => None,
        }
    }
}

impl std::fmt::Debug for ConnectRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Headers and payload may contain a token.
        f.debug_struct("ConnectRequest").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// The identity of a client: for Greengrass, the name of a component.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity(pub String);

/// The refusal of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejected;

/// Decides which clients may connect.
///
/// Functions from [`ConnectRequest`] to `Result<Identity, Rejected>` implement it.
pub trait Authenticator: Send + Sync + 'static {
    /// The identity of the client.
    ///
    /// # Errors
    ///
    /// The client is refused.
    fn authenticate(
        &self,
        request: &ConnectRequest,
    ) -> impl Future<Output = Result<Identity, Rejected>> + Send;
}

impl<F> Authenticator for F
where
    F: Fn(&ConnectRequest) -> Result<Identity, Rejected> + Send + Sync + 'static,
{
    async fn authenticate(&self, request: &ConnectRequest) -> Result<Identity, Rejected> {
        self(request)
    }
}
