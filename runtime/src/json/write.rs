//! Writes values in a format that their type's `Serialize` does not use: timestamps as text, and floating-point numbers
//! that must be finite.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer, ser::Error as _};

use crate::primitives::Timestamp;

/// A value that can be written in the format `F`, or a container of such values.
pub trait WriteAs<F> {
    /// Writes it.
    ///
    /// # Errors
    ///
    /// A value that the format cannot represent.
    fn write_as<S: Serializer>(&self, format: F, serializer: S) -> Result<S::Ok, S::Error>;
}

/// Writes the value in the format.
#[derive(Debug)]
pub struct As<'a, F, T>(pub F, pub &'a T);

impl<F: Copy, T: WriteAs<F>> Serialize for As<'_, F, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.1.write_as(self.0, serializer)
    }
}

impl<F: Copy, T: WriteAs<F>> WriteAs<F> for Option<T> {
    fn write_as<S: Serializer>(&self, format: F, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(value) => serializer.serialize_some(&As(format, value)),
            None => serializer.serialize_none(),
        }
    }
}

impl<F: Copy, T: WriteAs<F>> WriteAs<F> for Vec<T> {
    fn write_as<S: Serializer>(&self, format: F, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(|value| As(format, value)))
    }
}

impl<F: Copy, K: Serialize, T: WriteAs<F>> WriteAs<F> for BTreeMap<K, T> {
    fn write_as<S: Serializer>(&self, format: F, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(key, value)| (key, As(format, value))))
    }
}

/// The format of JSON numbers, which has neither NaN nor infinity.
#[derive(Clone, Copy, Debug)]
pub struct Finite;

macro_rules! floats {
    ($($float:ident)*) => {
        $(
            impl WriteAs<Finite> for $float {
                fn write_as<S: Serializer>(&self, _: Finite, serializer: S) -> Result<S::Ok, S::Error> {
                    if !self.is_finite() {
                        return Err(S::Error::custom("a number that is NaN or infinite"));
                    }
                    self.serialize(serializer)
                }
            }
        )*
    };
}

floats! { f32 f64 }

/// The format of RFC 3339, such as `1985-04-12T23:20:50.520Z` (`date-time`).
#[derive(Clone, Copy, Debug)]
pub struct DateTime;

impl WriteAs<DateTime> for Timestamp {
    fn write_as<S: Serializer>(&self, _: DateTime, serializer: S) -> Result<S::Ok, S::Error> {
        write_time(self.to_date_time(), serializer)
    }
}

/// The format of HTTP dates, such as `Fri, 12 Apr 1985 23:20:50 GMT` (`http-date`).
#[derive(Clone, Copy, Debug)]
pub struct HttpDate;

impl WriteAs<HttpDate> for Timestamp {
    fn write_as<S: Serializer>(&self, _: HttpDate, serializer: S) -> Result<S::Ok, S::Error> {
        write_time(self.to_http_date(), serializer)
    }
}

fn write_time<S: Serializer>(text: Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    match text {
        Some(text) => serializer.serialize_str(&text),
        None => Err(S::Error::custom("a time outside the years 0 to 9999")),
    }
}

/// Writes a finite number.
///
/// Generated code uses it in `#[serde(serialize_with = "finite")]`. JSON has no NaN and no infinity;
/// some SDKs write them anyway, and the peer's parser fails.
///
/// # Errors
///
/// A number that is NaN or infinite.
pub fn finite<T: WriteAs<Finite>, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    value.write_as(Finite, to)
}

/// Writes a time as [`DateTime`].
///
/// Generated code uses it in `#[serde(serialize_with = "date_time")]`. A [`Timestamp`] reads every format.
///
/// # Errors
///
/// A time outside the years 0 to 9999.
pub fn date_time<T: WriteAs<DateTime>, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    value.write_as(DateTime, to)
}

/// Writes a time as [`HttpDate`].
///
/// Generated code uses it in `#[serde(serialize_with = "http_date")]`. A [`Timestamp`] reads every format.
///
/// # Errors
///
/// A time outside the years 0 to 9999.
pub fn http_date<T: WriteAs<HttpDate>, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    value.write_as(HttpDate, to)
}
