//! Authentication of clients and authorization of their calls.

use bytes::Bytes;

use super::{ErrorReply, RequestContext};
use crate::{
    frame::{Header, HeaderValue},
    protocol::{RpcMessage, header},
    transport::PeerCredentials,
};

/// A client that introduces itself.
#[derive(Clone)]
#[non_exhaustive]
pub struct ConnectRequest {
    /// The headers of its connect message, without those of the protocol.
    pub headers: Vec<Header>,
    /// The payload of its connect message.
    pub payload: Bytes,
    /// The process at the other end of a Unix socket, as far as the platform says.
    pub peer: Option<PeerCredentials>,
}

impl ConnectRequest {
    pub(super) fn new(message: &RpcMessage, peer: Option<PeerCredentials>) -> Self {
        let own = [header::VERSION, header::MESSAGE_TYPE, header::MESSAGE_FLAGS, header::STREAM_ID];
        let is_own = |name: &str| own.iter().any(|it| name.eq_ignore_ascii_case(it));
        let headers = message.headers().filter(|it| !is_own(it.name));
        Self {
            headers: headers.map(|it| Header::new(it.name, it.value.to_owned())).collect(),
            payload: Bytes::copy_from_slice(message.payload()),
            peer,
        }
    }

    /// The text of a header; `None` if it is absent or of another type.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().rfind(|it| it.name == name).and_then(|it| match &it.value {
            HeaderValue::String(text) => Some(text.as_str()),
            _ => None,
        })
    }
}

impl std::fmt::Debug for ConnectRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Headers and payload may hold a token.
        f.debug_struct("ConnectRequest").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// Who a client is: for Greengrass, the name of a component.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity(pub String);

/// The client is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejected;

/// Decides which clients may connect.
///
/// A function that takes a [`ConnectRequest`] is one.
pub trait Authenticator: Send + Sync + 'static {
    /// Who the client is.
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

/// Accepts every client, with an empty identity.
#[derive(Clone, Copy, Debug)]
pub struct AllowAll(pub(super) ());

impl Authenticator for AllowAll {
    async fn authenticate(&self, _: &ConnectRequest) -> Result<Identity, Rejected> {
        Ok(Identity(String::new()))
    }
}

/// Decides which calls a client may make, before the handler runs.
///
/// A function with these arguments is one.
pub trait Authorizer: Send + Sync + 'static {
    /// Whether the client may call the operation.
    ///
    /// # Errors
    ///
    /// What the client is told instead.
    fn authorize(&self, context: &RequestContext, operation: &str) -> Result<(), ErrorReply>;
}

impl<F> Authorizer for F
where
    F: Fn(&RequestContext, &str) -> Result<(), ErrorReply> + Send + Sync + 'static,
{
    fn authorize(&self, context: &RequestContext, operation: &str) -> Result<(), ErrorReply> {
        self(context, operation)
    }
}
