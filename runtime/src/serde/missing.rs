//! Required members that are not there.

use std::cell::Cell;

use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use super::zero::Zero;

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
