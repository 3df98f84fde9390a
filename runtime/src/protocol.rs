//! The RPC protocol over event-stream messages, as values.
//!
//! Nothing here holds a socket, a task or a clock: bytes and points in time go in, bytes and points in
//! time come out. [`client`] and [`server`] are the two roles; what drives one over a socket is a loop
//! of a few lines.

pub mod client;
mod message;

pub use message::{MessageFlags, MessageType, RpcMessage, StreamId, Violation};
pub(crate) use message::{Outgoing, error_payload, header};

/// The version that a connect message states, and that a server checks.
pub const VERSION: &str = "0.1.0";

/// The content type of everything but one kind of error.
pub const JSON: &str = "application/json";
