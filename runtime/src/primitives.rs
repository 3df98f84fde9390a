//! The simple types of Smithy that have no equivalent in the standard library.

mod blob;
mod calendar;
pub(crate) mod decimal;
pub mod document;
mod number;
mod timestamp;
mod token;

pub use blob::Blob;
pub use document::Document;
pub use number::{BigDecimal, BigInteger, NumberError};
pub use timestamp::{Timestamp, TimestampRangeError, TimestampTextError};
pub use token::idempotency_token;

pub(crate) use number::NUMBER;
