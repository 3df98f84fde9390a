//! What must hold for any bytes, and for any order in which things happen.
//!
//! Each function takes bytes, makes of them what a peer may send and what an application may do, does it,
//! and panics when something is not as it must be. Property tests call them with random bytes, and the
//! coverage-guided targets in `tests/fuzz` with whatever leads to new code. Both find the same things, so
//! what one of them finds can be tried with the other.

mod client;
mod codec;
mod frames;
mod json;
pub mod recorded;
mod server;
mod task;
mod wire;

pub use client::client_core;
pub use codec::codec;
pub use frames::{Input, seal};
pub use json::json;
pub use server::server_core;
