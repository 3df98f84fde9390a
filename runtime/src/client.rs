//! The client: connections, calls and subscriptions.
//!
//! A [`Connection`] is a handle that can be cloned. One task reads and writes its socket and runs no application code,
//! so a handler may make calls and wait for other subscriptions.
//!
//! # Logs
//!
//! The client logs through `tracing`, with target `eventstream_rpc`. Records contain kinds, lengths, numbers and names
//! of the model, and no text from the server or the application. A `tracing` subscriber may use the connection, but
//! must not wait for a response or for a write: it may run on the thread that reads and writes.
//!
//! | name | level | fields |
//! |---|---|---|
//! | `connection` (span) | debug | `connection`, a number |
//! | `call` (span) | debug | `connection`, `operation` |
//! | `connected` | debug | `connection` |
//! | `connect failed` | debug | `error` |
//! | `connection ended` | debug | `error`, unless this side closed it |
//! | `terminate sent`, `terminate received` | trace | `stream` |
//! | `stream error` (in a closure used as a handler) | warn | `operation`, `error` |
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
