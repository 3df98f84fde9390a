//! Headers: names with typed values.

use bytes::Bytes;

use super::{HeaderError, Limits};

/// A named, typed header.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The name: 0 to 255 bytes. Peers of 2025 and older take at most 127.
    pub name: String,
    /// The value.
    pub value: HeaderValue,
}

impl Header {
    /// A header of this name and value.
    pub fn new(name: impl Into<String>, value: HeaderValue) -> Self {
        Self { name: name.into(), value }
    }
}

/// A header's value. On the wire `true` and `false` are two types, which makes ten.
#[derive(Clone, Debug, PartialEq)]
pub enum HeaderValue {
    /// Types 0 (true) and 1 (false).
    Bool(bool),
    /// Type 2.
    Byte(i8),
    /// Type 3.
    Int16(i16),
    /// Type 4.
    Int32(i32),
    /// Type 5.
    Int64(i64),
    /// Type 6: up to 32,767 bytes.
    ByteArray(Bytes),
    /// Type 7: up to 32,767 bytes of UTF-8.
    String(String),
    /// Type 8: milliseconds since 1970.
    Timestamp(i64),
    /// Type 9.
    Uuid([u8; 16]),
}

/// A header that borrows from a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeaderRef<'a> {
    /// The name.
    pub name: &'a str,
    /// The value.
    pub value: HeaderValueRef<'a>,
}

/// A header's value that borrows from a frame; as [`HeaderValue`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HeaderValueRef<'a> {
    /// Types 0 (true) and 1 (false).
    Bool(bool),
    /// Type 2.
    Byte(i8),
    /// Type 3.
    Int16(i16),
    /// Type 4.
    Int32(i32),
    /// Type 5.
    Int64(i64),
    /// Type 6: up to 32,767 bytes.
    ByteArray(&'a [u8]),
    /// Type 7: up to 32,767 bytes of UTF-8.
    String(&'a str),
    /// Type 8: milliseconds since 1970.
    Timestamp(i64),
    /// Type 9.
    Uuid([u8; 16]),
}

impl<'a> HeaderValueRef<'a> {
    /// The number, if the value is an [`Int32`](Self::Int32).
    pub fn as_int32(self) -> Option<i32> {
        match self {
            Self::Int32(value) => Some(value),
            _ => None,
        }
    }

    /// The text, if the value is a [`String`](Self::String).
    pub fn as_str(self) -> Option<&'a str> {
        match self {
            Self::String(value) => Some(value),
            _ => None,
        }
    }

    /// A copy that owns its bytes.
    pub fn to_owned(self) -> HeaderValue {
        match self {
            Self::Bool(value) => HeaderValue::Bool(value),
            Self::Byte(value) => HeaderValue::Byte(value),
            Self::Int16(value) => HeaderValue::Int16(value),
            Self::Int32(value) => HeaderValue::Int32(value),
            Self::Int64(value) => HeaderValue::Int64(value),
            Self::ByteArray(value) => HeaderValue::ByteArray(Bytes::copy_from_slice(value)),
            Self::String(value) => HeaderValue::String(value.to_owned()),
            Self::Timestamp(value) => HeaderValue::Timestamp(value),
            Self::Uuid(value) => HeaderValue::Uuid(value),
        }
    }
}

impl HeaderValue {
    /// The same value, borrowed.
    pub fn as_value_ref(&self) -> HeaderValueRef<'_> {
        match self {
            Self::Bool(value) => HeaderValueRef::Bool(*value),
            Self::Byte(value) => HeaderValueRef::Byte(*value),
            Self::Int16(value) => HeaderValueRef::Int16(*value),
            Self::Int32(value) => HeaderValueRef::Int32(*value),
            Self::Int64(value) => HeaderValueRef::Int64(*value),
            Self::ByteArray(value) => HeaderValueRef::ByteArray(value),
            Self::String(value) => HeaderValueRef::String(value),
            Self::Timestamp(value) => HeaderValueRef::Timestamp(*value),
            Self::Uuid(value) => HeaderValueRef::Uuid(*value),
        }
    }
}

impl From<&str> for HeaderValue {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<String> for HeaderValue {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}

impl From<i32> for HeaderValue {
    fn from(value: i32) -> Self {
        Self::Int32(value)
    }
}

/// The headers of a message, one after the other.
///
/// They have been checked when the message was parsed, so that going through them cannot fail.
#[derive(Clone, Debug)]
pub struct Headers<'a>(&'a [u8]);

impl<'a> Headers<'a> {
    /// Checks all headers in `bytes`.
    pub(super) fn parse(bytes: &'a [u8], limits: &Limits) -> Result<Self, HeaderError> {
        let mut rest = bytes;
        let mut count = 0;
        while !rest.is_empty() {
            if count == limits.max_headers {
                return Err(HeaderError::TooMany { limit: limits.max_headers });
            }
            count += 1;
            let header = RawHeader::read(&mut rest, limits.max_value_len)?;
            check_text(header.name)?;
            if header.value_type == STRING {
                check_text(header.value)?;
            }
        }
        Ok(Self(bytes))
    }

    /// Headers that [`parse`](Self::parse) has checked before.
    pub(super) fn checked(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The same headers as bytes: what looks for a few of them need not read the others.
    pub(crate) fn raw(self) -> impl Iterator<Item = RawHeader<'a>> {
        let mut rest = self.0;
        std::iter::from_fn(move || next_raw(&mut rest))
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = HeaderRef<'a>;

    fn next(&mut self) -> Option<HeaderRef<'a>> {
        // `parse` has read the same bytes; an error cannot come up.
        next_raw(&mut self.0)?.to_header().ok()
    }
}

/// The number of the type of texts.
const STRING: u8 = 7;

/// A header whose type is known and whose texts have not been looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawHeader<'a> {
    pub(crate) name: &'a [u8],
    value_type: u8,
    /// The bytes of the value, without its length.
    value: &'a [u8],
}

impl<'a> RawHeader<'a> {
    /// Takes one header off the front of `rest`, which is not empty.
    #[inline]
    fn read(rest: &mut &'a [u8], max_value_len: usize) -> Result<Self, HeaderError> {
        let [name_len] = take_array(rest)?;
        let name = take(rest, name_len.into())?;
        let [value_type] = take_array(rest)?;
        let len = match value_type {
            0 | 1 => 0,
            2 => 1,
            3 => 2,
            4 => 4,
            5 | 8 => 8,
            6 | STRING => {
                let len = u16::from_be_bytes(take_array(rest)?).into();
                if len > max_value_len {
                    return Err(HeaderError::ValueTooLong { len, limit: max_value_len });
                }
                len
            }
            9 => 16,
            _ => return Err(HeaderError::UnknownType { value_type }),
        };
        Ok(Self { name, value_type, value: take(rest, len)? })
    }

    /// The number, if the value is an `int32`.
    pub(crate) fn as_int32(&self) -> Option<i32> {
        match (self.value_type, self.value) {
            (4, &[a, b, c, d]) => Some(i32::from_be_bytes([a, b, c, d])),
            _ => None,
        }
    }

    /// The bytes of the value, if it is a text.
    pub(crate) fn as_text(&self) -> Option<&'a [u8]> {
        (self.value_type == STRING).then_some(self.value)
    }

    fn to_header(self) -> Result<HeaderRef<'a>, HeaderError> {
        let mut bytes = self.value;
        let rest = &mut bytes;
        let value = match self.value_type {
            0 => HeaderValueRef::Bool(true),
            1 => HeaderValueRef::Bool(false),
            2 => HeaderValueRef::Byte(i8::from_be_bytes(take_array(rest)?)),
            3 => HeaderValueRef::Int16(i16::from_be_bytes(take_array(rest)?)),
            4 => HeaderValueRef::Int32(i32::from_be_bytes(take_array(rest)?)),
            5 => HeaderValueRef::Int64(i64::from_be_bytes(take_array(rest)?)),
            6 => HeaderValueRef::ByteArray(self.value),
            STRING => HeaderValueRef::String(to_text(self.value)?),
            8 => HeaderValueRef::Timestamp(i64::from_be_bytes(take_array(rest)?)),
            9 => HeaderValueRef::Uuid(take_array(rest)?),
            value_type => return Err(HeaderError::UnknownType { value_type }),
        };
        Ok(HeaderRef { name: to_text(self.name)?, value })
    }
}

fn next_raw<'a>(rest: &mut &'a [u8]) -> Option<RawHeader<'a>> {
    if rest.is_empty() { None } else { RawHeader::read(rest, usize::MAX).ok() }
}

fn check_text(bytes: &[u8]) -> Result<(), HeaderError> {
    // Nearly all are, and it takes less to see.
    if bytes.is_ascii() { Ok(()) } else { to_text(bytes).map(|_| ()) }
}

fn to_text(bytes: &[u8]) -> Result<&str, HeaderError> {
    std::str::from_utf8(bytes).map_err(|_| HeaderError::NotUtf8)
}

fn take_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], HeaderError> {
    let (array, after) = rest.split_first_chunk().ok_or(HeaderError::Truncated)?;
    *rest = after;
    Ok(*array)
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], HeaderError> {
    let (taken, after) = rest.split_at_checked(len).ok_or(HeaderError::Truncated)?;
    *rest = after;
    Ok(taken)
}
