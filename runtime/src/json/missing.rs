//! Members that are not there, or null.
//!
//! serde reads a member that is not there with nothing but a default, which cannot say that it was used. So a required
//! member has none: the fast way to read a payload fails without it, and the patient way, which then reads the payload
//! again, knows its place and fills the gap.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};

use crate::primitives::Document;

/// How a required member asks to be read.
pub(super) const REQUIRED: &str = "eventstream_rpc::Required";

/// How an optional document asks to be read.
pub(super) const DOCUMENT: &str = "eventstream_rpc::Document";

/// Reads a required member.
///
/// Generated code names it in `#[serde(deserialize_with = "required")]`. Where the member is missing or null,
/// [`from_slice`](super::from_slice) reads a zero, empty or unknown value.
///
/// # Errors
///
/// A value of another type than the member's, and null from other deserializers than the one of this crate.
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

/// Reads a member whose default is the one of its type; `null` counts as missing.
///
/// Generated code names it in `#[serde(deserialize_with = "or_default")]`.
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

/// Reads a member that has another default than its type; `null` counts as missing.
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

/// Reads an optional document; `null` is a document and not a member that is missing.
///
/// Generated code names it in `#[serde(default, deserialize_with = "document")]`.
///
/// # Errors
///
/// A number that JSON has and a document has not, such as `1e400`.
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
