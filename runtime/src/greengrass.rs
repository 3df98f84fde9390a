//! What is particular to AWS IoT Greengrass: where a component finds the socket and its token, and how
//! it identifies itself.

#[cfg(any(feature = "tokio", feature = "blocking"))]
mod component;

#[cfg(any(feature = "tokio", feature = "blocking"))]
pub use component::Component;

/// The environment variable that holds the path of the nucleus's socket.
pub const SOCKET_PATH_VARIABLE: &str = "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT";

/// The environment variable that holds the token of a component's process.
pub const AUTH_TOKEN_VARIABLE: &str = "SVCUID";

/// Builds and opens a connection of type `C` to the nucleus. What is not set comes from the environment,
/// when `connect` is called.
///
/// It alone has the methods for tokens and component names; the client of another service does not:
///
/// ```compile_fail,E0599
/// # use eventstream_rpc::client::Connection;
/// Connection::builder().auth_token("token");
/// ```
#[cfg(any(feature = "tokio", feature = "blocking"))]
pub type Builder<C> = crate::client::Builder<C, Component>;

/// The payload of a connect message: identifies the component.
///
/// The Java nucleus wants the token. Nucleus lite also takes a component's name alone, and then checks
/// that the process belongs to that component's systemd unit.
#[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ConnectPayload {
    /// The token that the nucleus gave to the component's process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_token: Option<String>,
    /// The name of the component that the process belongs to; nucleus lite only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component_name: Option<String>,
}

impl ConnectPayload {
    /// Identifies the component by the token of its process.
    pub fn with_auth_token(token: impl Into<String>) -> Self {
        Self { auth_token: Some(token.into()), component_name: None }
    }

    /// Identifies the component by its name; nucleus lite only.
    pub fn with_component_name(name: impl Into<String>) -> Self {
        Self { auth_token: None, component_name: Some(name.into()) }
    }

    /// Reads the payload of a connect message; `None` if it is not a JSON object with these members.
    pub fn from_slice(payload: &[u8]) -> Option<Self> {
        serde_json::from_slice(payload).ok()
    }

    /// The payload as it travels.
    pub fn to_vec(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings have a JSON form")
    }
}

impl std::fmt::Debug for ConnectPayload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let token = self.auth_token.as_ref().map(|_| crate::REDACTED);
        f.debug_struct("ConnectPayload")
            .field("auth_token", &token)
            .field("component_name", &self.component_name)
            .finish()
    }
}
