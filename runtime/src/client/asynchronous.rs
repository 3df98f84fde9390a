//! The connections, subscriptions and handlers of the asynchronous client.

mod connection;
mod handler;
mod open;
mod runtime;
mod subscription;

#[cfg(shuttle)]
#[path = "../../../tests/interleavings/client/scenarios.rs"]
pub mod interleavings;

pub use crate::session::handler::StreamHandler;
pub use connection::Connection;
pub use handler::SubscriptionHandle;
pub use subscription::{Subscription, WithNotices};

/// Builds and opens a [`Connection`].
pub type ConnectionBuilder = crate::session::Builder<Connection>;
