//! Client and server runtime for event-stream RPC, the protocol of AWS IoT Greengrass IPC.
//!
//! Generated crates such as `greengrass-core-ipc` contain the types of a service; this runtime works with the types of
//! any service. It is unofficial and independent of AWS.
//!
//! # Layers
//!
//! Each module uses only the modules above it in this table.
//!
//! | module | what it does | what it does not know |
//! |---|---|---|
//! | `sync`, `requirements` | locks; the features that generated modules need | everything else |
//! | [`frame`] | messages as bytes: prelude, headers, payload, checksums | what a header means |
//! | [`primitives`] | the simple types of a model: blobs, timestamps, big numbers | JSON payloads |
//! | [`json`] | payloads: structures and unions as JSON, and the constraints of a model | errors of a service |
//! | [`error`] | errors of calls and connections; the errors of a model | operations |
//! | [`operation`] | the operations of a model | connections |
//! | `options` | the options of a call or subscription | |
//! | `protocol` | handshake, streams, deadlines, queues, as values | sockets, tasks, clocks |
//! | `transport` | the kinds of sockets; moves the bytes of a `protocol` value over one | calls |
//! | `session` | code that the asynchronous and the blocking client share | |
//! | [`client`], [`blocking`](mod@crate::blocking), [`server`](mod@crate::server) | tasks or threads that drive a `protocol` value over a socket | any particular service |
//! | [`greengrass`] | environment variables, connect message and permissions of Greengrass | |
//! | `macros` | implementations that all generated code shares | |
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
//! No feature changes the meaning of a type.
//!
//! # Platforms
//!
//! Tested on Linux. It compiles on macOS and Windows and is not tested there. On Windows it supports TCP and byte streams
//! of the application, but neither Unix domain sockets nor named pipes.
//!
//! # Invariants
//!
//! - `protocol` has neither socket nor task nor clock: its functions take bytes and the present time, and return bytes.
//! - A client reads its connection at all times; a blocking client without subscriptions, only while a thread waits. No
//!   code of the application runs where it reads, and a subscription that is read slowly fills only its own queue,
//!   which is bounded in bytes.
//! - Code of the application runs without the lock of the connection: handlers, wakers and token providers.
//! - A length that comes from a peer is compared with a limit before memory is allocated for it.
//! - Tokens, sensitive members and texts from a peer appear neither in logs nor in `Debug` output.
//! - The documentation of each public asynchronous function says what happens when its future is dropped.
//!
//! # Where to begin
//!
//! The files to change for two usual tasks, in order. Paths are relative to `runtime/src`, those of tests to the root
//! of the repository. The documentation of the generator, `codegen/src/lib.rs`, lists three more.
//!
//! - A transport, such as TCP: a file beside `transport/tcp.rs` with the traits `Transport` (`transport/address.rs`) and
//!   `Listener` (`transport/listener.rs`), a constructor of `Address`, a constructor of the server in
//!   `server/listener.rs`, its types in `tests/sources/sockets.rs`, tests in `tests/behaviour/server/listening.rs`.
//! - A promise, such as "no event is lost": a row in `tests/conformance/src/row.rs`, its scripts in
//!   `tests/conformance/src/client` and `tests/conformance/src/server`, its name in `tests/conformance/tests/client.rs` and
//!   `server.rs`; `cargo run -p conformance -- table` writes the table. The code is usually in `protocol`, and what both
//!   roles share in `protocol/endpoint.rs`.

#![cfg_attr(docsrs, feature(doc_cfg))]
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
// Public for the tests of this repository. Applications do not need it: clients and the server accept any transport
// that reads and writes bytes.
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

/// The text that `Debug` output of generated types shows instead of a sensitive value.
#[doc(hidden)]
pub const REDACTED: &str = "*** Sensitive Data Redacted ***";
