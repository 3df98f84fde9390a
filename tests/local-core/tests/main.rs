//! Tests of the local core.

mod author;
mod authorization;
mod client_devices;
mod components;
mod configuration;
mod core;
mod credentials;
mod deployments;
mod faults;
mod hostile;
mod iot_core;
mod lifecycle;
mod lite;
#[cfg(target_os = "linux")]
mod memory;
mod metrics;
mod model_examples;
#[cfg(feature = "mqtt")]
mod mqtt;
#[cfg(target_os = "linux")]
mod namespaces;
mod program;
mod pubsub;
mod robustness;
mod run;
mod scenarios;
mod secrets;
mod shadows;
mod sockets;
mod state;
mod support;
mod timelines;
mod warnings;
mod worked_examples;
