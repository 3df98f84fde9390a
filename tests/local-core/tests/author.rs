//! The handwritten modules of the generated crate, against the local core.

mod config;
mod denial;
mod messages;
mod runner;
mod shadow;
