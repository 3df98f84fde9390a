#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "cli"), allow(dead_code, reason = "the program uses it"))]

mod artifacts;
mod authorization;
mod blocking;
mod builder;
mod call_filter;
mod check;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
mod client_devices;
mod clock;
mod components;
mod configuration;
mod core;
mod credentials;
mod deployments;
mod edition;
mod events;
mod exports;
mod faults;
mod folders;
mod initial;
mod iot_core;
mod lenient;
mod lifecycle;
mod lite;
mod lock;
mod metrics;
mod numbers;
mod operations;
mod permission;
mod policy;
mod process;
mod pubsub;
mod random;
mod recipe;
mod recipes;
mod record;
mod requests;
mod secrets;
mod service;
mod shadows;
mod socket;
mod state;
mod supervisor;
mod tokens;
mod topics;

pub use authorization::AuthorizationRequest;
pub use builder::Builder;
pub use clock::Clock;
pub use configuration::ConfigRefused;
pub use core::LocalCore;
pub use faults::{NextCall, Reply};
pub use greengrass_core_ipc::server::{EventSender, SendEventError};
pub use record::Call;
