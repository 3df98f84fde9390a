//! The handwritten modules of the generated crate, against the local core.

mod config;
mod messages;
mod runner;
mod shadow;
