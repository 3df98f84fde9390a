//! Client and server runtime for event-stream RPC, the protocol of AWS IoT Greengrass IPC.
//!
//! Crates that the generator makes, such as `greengrass-core-ipc`, are thin: their types plug into this
//! runtime, which knows nothing of any service. It is unofficial and independent of AWS.
//!
//! # Layers
//!
//! Each layer uses the ones above it in this table and knows nothing of those below.
//!
//! | module | what it does | what it does not know |
//! |---|---|---|
//! | [`frame`] | messages as bytes: prelude, headers, payload, checksums | what a header means |
//! | [`protocol`] | handshake, streams, deadlines, queues, as values | sockets, tasks, clocks, JSON |
//! | [`operation`], [`serde`], [`primitives`], [`error`] | shapes, operations and errors of a model | the protocol |
//! | [`client`], [`server`](mod@crate::server), [`blocking`](mod@crate::blocking) | tasks or threads that drive a [`protocol`] value over a socket | any particular service |
//! | [`greengrass`] | environment variables and connect message of Greengrass | |
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `tokio` (default) | the asynchronous client |
//! | `blocking` | the blocking client, which needs no asynchronous runtime |
//! | `server` | the server |
//! | `pattern` | regular expressions, for models that use the trait `pattern` |
//!
//! No feature changes what a type means.

#![warn(clippy::print_stdout, clippy::print_stderr)]

#[cfg(feature = "blocking")]
pub mod blocking;
pub mod client;
pub mod error;
pub mod frame;
pub mod greengrass;
#[doc(hidden)]
pub mod macros;
pub mod operation;
mod options;
pub mod primitives;
pub mod protocol;
mod requirements;
pub mod serde;
#[cfg(feature = "server")]
pub mod server;
#[cfg(any(feature = "tokio", feature = "blocking"))]
mod session;
#[cfg(any(feature = "tokio", feature = "blocking", feature = "server"))]
mod sync;
#[cfg(any(feature = "tokio", feature = "blocking", feature = "server"))]
mod transport;

/// The target of everything that is logged.
const LOG_TARGET: &str = "eventstream_rpc";

/// What `Debug` output shows in the place of a sensitive value.
pub const REDACTED: &str = "*** Sensitive Data Redacted ***";
