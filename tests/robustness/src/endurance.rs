//! Client and server for a long time, and through what goes wrong.
//!
//! The program runs for as long as it is told to, and prints what it has measured; the tests run the same
//! for some seconds.

pub mod kills;
pub mod restarts;
mod server;
pub mod soak;
mod watcher;

pub use server::{Serve, ServerProcess, serve};
pub use watcher::{Watched, Watcher};
