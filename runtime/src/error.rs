//! Errors, one type per stage.
//!
//! `Display` says what failed at that stage and `source()` returns the cause; the cause is never in both.
//! Neither shows a payload, a token or the value of a sensitive member. The message of a service's error is shown
//! unchanged; other text from a peer is escaped and cut.

mod connect;
mod connection;
mod escaped;
#[cfg(any(feature = "tokio", feature = "blocking", feature = "server"))]
mod log;
mod members;
mod modeled;
mod sdk;
mod service;
mod sources;
mod unknown;

pub use connect::ConnectError;
pub use connection::ConnectionError;
// For generated code only; versioned like the public interface.
#[doc(hidden)]
pub use members::error_from_slice;
#[doc(hidden)]
pub use modeled::fmt_error;
pub use modeled::{ErrorMetadata, ErrorShape, Fault, OperationError};
pub use sdk::{BuildError, ResponseError, SdkError};
pub use service::Unhandled;
pub use sources::with_sources;
pub use unknown::UnknownValueError;

#[cfg(any(feature = "tokio", feature = "blocking", feature = "server"))]
pub(crate) use log::Logged;
pub(crate) use members::ErrorMembers;

pub use crate::frame::{DecodeError, EncodeError};

/// The name of a shape without its namespace.
pub(crate) fn shape_name(shape_id: &str) -> &str {
    shape_id.rsplit_once('#').map_or(shape_id, |(_, name)| name)
}
