//! Generates Rust clients and servers for event-stream RPC services from Smithy JSON AST models.

pub mod ast;
pub mod diagnostic;
pub mod json;
pub mod resolve;
pub mod shape_id;
pub mod traits;

/// A model file.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Its path, as diagnostics show it.
    pub path: &'a str,
    /// Its text: Smithy JSON AST.
    pub json: &'a str,
}
