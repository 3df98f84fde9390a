//! The simple types that Rust has no type of its own for.

mod blob;
pub mod document;
mod timestamp;

pub use blob::Blob;
pub use document::Document;
pub use timestamp::{Timestamp, TimestampRangeError};
