//! Timestamps that travel as text.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer, ser::Error as _};

use crate::primitives::Timestamp;

/// A timestamp, or something that holds timestamps.
pub trait Times {
    /// Writes it with every timestamp as the text that `text` gives for it.
    ///
    /// # Errors
    ///
    /// A time that has no such text.
    fn write_as<S: Serializer>(
        &self,
        serializer: S,
        text: fn(&Timestamp) -> Option<String>,
    ) -> Result<S::Ok, S::Error>;
}

impl Times for Timestamp {
    fn write_as<S: Serializer>(
        &self,
        serializer: S,
        text: fn(&Timestamp) -> Option<String>,
    ) -> Result<S::Ok, S::Error> {
        match text(self) {
            Some(text) => serializer.serialize_str(&text),
            None => Err(S::Error::custom("a time outside the years 0 to 9999")),
        }
    }
}

impl<T: Times> Times for Option<T> {
    fn write_as<S: Serializer>(
        &self,
        serializer: S,
        text: fn(&Timestamp) -> Option<String>,
    ) -> Result<S::Ok, S::Error> {
        match self {
            Some(times) => serializer.serialize_some(&WithText { times, text }),
            None => serializer.serialize_none(),
        }
    }
}

impl<T: Times> Times for Vec<T> {
    fn write_as<S: Serializer>(
        &self,
        serializer: S,
        text: fn(&Timestamp) -> Option<String>,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(|times| WithText { times, text }))
    }
}

impl<K: Serialize, T: Times> Times for BTreeMap<K, T> {
    fn write_as<S: Serializer>(
        &self,
        serializer: S,
        text: fn(&Timestamp) -> Option<String>,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(key, times)| (key, WithText { times, text })))
    }
}

/// What writes itself with a given text for each timestamp.
struct WithText<'a, T> {
    times: &'a T,
    text: fn(&Timestamp) -> Option<String>,
}

impl<T: Times> Serialize for WithText<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.times.write_as(serializer, self.text)
    }
}

/// Writes a time as in RFC 3339, such as `1985-04-12T23:20:50.520Z` (`date-time`).
///
/// Generated code names it in `#[serde(serialize_with = "date_time")]`. A [`Timestamp`] reads every
/// form.
///
/// # Errors
///
/// A time outside the years 0 to 9999.
pub fn date_time<T: Times, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    value.write_as(serializer, Timestamp::to_date_time)
}

/// Writes a time as in HTTP, such as `Fri, 12 Apr 1985 23:20:50 GMT` (`http-date`).
///
/// Generated code names it in `#[serde(serialize_with = "http_date")]`. A [`Timestamp`] reads every
/// form.
///
/// # Errors
///
/// A time outside the years 0 to 9999.
pub fn http_date<T: Times, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    value.write_as(serializer, Timestamp::to_http_date)
}

/// Writes what it holds with [`date_time`].
#[derive(Debug)]
pub struct AsDateTime<'a, T>(pub &'a T);

impl<T: Times> Serialize for AsDateTime<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        date_time(self.0, serializer)
    }
}

/// Writes what it holds with [`http_date`].
#[derive(Debug)]
pub struct AsHttpDate<'a, T>(pub &'a T);

impl<T: Times> Serialize for AsHttpDate<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        http_date(self.0, serializer)
    }
}
