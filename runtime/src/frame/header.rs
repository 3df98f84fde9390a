//! Headers: names with typed values.

use std::fmt;

use bytes::Bytes;

use super::{HeaderError, Limits};

/// A named, typed header.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The name: 0 to 255 bytes. Peers of 2025 and older accept at most 127.
    pub name: String,
    /// The value.
    pub value: HeaderValue,
}

impl Header {
    /// A header with this name and value.
    pub fn new(name: impl Into<String>, value: HeaderValue) -> Self {
        Self { name: name.into(), value }
    }
}

/// A header's value that owns its bytes.
pub type HeaderValue = Value<String, Bytes>;

/// A header's value that borrows from a frame.
pub type HeaderValueRef<'a> = Value<&'a str, &'a [u8]>;

/// A header's value, generic over the types of texts and of byte arrays. On the wire `true` and `false` are two types,
/// which makes ten.
///
/// `Debug` shows numbers, but only the lengths of texts, byte arrays and UUIDs, because they may be secret.
#[derive(Clone, Copy, PartialEq)]
pub enum Value<T, B> {
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
    ByteArray(B),
    /// Type 7: up to 32,767 bytes of UTF-8.
    String(T),
    /// Type 8: milliseconds since 1970.
    Timestamp(i64),
    /// Type 9.
    Uuid([u8; 16]),
}

impl<'a> HeaderValueRef<'a> {
    /// The text, if the value is a [`String`](Self::String).
    pub fn as_str(self) -> Option<&'a str> {
        if let Self::String(value) = self { Some(value) } else { None }
    }

    /// A copy that owns its bytes.
    pub fn to_owned(self) -> HeaderValue {
        match self {
            Self::Bool(value) => Value::Bool(value),
            Self::Byte(value) => Value::Byte(value),
            Self::Int16(value) => Value::Int16(value),
            Self::Int32(value) => Value::Int32(value),
            Self::Int64(value) => Value::Int64(value),
            Self::ByteArray(value) => Value::ByteArray(Bytes::copy_from_slice(value)),
            Self::String(value) => Value::String(value.to_owned()),
            Self::Timestamp(value) => Value::Timestamp(value),
            Self::Uuid(value) => Value::Uuid(value),
        }
    }
}

impl<T: AsRef<str>, B: AsRef<[u8]>> fmt::Debug for Value<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "Bool({value})"),
            Self::Byte(value) => write!(f, "Byte({value})"),
            Self::Int16(value) => write!(f, "Int16({value})"),
            Self::Int32(value) => write!(f, "Int32({value})"),
            Self::Int64(value) => write!(f, "Int64({value})"),
            Self::ByteArray(value) => write!(f, "ByteArray({} bytes)", value.as_ref().len()),
            Self::String(value) => write!(f, "String({} bytes)", value.as_ref().len()),
            Self::Timestamp(value) => write!(f, "Timestamp({value})"),
            Self::Uuid(value) => write!(f, "Uuid({} bytes)", value.len()),
        }
    }
}

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.clone()).finish()
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

/// An iterator over the headers of a frame, as name and value.
///
/// They have been checked when the frame was decoded, so that iterating cannot fail.
#[derive(Clone)]
pub struct Headers<'a> {
    /// The headers that have not been read.
    bytes: &'a [u8],
}

impl<'a> Headers<'a> {
    /// Checks all headers in `bytes`.
    pub(super) fn check(bytes: &[u8], limits: &Limits) -> Result<(), HeaderError> {
        // Each slice of ASCII is UTF-8.
        let is_ascii = is_ascii(bytes);
        let (mut rest, mut count) = (bytes, 0);
        while !rest.is_empty() {
            if count == limits.max_headers {
                return Err(HeaderError::TooMany { limit: limits.max_headers });
            }
            count += 1;
            let header = RawHeader::read(&mut rest, limits.max_value_len)?;
            if !is_ascii {
                check_text(header.name)?;
                if header.value_type == STRING {
                    check_text(header.value)?;
                }
            }
        }
        Ok(())
    }

    /// The headers in bytes that have been [checked](Self::check).
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The headers as bytes: it is faster to search them without decoding all of them.
    pub(crate) fn raw(mut self) -> impl Iterator<Item = RawHeader<'a>> {
        std::iter::from_fn(move || RawHeader::read(&mut self.bytes, usize::MAX).ok())
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a str, HeaderValueRef<'a>);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        // `check` has read the same bytes; an error is their end.
        let header = RawHeader::read(&mut self.bytes, usize::MAX).ok()?;
        Some((to_text(header.name).ok()?, header.to_value()?))
    }
}

/// The type number of texts.
const STRING: u8 = 7;

/// The length of a value by its type number. Two types have a length field.
const VALUE_LENS: [u8; 10] = [0, 0, 1, 2, 4, 8, VARIABLE, VARIABLE, 8, 16];
const VARIABLE: u8 = u8::MAX;

/// A header whose type is known and whose texts have not been decoded.
#[derive(Clone, Copy)]
pub(crate) struct RawHeader<'a> {
    pub(crate) name: &'a [u8],
    value_type: u8,
    /// The bytes of the value, without its length field.
    value: &'a [u8],
}

impl<'a> RawHeader<'a> {
    /// Removes the header at the front of `bytes`.
    #[inline(always)]
    fn read(bytes: &mut &'a [u8], max_value_len: usize) -> Result<Self, HeaderError> {
        let (&name_len, rest) = bytes.split_first().ok_or(HeaderError::Truncated)?;
        let (name, rest) = rest.split_at_checked(name_len.into()).ok_or(HeaderError::Truncated)?;
        let (&value_type, mut rest) = rest.split_first().ok_or(HeaderError::Truncated)?;
        let Some(&len) = VALUE_LENS.get(usize::from(value_type)) else {
            return Err(HeaderError::UnknownType { value_type });
        };
        let mut len = usize::from(len);
        if len == usize::from(VARIABLE) {
            let (field, value) = rest.split_first_chunk().ok_or(HeaderError::Truncated)?;
            rest = value;
            len = u16::from_be_bytes(*field).into();
            if len > max_value_len {
                return Err(HeaderError::ValueTooLong { len, limit: max_value_len });
            }
        }
        let (value, rest) = rest.split_at_checked(len).ok_or(HeaderError::Truncated)?;
        *bytes = rest;
        Ok(Self { name, value_type, value })
    }

    /// The number, if the value is an `int32`.
    pub(crate) fn as_int32(&self) -> Option<i32> {
        match (self.value_type, self.value) {
            (4, &[a, b, c, d]) => Some(i32::from_be_bytes([a, b, c, d])),
            _ => None,
        }
    }

    /// The bytes of the text, if the value is one.
    pub(crate) fn as_text(&self) -> Option<&'a [u8]> {
        (self.value_type == STRING).then_some(self.value)
    }

    #[inline]
    fn to_value(self) -> Option<HeaderValueRef<'a>> {
        let value = self.value;
        Some(match self.value_type {
            0 => HeaderValueRef::Bool(true),
            1 => HeaderValueRef::Bool(false),
            2 => HeaderValueRef::Byte(*value.first()? as i8),
            3 => HeaderValueRef::Int16(i16::from_be_bytes(*value.first_chunk()?)),
            4 => HeaderValueRef::Int32(self.as_int32()?),
            5 => HeaderValueRef::Int64(i64::from_be_bytes(*value.first_chunk()?)),
            6 => HeaderValueRef::ByteArray(value),
            STRING => HeaderValueRef::String(to_text(value).ok()?),
            8 => HeaderValueRef::Timestamp(i64::from_be_bytes(*value.first_chunk()?)),
            9 => HeaderValueRef::Uuid(*value.first_chunk()?),
            _ => return None,
        })
    }
}

/// Faster than the method of slices, which checks up to 31 bytes at the end one by one.
fn is_ascii(bytes: &[u8]) -> bool {
    let Some(end) = bytes.last_chunk() else {
        return bytes.is_ascii();
    };
    let words = bytes.chunks_exact(8).filter_map(|it| it.first_chunk()).chain([end]);
    words.fold(0, |all, it| all | u64::from_ne_bytes(*it)) & 0x8080_8080_8080_8080 == 0
}

/// Texts are usually ASCII even if the headers are not, because of a number.
fn check_text(bytes: &[u8]) -> Result<(), HeaderError> {
    if is_ascii(bytes) { Ok(()) } else { to_text(bytes).map(drop) }
}

fn to_text(bytes: &[u8]) -> Result<&str, HeaderError> {
    std::str::from_utf8(bytes).map_err(|_| HeaderError::NotUtf8)
}
