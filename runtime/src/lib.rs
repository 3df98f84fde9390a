//! Client and server runtime for event-stream RPC, the protocol of AWS IoT Greengrass IPC.
//!
//! Crates that the generator makes, such as `greengrass-core-ipc`, are thin: their types plug into this
//! runtime, which knows nothing of any service. It is unofficial and independent of AWS.
//!
//! # Layers
//!
//! Each module uses those above it in this table and knows nothing of those below.
//!
//! | module | what it does | what it does not know |
//! |---|---|---|
//! | `sync`, `requirements` | locks; the features that generated modules need | everything else |
//! | [`frame`] | messages as bytes: prelude, headers, payload, checksums | what a header means |
//! | [`primitives`] | the simple types of a model: blobs, timestamps, big numbers | JSON payloads |
//! | [`json`] | payloads: structures and unions as JSON, and what a model asks of them | errors of a service |
//! | [`error`] | why something failed; the errors of a model | operations |
//! | [`operation`] | the operations of a model | connections |
//! | `options` | what can be chosen for one call or subscription | |
//! | `protocol` | handshake, streams, deadlines, queues, as values | sockets, tasks, clocks |
//! | `transport` | the kinds of sockets; moves the bytes of a `protocol` value over one | calls |
//! | `session` | what the asynchronous and the blocking client share | |
//! | [`client`], [`blocking`](mod@crate::blocking), [`server`](mod@crate::server) | tasks or threads that drive a `protocol` value over a socket | any particular service |
//! | [`greengrass`] | environment variables and connect message of Greengrass | |
//! | `macros` | what is the same in all generated code | |
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
//!
//! # Platforms
//!
//! Tested on Linux. On Windows there are TCP and byte streams of the application, but neither Unix domain sockets nor
//! named pipes; it compiles there and is not tested.

#![warn(clippy::print_stdout, clippy::print_stderr)]

#[cfg(feature = "blocking")]
pub mod blocking;
pub mod client;
pub mod error;
pub mod frame;
pub mod greengrass;
pub mod json;
#[doc(hidden)]
pub mod macros;
pub mod operation;
mod options;
pub mod primitives;
// The tests of this repository drive it by hand. It is no part of the interface: a transport is whatever reads and
// writes bytes, and clients and the server take that.
#[doc(hidden)]
pub mod protocol;
mod requirements;
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

/// What `Debug` output of generated types shows in the place of a sensitive value.
#[doc(hidden)]
pub const REDACTED: &str = "*** Sensitive Data Redacted ***";
