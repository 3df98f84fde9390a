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

#[cfg(feature = "tokio")]
mod asynchronous;

#[cfg(all(shuttle, feature = "tokio"))]
pub use asynchronous::interleavings;
#[cfg(feature = "tokio")]
pub use asynchronous::{
    Connection, ConnectionBuilder, StreamHandler, Subscription, SubscriptionHandle, WithNotices,
};

pub use crate::options::{CallOptions, Caller, Overflow, SubscribeOptions};
#[cfg(any(feature = "tokio", feature = "blocking"))]
pub use crate::session::{
    Address, BlockingStreamHandler, Builder, Credentials, LifecycleHandler, Notice, PingError,
    ReconnectPolicy, StaticPayload, SubscriptionItem,
};
