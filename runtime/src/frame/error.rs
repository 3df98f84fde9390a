//! What is wrong with a message.

use std::fmt;

/// Bytes that are not an event-stream message.
///
/// After any of these but [`Headers`](Self::Headers) the place where the next message begins is not
/// known, so the connection cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The prelude's checksum does not match.
    PreludeChecksum {
        /// What the message says.
        expected: u32,
        /// What its bytes give.
        actual: u32,
    },
    /// The message's checksum does not match.
    MessageChecksum {
        /// What the message says.
        expected: u32,
        /// What its bytes give.
        actual: u32,
    },
    /// The message claims to be shorter than the shortest message, 16 bytes.
    TooShort {
        /// The claimed length in bytes.
        len: usize,
    },
    /// The message claims to be longer than the limit.
    TooLong {
        /// The claimed length in bytes.
        len: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The headers claim more bytes than the message has.
    HeadersTooLong {
        /// The claimed length of the headers in bytes.
        headers_len: usize,
        /// The length of the whole message in bytes.
        message_len: usize,
    },
    /// A slice that should hold exactly one message has another length than the message claims.
    Length {
        /// The claimed length in bytes.
        claimed: usize,
        /// The length of the slice in bytes.
        actual: usize,
    },
    /// The message is whole, and its headers are not what they should be.
    Headers(HeaderError),
}

/// Headers that cannot be read, inside a message whose checksums are right.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderError {
    /// A header goes on beyond the end of the headers.
    Truncated,
    /// The type is none of the ten.
    UnknownType {
        /// The type's number.
        value_type: u8,
    },
    /// A name or a text is not UTF-8.
    NotUtf8,
    /// A text or byte array is longer than the limit.
    ValueTooLong {
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// There are more headers than the limit.
    TooMany {
        /// The limit.
        limit: usize,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PreludeChecksum { expected, actual } => {
                write!(f, "the prelude's checksum is {actual:#010x} and should be {expected:#010x}")
            }
            Self::MessageChecksum { expected, actual } => {
                write!(f, "the message's checksum is {actual:#010x} and should be {expected:#010x}")
            }
            Self::TooShort { len } => {
                write!(f, "a message of {len} bytes; the shortest has {}", super::OVERHEAD)
            }
            Self::TooLong { len, limit } => {
                write!(f, "a message of {len} bytes; the limit is {limit}")
            }
            Self::HeadersTooLong { headers_len, message_len } => {
                write!(f, "headers of {headers_len} bytes in a message of {message_len}")
            }
            Self::Length { claimed, actual } => {
                write!(f, "a message of {claimed} bytes in a slice of {actual}")
            }
            Self::Headers(_) => f.write_str("the headers of a message cannot be read"),
        }
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("a header goes on beyond the end of the headers"),
            Self::UnknownType { value_type } => {
                write!(f, "no header type has the number {value_type}")
            }
            Self::NotUtf8 => f.write_str("a header's name or text is not UTF-8"),
            Self::ValueTooLong { len, limit } => {
                write!(f, "a header value of {len} bytes; the limit is {limit}")
            }
            Self::TooMany { limit } => write!(f, "more than {limit} headers"),
        }
    }
}

impl std::error::Error for DecodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Headers(source) => Some(source),
            _ => None,
        }
    }
}

impl std::error::Error for HeaderError {}

impl From<HeaderError> for DecodeError {
    fn from(source: HeaderError) -> Self {
        Self::Headers(source)
    }
}

/// A message that the encoding or its limits have no room for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The message is longer than the limit.
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A header's name is longer than its length field can say, 255 bytes.
    NameTooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// A header's text or byte array is longer than the limit.
    ValueTooLong {
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// There are more headers than the limit.
    TooManyHeaders {
        /// The limit.
        limit: usize,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { len, limit } => {
                write!(f, "a message of {len} bytes; the limit is {limit}")
            }
            Self::NameTooLong { len } => {
                write!(f, "a header name of {len} bytes; the limit is 255")
            }
            Self::ValueTooLong { len, limit } => {
                write!(f, "a header value of {len} bytes; the limit is {limit}")
            }
            Self::TooManyHeaders { limit } => write!(f, "more than {limit} headers"),
        }
    }
}

impl std::error::Error for EncodeError {}
