//! Binary data.

use std::{fmt, ops::Deref};

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, SeqAccess, Visitor},
};

/// Bytes (`smithy.api#Blob`), base64 on the wire.
///
/// Cloning does not copy them. Other serializers than the runtime's write a byte array;
/// [`Shape::to_json`](crate::json::Shape::to_json) writes base64.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Blob(Bytes);

impl Blob {
    /// A blob of these bytes.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, without copying them.
    pub fn into_inner(self) -> Bytes {
        self.0
    }
}

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Blob {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({:?})", self.0)
    }
}

macro_rules! from {
    ($($bytes:ty)*) => {
        $(
            impl From<$bytes> for Blob {
                fn from(bytes: $bytes) -> Self {
                    Self(bytes.into())
                }
            }
        )*
    };
}

from! { Bytes Vec<u8> String }

impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }
}

impl<const N: usize> From<&[u8; N]> for Blob {
    fn from(bytes: &[u8; N]) -> Self {
        bytes.as_slice().into()
    }
}

impl From<&str> for Blob {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As bytes rather than as a string, so that a megabyte of base64 is not checked for UTF-8.
        deserializer.deserialize_bytes(BlobVisitor)
    }
}

struct BlobVisitor;

impl<'de> Visitor<'de> for BlobVisitor {
    type Value = Blob;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a base64 string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Blob, E> {
        self.visit_bytes(text.as_bytes())
    }

    fn visit_bytes<E: de::Error>(self, text: &[u8]) -> Result<Blob, E> {
        decode(text).map(Blob::from).ok_or_else(|| E::custom("not base64"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Blob, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes.into())
    }
}

/// Decodes base64 leniently: with or without padding, in the standard or the URL-safe alphabet, with
/// white space, and with unused bits at the end that are not zero.
///
/// Other implementations write all of these forms, and none is ambiguous.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    if let Ok(bytes) = base64_simd::STANDARD.decode_to_vec(text) {
        return Some(bytes);
    }
    let mut text = text.to_vec();
    for byte in &mut text {
        match *byte {
            b'-' => *byte = b'+',
            b'_' => *byte = b'/',
            _ => {}
        }
    }
    base64_simd::forgiving_decode_to_vec(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: Option<&[u8]>) {
        assert_eq!(crate::json::from_slice::<Blob>(json.as_bytes()).ok().as_deref(), expected);
    }

    #[test]
    fn reads_what_clients_send() {
        check(r#""""#, Some(b""));
        check(r#""aGk=""#, Some(b"hi"));
        check(r#""aGk\u003d""#, Some(b"hi"));
        check(r#""aGk""#, Some(b"hi"));
        check(r#""-_8=""#, Some(b"\xfb\xff"));
        check(r#""-_8""#, Some(b"\xfb\xff"));
        check(r#""aGl""#, Some(b"hi"));
        check(r#""a G\nk""#, Some(b"hi"));
        check("[104, 105]", Some(b"hi"));
    }

    #[test]
    fn refuses_what_is_not_base64() {
        check(r#""a""#, None);
        check(r#""aGk*""#, None);
        check(r#""aGk=aGk=""#, None);
        check("[256]", None);
        check("12", None);
    }
}
