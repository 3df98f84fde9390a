//! The local core, and what it does for the tests of a component.

mod configuration;
mod core;
#[cfg(target_os = "linux")]
mod memory;
mod pubsub;
mod robustness;
mod support;
mod worked_examples;
