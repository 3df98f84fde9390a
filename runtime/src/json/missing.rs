//! Members that are not there, or null.

use std::{cell::Cell, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned, Visitor},
};

use super::zero::Zero;
use crate::primitives::Document;

thread_local! {
    /// How many required members were missing or null in what this thread has read.
    ///
    /// serde hands nothing to the functions that fill a gap, so the count is kept beside it. A server
    /// compares it before and after reading a request; a client never looks.
    static MISSING: Cell<u64> = const { Cell::new(0) };
}

/// How many required members this thread has found missing so far.
pub(super) fn count() -> u64 {
    MISSING.get()
}

/// The value that a required member gets when it is missing: zero, empty or unknown.
///
/// Generated code names it in `#[serde(default = "missing")]`.
pub fn missing<T: DeserializeOwned>() -> T {
    MISSING.set(MISSING.get() + 1);
    T::deserialize(Zero).expect("every modelled type can be read from nothing")
}

/// Reads a required member; `null` counts as missing.
///
/// Generated code names it in `#[serde(deserialize_with = "required")]`.
///
/// # Errors
///
/// A value of another type than the member's.
pub fn required<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_else(missing))
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
    // What reads a member that is not there does not go inside.
    deserializer.deserialize_newtype_struct("eventstream_rpc::Document", DocumentVisitor)
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

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}
