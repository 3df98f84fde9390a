//! What is specific to AWS IoT Greengrass: where a component finds the socket and its token, and the payload of the
//! connect message.
//!
//! The payload is a JSON object with the members `authToken`, the token that the nucleus gave to the component's
//! process, and `componentName`. The Java nucleus requires the token. Nucleus lite also accepts the name alone, and then
//! checks that the process belongs to the systemd unit of that component.

#[cfg(any(feature = "tokio", feature = "blocking"))]
mod component;
mod permission;

#[cfg(any(feature = "tokio", feature = "blocking"))]
pub use component::Component;
pub use permission::{Permission, exact_pattern};

/// The environment variable that holds the path of the nucleus's socket.
pub const SOCKET_PATH_VARIABLE: &str = "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT";

/// The environment variable that holds the token of a component's process.
pub const AUTH_TOKEN_VARIABLE: &str = "SVCUID";

/// The builder of a connection of type `C` to the nucleus, or of a client `T` over it. The environment provides what is not set, when `connect` is
/// called.
///
/// Only this builder has the methods for tokens and component names; that of the client of another service does not:
///
/// ```compile_fail,E0599
/// # use eventstream_rpc::client::Connection;
/// Connection::builder().auth_token("token");
/// ```
#[cfg(any(feature = "tokio", feature = "blocking"))]
pub type Builder<C, T = C> = crate::client::Builder<C, Component, T>;
