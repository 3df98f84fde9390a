//! What the sources of the published crates must be.

mod layers;
mod sockets;
