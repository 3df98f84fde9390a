//! Invariants that hold for arbitrary bytes and orders of operations.
//!
//! Each function derives messages of a peer and operations of an application from its input, performs them and panics
//! if an invariant is violated. Property tests call the functions with random bytes, and the coverage-guided targets in
//! `tests/fuzz` with mutated bytes. An input that one of them finds can be used with the other.

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
