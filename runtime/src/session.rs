//! What the asynchronous and the blocking client have in common.

mod builder;
pub(crate) mod credentials;
#[cfg(feature = "tokio")]
pub(crate) mod done;
pub(crate) mod handler;
pub(crate) mod item;
pub(crate) mod lifecycle;
mod ping;
pub(crate) mod policy;
pub(crate) mod reply;
pub(crate) mod settings;

pub use builder::Builder;
pub use credentials::{Credentials, StaticPayload};
pub use handler::BlockingStreamHandler;
pub use item::{Notice, SubscriptionItem};
pub use lifecycle::LifecycleHandler;
pub use ping::PingError;
pub use policy::ReconnectPolicy;

pub use crate::transport::Address;
