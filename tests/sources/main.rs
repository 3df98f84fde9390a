//! What the sources of the published crates must be.

mod documentation;
mod layers;
mod public;
mod sockets;
