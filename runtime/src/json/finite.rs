//! Floating-point numbers on their way out.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer, ser::Error as _};

/// A number, or something that holds numbers, that may have to be refused.
pub trait Finite: Serialize {
    /// Whether no number in it is NaN or infinite.
    fn is_finite(&self) -> bool;
}

impl Finite for f32 {
    fn is_finite(&self) -> bool {
        f32::is_finite(*self)
    }
}

impl Finite for f64 {
    fn is_finite(&self) -> bool {
        f64::is_finite(*self)
    }
}

impl<T: Finite> Finite for Option<T> {
    fn is_finite(&self) -> bool {
        self.as_ref().is_none_or(T::is_finite)
    }
}

impl<T: Finite> Finite for Vec<T> {
    fn is_finite(&self) -> bool {
        self.iter().all(T::is_finite)
    }
}

impl<K: Serialize, T: Finite> Finite for BTreeMap<K, T> {
    fn is_finite(&self) -> bool {
        self.values().all(T::is_finite)
    }
}

/// Writes a number that JSON can hold, and refuses the others.
///
/// Generated code names it in `#[serde(serialize_with = "finite")]`. JSON has no NaN and no infinity:
/// some SDKs write them all the same, and the peer's parser fails.
///
/// # Errors
///
/// A number that is NaN or infinite.
pub fn finite<T: Finite, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() {
        value.serialize(serializer)
    } else {
        Err(S::Error::custom("a number that is NaN or infinite"))
    }
}

/// Writes what it holds with [`finite`].
#[derive(Debug)]
pub struct AsFinite<'a, T>(pub &'a T);

impl<T: Finite> Serialize for AsFinite<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        finite(self.0, serializer)
    }
}
