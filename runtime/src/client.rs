//! The client: connections, calls and subscriptions.
//!
//! A [`Connection`] is a handle that can be cloned; one task reads and writes its socket, and runs no
//! code of yours. So a call made in a handler, or a wait for another subscription there, always works.
//!
//! # Logs
//!
//! Through `tracing`, with target `eventstream_rpc`. No payload, header value or token is ever logged.
//!
//! | name | level | fields |
//! |---|---|---|
//! | `connection` (span) | debug | `connection`, a number |
//! | `call` (span) | debug | `connection`, `operation` |
//! | `connected` | debug | `connection` |
//! | `connect failed` | debug | `error` |
//! | `connection ended` | debug | `error`, unless this side closed it |
//! | `terminate sent`, `terminate received` | trace | `stream` |
//! | `stream error` (of a handler that does not look at errors) | warn | `operation`, `error` |
//! | `handler panicked` | error | `operation` |

#[cfg(feature = "tokio")]
mod builder;
#[cfg(feature = "tokio")]
mod connection;
#[cfg(feature = "tokio")]
mod handler;
#[cfg(feature = "tokio")]
mod lifecycle;
#[cfg(feature = "tokio")]
mod open;
mod options;
#[cfg(feature = "tokio")]
mod policy;
#[cfg(feature = "tokio")]
mod reconnect;
#[cfg(feature = "tokio")]
mod reply;
#[cfg(feature = "tokio")]
mod shared;
#[cfg(feature = "tokio")]
mod subscription;

#[cfg(feature = "tokio")]
pub use builder::ConnectionBuilder;
#[cfg(feature = "tokio")]
pub use connection::{Connection, PingError};
#[cfg(feature = "tokio")]
pub use handler::{BlockingStreamHandler, StreamHandler, SubscriptionHandle};
#[cfg(feature = "tokio")]
pub use lifecycle::LifecycleHandler;
pub use options::{CallOptions, Overflow, SubscribeOptions};
#[cfg(feature = "tokio")]
pub use policy::ReconnectPolicy;
#[cfg(feature = "tokio")]
pub use subscription::{Notice, Subscription, SubscriptionItem, WithNotices};
