//! The RPC protocol over event-stream messages, as values.
//!
//! Nothing here holds a socket, a thread or a clock: bytes and points in time go in, bytes and points in time come
//! out. A future that waits for something leaves its waker, and the driver of an [`Endpoint`] calls it once the lock
//! around the endpoint is released. [`client`] and [`server`] are the two roles.

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

/// The version that a connect message states, and that a server checks.
pub const VERSION: &str = "0.1.0";

/// The content type of everything but one kind of error.
pub const JSON: &str = "application/json";
