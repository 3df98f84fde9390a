#![doc = include_str!("../README.md")]

mod authorization;
mod builder;
mod configuration;
mod configurations;
mod core;
mod events;
mod front;
mod pubsub;
mod record;
mod service;
mod socket;
mod topics;

pub use authorization::AuthorizationRequest;
pub use builder::Builder;
pub use core::LocalCore;
pub use front::NextCall;
pub use greengrass_core_ipc::server::{EventSender, SendEventError};
pub use record::Call;
