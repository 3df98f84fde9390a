//! The client.

mod options;

pub use options::{CallOptions, Overflow, SubscribeOptions};
