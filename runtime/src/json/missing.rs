//! Reads members that may be missing or null.
//!
//! A default of serde does not report that it was used. So required members have no default: serde_json fails if one is
//! missing. Then the lenient reader reads the payload again, records the path of the member and reads a zero value for
//! it.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};

use crate::primitives::Document;

/// The newtype name under which a required member is deserialized.
pub(super) const REQUIRED: &str = "eventstream_rpc::Required";

/// The newtype name under which an optional document is deserialized.
pub(super) const DOCUMENT: &str = "eventstream_rpc::Document";

/// Reads a required member.
///
/// Generated code uses it in `#[serde(deserialize_with = "required")]`. If the member is missing or null,
/// [`from_slice`](super::from_slice) reads a zero, empty or unknown value.
///
/// # Errors
///
/// A value of another type than the member's. Other deserializers than the one of this crate also fail for null.
pub fn required<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_newtype_struct(REQUIRED, RequiredVisitor(PhantomData))
}

struct RequiredVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for RequiredVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a required member")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        let value = Option::deserialize(deserializer)?;
        value.ok_or_else(|| de::Error::custom("a required member is null"))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::deserialize(deserializer)
    }
}

/// Reads a member with the default of its type; `null` counts as missing.
///
/// Generated code uses it in `#[serde(deserialize_with = "or_default")]`.
///
/// # Errors
///
/// A value of another type than the member's.
pub fn or_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    or_else(deserializer, T::default)
}

/// Reads a member with another default than that of its type; `null` counts as missing.
///
/// # Errors
///
/// A value of another type than the member's.
pub fn or_else<'de, T, D>(deserializer: D, default: impl FnOnce() -> T) -> Result<T, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_else(default))
}

/// Reads an optional document; `null` is a document, not a missing member.
///
/// Generated code uses it in `#[serde(default, deserialize_with = "document")]`.
///
/// # Errors
///
/// A number out of the range of 64-bit floating-point numbers, such as `1e400`.
pub fn document<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Document>, D::Error> {
    deserializer.deserialize_newtype_struct(DOCUMENT, DocumentVisitor)
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Option<Document>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Self::Value, D::Error> {
        Document::deserialize(deserializer).map(Some)
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}
