//! The encoding of event-stream messages.
//!
//! A message consists of a prelude (total length, headers length, CRC-32 of both), headers, a payload and a CRC-32 of
//! everything before it. All integers are big-endian. This module implements the encoding and its limits; the
//! headers are interpreted elsewhere.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 4 | total length *T*, 16 + *H* + payload |
//! | 4 | 4 | headers length *H* |
//! | 8 | 4 | CRC-32 of bytes 0 to 8 |
//! | 12 | *H* | headers |
//! | 12 + *H* | *T* - *H* - 16 | payload |
//! | *T* - 4 | 4 | CRC-32 of bytes 0 to *T* - 4 |
//!
//! [`Decoder`] splits a stream of bytes into [`Frame`]s, and [`FrameEncoder`] writes a message with any headers.

mod decoder;
mod encoder;
mod error;
mod header;

use std::sync::LazyLock;

use crc32fast::Hasher;

pub use decoder::{Decoder, Frame};
pub use encoder::FrameEncoder;
pub use error::{DecodeError, EncodeError, HeaderError};
pub use header::{Header, HeaderValue, HeaderValueRef, Headers, Value};

/// Length of the prelude with its checksum, in bytes.
const PRELUDE_LEN: usize = 12;

/// Length of prelude and checksum, in bytes: the shortest message.
const OVERHEAD: usize = 16;

/// The limits of a message.
///
/// The defaults are those of the library under the official SDKs, `aws-c-event-stream` 0.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The whole message, in bytes. Default: 24 MiB.
    pub max_message_len: usize,
    /// The number of headers. Default: 1024.
    pub max_headers: usize,
    /// A header's text or byte array, in bytes. Default: 32,767; the length field has room for twice as much.
    pub max_value_len: usize,
}

impl Limits {
    /// The default limits.
    pub const DEFAULT: Self =
        Self { max_message_len: 24 * 1024 * 1024, max_headers: 1024, max_value_len: 32_767 };

    /// Sets the limit of the whole message, in bytes.
    ///
    /// Nucleus lite accepts messages of up to 10,000 bytes.
    #[must_use]
    pub const fn with_max_message_len(self, max_message_len: usize) -> Self {
        Self { max_message_len, ..self }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A new hasher. The features of the processor are detected only once.
fn hasher() -> Hasher {
    static HASHER: LazyLock<Hasher> = LazyLock::new(Hasher::new);
    HASHER.clone()
}

/// Reads a big-endian `u32`; `bytes` must be long enough.
fn be_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
