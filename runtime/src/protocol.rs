//! The RPC protocol over event-stream messages, without I/O.
//!
//! An [`Endpoint`] holds the state of a connection and no socket, thread or clock: its input and output are bytes and
//! points in time. A future that waits for something leaves its waker. The wakers are called after the lock around
//! the endpoint has been released. [`client`] and [`server`] are the two roles.

pub mod client;
mod endpoint;
mod frame_timer;
mod log;
mod message;
mod numbers;
mod output;
pub(crate) mod queue;
mod role;
#[cfg(feature = "server")]
pub mod server;
mod waiting;

pub use endpoint::{Endpoint, Payload, SendError};
pub use message::{MessageFlags, MessageType, ProtocolViolation, RpcMessage, StreamId};
pub(crate) use message::{Outgoing, header, peer_error, ping_text};
pub use role::Role;
pub use waiting::{SendTurn, Wakers};

/// The version of the protocol, which a connect message contains and a server checks.
pub const VERSION: &str = "0.1.0";

/// The content type of all payloads except those of some errors.
pub const JSON: &str = "application/json";
