//! The client: connections, calls and subscriptions.
//!
//! A [`Connection`] is a handle that can be cloned; one task reads and writes its socket, and runs no
//! code of yours. So a call made in a handler, or a wait for another subscription there, always works.
//!
//! # Logs
//!
//! Through `tracing`, with target `eventstream_rpc`. A record has kinds, lengths, numbers and names of the model,
//! never text from the server or from the application. A subscriber may use the connection that it is told of, but must
//! not wait for an answer or for what is written: its thread may be the one that reads and writes.
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
//! | `lifecycle handler panicked` | error | |

#[cfg(any(feature = "tokio", feature = "blocking"))]
pub(crate) mod blocking_handler;
#[cfg(any(feature = "tokio", feature = "blocking"))]
mod builder;
pub(crate) mod caller;
#[cfg(feature = "tokio")]
mod connection;
#[cfg(feature = "tokio")]
mod done;
#[cfg(feature = "tokio")]
mod handler;
#[cfg(any(feature = "tokio", feature = "blocking"))]
pub(crate) mod item;
#[cfg(any(feature = "tokio", feature = "blocking"))]
pub(crate) mod lifecycle;
#[cfg(feature = "tokio")]
mod open;
#[cfg(any(feature = "tokio", feature = "blocking"))]
mod ping;
#[cfg(any(feature = "tokio", feature = "blocking"))]
pub(crate) mod policy;
#[cfg(feature = "tokio")]
mod reconnect;
#[cfg(any(feature = "tokio", feature = "blocking"))]
pub(crate) mod reply;
#[cfg(any(feature = "tokio", feature = "blocking"))]
pub(crate) mod settings;
#[cfg(feature = "tokio")]
mod shared;
#[cfg(feature = "tokio")]
mod subscription;

#[cfg(all(shuttle, feature = "tokio"))]
#[path = "../../tests/interleavings/client/scenarios.rs"]
pub mod interleavings;

#[cfg(any(feature = "tokio", feature = "blocking"))]
pub use blocking_handler::BlockingStreamHandler;
#[cfg(any(feature = "tokio", feature = "blocking"))]
pub use builder::Builder;
pub use caller::Caller;
#[cfg(feature = "tokio")]
pub use connection::Connection;
#[cfg(feature = "tokio")]
pub use handler::{StreamHandler, SubscriptionHandle};
#[cfg(any(feature = "tokio", feature = "blocking"))]
pub use item::{Notice, SubscriptionItem};
#[cfg(any(feature = "tokio", feature = "blocking"))]
pub use lifecycle::LifecycleHandler;
#[cfg(any(feature = "tokio", feature = "blocking"))]
pub use ping::PingError;
#[cfg(any(feature = "tokio", feature = "blocking"))]
pub use policy::ReconnectPolicy;
#[cfg(feature = "tokio")]
pub use subscription::{Subscription, WithNotices};

pub use crate::options::{CallOptions, Overflow, SubscribeOptions};

/// Builds and opens a [`Connection`].
#[cfg(feature = "tokio")]
pub type ConnectionBuilder = Builder<Connection>;
