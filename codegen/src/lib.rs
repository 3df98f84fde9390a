//! Generates Rust clients and servers for event-stream RPC services from Smithy JSON AST models.

pub mod ast;
pub mod diagnostic;
pub mod json;
pub mod resolve;
pub mod shape_id;
pub mod traits;

pub use diagnostic::Source;
