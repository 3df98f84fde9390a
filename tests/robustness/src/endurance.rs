//! Endurance tests: restarts, killed processes and mixed traffic.
//!
//! The binary `endurance` runs them for a chosen time and prints measurements. The tests run them for a few seconds.

pub mod kills;
pub mod restarts;
mod server;
pub mod soak;
mod watcher;

pub use server::{Serve, ServerProcess, serve};
pub use watcher::{Watched, Watcher};
