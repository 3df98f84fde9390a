//! Errors of encoding and decoding.

use thiserror::Error;

use super::OVERHEAD;

/// Bytes that are not an event-stream message.
///
/// After any of these except [`Headers`](Self::Headers) the start of the next message is unknown, so the connection
/// has to be closed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The prelude's checksum does not match.
    #[error("the prelude's checksum is {actual:#010x} and should be {expected:#010x}")]
    PreludeChecksum {
        /// The checksum in the message.
        expected: u32,
        /// The checksum of its bytes.
        actual: u32,
    },
    /// The message's checksum does not match.
    #[error("the message's checksum is {actual:#010x} and should be {expected:#010x}")]
    MessageChecksum {
        /// The checksum in the message.
        expected: u32,
        /// The checksum of its bytes.
        actual: u32,
    },
    /// The message claims to be shorter than the shortest message, 16 bytes.
    #[error("a message of {len} bytes; the shortest has {OVERHEAD}")]
    TooShort {
        /// The claimed length in bytes.
        len: usize,
    },
    /// The message claims to be longer than the limit.
    #[error("a message of {len} bytes; the limit is {limit}")]
    TooLong {
        /// The claimed length in bytes.
        len: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The headers claim more bytes than the message has.
    #[error("headers of {headers_len} bytes in a message of {message_len}")]
    HeadersTooLong {
        /// The claimed length of the headers in bytes.
        headers_len: usize,
        /// The length of the whole message in bytes.
        message_len: usize,
    },
    /// The message is complete, and its headers are invalid.
    #[error("the headers of a message cannot be read")]
    Headers(#[from] HeaderError),
}

/// Invalid headers in a message whose checksums are right.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// A header extends beyond the end of the headers.
    #[error("a header extends beyond the end of the headers")]
    Truncated,
    /// The type is not one of the ten.
    #[error("no header type has the number {value_type}")]
    UnknownType {
        /// The type's number.
        value_type: u8,
    },
    /// A name or a text is not UTF-8.
    #[error("a header's name or text is not UTF-8")]
    NotUtf8,
    /// A text or byte array is longer than the limit.
    #[error("a header value of {len} bytes; the limit is {limit}")]
    ValueTooLong {
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// There are more headers than the limit.
    #[error("more than {limit} headers")]
    TooMany {
        /// The limit.
        limit: usize,
    },
}

/// A message that cannot be encoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The message is longer than the limit.
    #[error("a message of {len} bytes; the limit is {limit}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A header's name is longer than 255 bytes, the limit of its length field.
    #[error("a header name of {len} bytes; the limit is 255")]
    NameTooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// A header's text or byte array is longer than the limit.
    #[error("a header value of {len} bytes; the limit is {limit}")]
    ValueTooLong {
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// There are more headers than the limit.
    #[error("more than {limit} headers")]
    TooManyHeaders {
        /// The limit.
        limit: usize,
    },
}
