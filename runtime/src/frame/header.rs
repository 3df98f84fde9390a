//! Headers: names with typed values.

use std::fmt;

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

/// A header that borrows from a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeaderRef<'a> {
    /// The name.
    pub name: &'a str,
    /// The value.
    pub value: HeaderValueRef<'a>,
}

impl HeaderRef<'_> {
    /// A copy that owns its bytes.
    pub fn to_owned(self) -> Header {
        Header::new(self.name, self.value.to_owned())
    }
}

/// A header's value that owns its bytes.
pub type HeaderValue = Value<String, Bytes>;

/// A header's value that borrows from a frame.
pub type HeaderValueRef<'a> = Value<&'a str, &'a [u8]>;

/// A header's value, with this type for texts and for byte arrays. On the wire `true` and `false` are two types,
/// which makes ten.
///
/// `Debug` shows numbers, of texts, byte arrays and UUIDs only how long they are: they may be secret.
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

impl<T, B> Value<T, B> {
    fn map<'v, U, C>(
        &'v self,
        text: impl FnOnce(&'v T) -> U,
        bytes: impl FnOnce(&'v B) -> C,
    ) -> Value<U, C> {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Byte(value) => Value::Byte(*value),
            Self::Int16(value) => Value::Int16(*value),
            Self::Int32(value) => Value::Int32(*value),
            Self::Int64(value) => Value::Int64(*value),
            Self::ByteArray(value) => Value::ByteArray(bytes(value)),
            Self::String(value) => Value::String(text(value)),
            Self::Timestamp(value) => Value::Timestamp(*value),
            Self::Uuid(value) => Value::Uuid(*value),
        }
    }
}

impl<T: AsRef<str>, B: AsRef<[u8]>> Value<T, B> {
    /// The same value, borrowed.
    pub fn as_value_ref(&self) -> HeaderValueRef<'_> {
        self.map(T::as_ref, B::as_ref)
    }
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
        self.map(|it| str::to_owned(it), |it| Bytes::copy_from_slice(it))
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
        f.debug_map().entries(self.clone().map(|it| (it.name, it.value))).finish()
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
#[derive(Clone)]
pub struct Headers<'a> {
    bytes: &'a [u8],
    /// How many of the bytes have been read.
    at: usize,
}

impl<'a> Headers<'a> {
    /// Checks all headers in `bytes`.
    pub(super) fn parse(bytes: &'a [u8], limits: &Limits) -> Result<Self, HeaderError> {
        // Whatever is cut out of ASCII is UTF-8.
        let is_ascii = is_ascii(bytes);
        let (mut at, mut count) = (0, 0);
        while at < bytes.len() {
            if count == limits.max_headers {
                return Err(HeaderError::TooMany { limit: limits.max_headers });
            }
            count += 1;
            let header = RawHeader::read(bytes, &mut at, limits.max_value_len)?;
            if !is_ascii {
                check_text(header.name)?;
                if header.value_type == STRING {
                    check_text(header.value)?;
                }
            }
        }
        Ok(Self::checked(bytes))
    }

    /// Headers that [`parse`](Self::parse) has checked before.
    pub(super) fn checked(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The same headers as bytes: what looks for a few of them need not read the others.
    pub(crate) fn raw(self) -> impl Iterator<Item = RawHeader<'a>> {
        let mut at = self.at;
        std::iter::from_fn(move || RawHeader::read(self.bytes, &mut at, usize::MAX).ok())
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = HeaderRef<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<HeaderRef<'a>> {
        // `parse` has read the same bytes; an error is their end.
        let header = RawHeader::read(self.bytes, &mut self.at, usize::MAX).ok()?;
        let name = to_text(header.name).ok()?;
        let value = header.to_value()?;
        Some(HeaderRef { name, value })
    }
}

/// The number of the type of texts.
const STRING: u8 = 7;

/// How long a value is by its type; two have a length of their own in front.
const VALUE_LENS: [u8; 10] = [0, 0, 1, 2, 4, 8, VARIABLE, VARIABLE, 8, 16];
const VARIABLE: u8 = u8::MAX;

/// A header whose type is known and whose texts have not been looked at.
#[derive(Clone, Copy)]
pub(crate) struct RawHeader<'a> {
    pub(crate) name: &'a [u8],
    value_type: u8,
    /// The bytes of the value, without its length.
    value: &'a [u8],
}

impl<'a> RawHeader<'a> {
    /// Reads the header that begins at `at`, and moves `at` behind it.
    #[inline(always)]
    fn read(bytes: &'a [u8], at: &mut usize, max_value_len: usize) -> Result<Self, HeaderError> {
        let name_at = *at + 1;
        let name_len = *bytes.get(*at).ok_or(HeaderError::Truncated)?;
        let name_end = name_at + usize::from(name_len);
        let value_type = *bytes.get(name_end).ok_or(HeaderError::Truncated)?;
        let mut value_at = name_end + 1;
        let Some(&len) = VALUE_LENS.get(usize::from(value_type)) else {
            return Err(HeaderError::UnknownType { value_type });
        };
        let mut len = usize::from(len);
        if len == usize::from(VARIABLE) {
            let &[high, low] = bytes
                .get(value_at..)
                .and_then(<[u8]>::first_chunk)
                .ok_or(HeaderError::Truncated)?;
            value_at += 2;
            len = u16::from_be_bytes([high, low]).into();
            if len > max_value_len {
                return Err(HeaderError::ValueTooLong { len, limit: max_value_len });
            }
        }
        let end = value_at + len;
        let value = bytes.get(value_at..end).ok_or(HeaderError::Truncated)?;
        *at = end;
        Ok(Self { name: &bytes[name_at..name_end], value_type, value })
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

    #[inline]
    fn to_value(self) -> Option<HeaderValueRef<'a>> {
        let value = self.value;
        Some(match self.value_type {
            0 => HeaderValueRef::Bool(true),
            1 => HeaderValueRef::Bool(false),
            2 => HeaderValueRef::Byte(*value.first()? as i8),
            3 => HeaderValueRef::Int16(i16::from_be_bytes(*value.first_chunk()?)),
            4 => HeaderValueRef::Int32(i32::from_be_bytes(*value.first_chunk()?)),
            5 => HeaderValueRef::Int64(i64::from_be_bytes(*value.first_chunk()?)),
            6 => HeaderValueRef::ByteArray(value),
            STRING => HeaderValueRef::String(to_text(value).ok()?),
            8 => HeaderValueRef::Timestamp(i64::from_be_bytes(*value.first_chunk()?)),
            9 => HeaderValueRef::Uuid(*value.first_chunk()?),
            _ => return None,
        })
    }
}

/// The method of slices goes through up to 31 bytes at the end one by one.
fn is_ascii(bytes: &[u8]) -> bool {
    let Some(end) = bytes.last_chunk() else {
        return bytes.is_ascii();
    };
    let words = bytes.chunks_exact(8).filter_map(|it| it.first_chunk()).chain([end]);
    words.fold(0, |all, it| all | u64::from_ne_bytes(*it)) & 0x8080_8080_8080_8080 == 0
}

fn check_text(bytes: &[u8]) -> Result<(), HeaderError> {
    // Nearly all are, and it takes less to see.
    if is_ascii(bytes) { Ok(()) } else { to_text(bytes).map(|_| ()) }
}

fn to_text(bytes: &[u8]) -> Result<&str, HeaderError> {
    std::str::from_utf8(bytes).map_err(|_| HeaderError::NotUtf8)
}
