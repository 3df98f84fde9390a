//! Timestamps.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};

use super::calendar;

const NANOS_PER_SEC: u32 = 1_000_000_000;

/// A point in time (`smithy.api#Timestamp`): seconds since 1970-01-01T00:00:00Z, with a fraction.
///
/// On the wire it is a JSON number of seconds that always has a decimal point, because nucleus lite
/// does not take an integer. Such a number holds about a quarter of a microsecond in our time; the Java
/// nucleus truncates to milliseconds. Where a model says so (`timestampFormat`) it is text; it is read
/// from each of these forms, whatever the model says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp {
    secs: i64,
    nanos: u32,
}

impl Timestamp {
    /// The current time of the system's clock.
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// Seconds since the epoch, rounded down, and the rest in nanoseconds.
    ///
    /// # Panics
    ///
    /// If there are more than 999,999,999 nanoseconds.
    pub const fn new(secs: i64, nanos: u32) -> Self {
        assert!(nanos < NANOS_PER_SEC, "a second has 1,000,000,000 nanoseconds");
        Self { secs, nanos }
    }

    /// A whole number of seconds since the epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self { secs, nanos: 0 }
    }

    /// A number of milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        let nanos = millis.rem_euclid(1000) as u32 * 1_000_000;
        Self { secs: millis.div_euclid(1000), nanos }
    }

    /// Seconds since the epoch, to the microsecond; to the nanosecond if the number is finer than that.
    ///
    /// # Errors
    ///
    /// A number that is not finite or does not fit 64 bits.
    pub fn from_secs_f64(secs: f64) -> Result<Self, TimestampRangeError> {
        // 2^63 is exact in f64; the largest i64 is not.
        const LIMIT: f64 = 9_223_372_036_854_775_808.0;
        let whole = secs.floor();
        if !(-LIMIT..LIMIT).contains(&whole) {
            return Err(TimestampRangeError(()));
        }
        let rounded = |units_per_sec: u32| {
            let units = ((secs - whole) * f64::from(units_per_sec)).round() as u32;
            let secs = (whole as i64).checked_add(i64::from(units / units_per_sec))?;
            Some(Self { secs, nanos: units % units_per_sec * (NANOS_PER_SEC / units_per_sec) })
        };
        // Decimal fractions are not exact in binary: microseconds are what was meant, unless the number
        // says otherwise.
        rounded(1_000_000)
            .filter(|it| it.as_secs_f64() == secs)
            .or_else(|| rounded(NANOS_PER_SEC))
            .ok_or(TimestampRangeError(()))
    }

    /// Seconds since the epoch, rounded down to a whole number.
    pub const fn secs(&self) -> i64 {
        self.secs
    }

    /// The fraction of the second, in nanoseconds: 0 to 999,999,999.
    pub const fn subsec_nanos(&self) -> u32 {
        self.nanos
    }

    /// Seconds since the epoch as they travel.
    pub fn as_secs_f64(&self) -> f64 {
        self.secs as f64 + f64::from(self.nanos) / f64::from(NANOS_PER_SEC)
    }

    /// The time as in RFC 3339, in UTC, such as `1985-04-12T23:20:50.520Z`; `None` outside the years 0 to
    /// 9999.
    pub fn to_date_time(&self) -> Option<String> {
        calendar::to_date_time(self)
    }

    /// The time as in HTTP, such as `Fri, 12 Apr 1985 23:20:50 GMT`, with a fraction of the second if
    /// there is one; `None` outside the years 0 to 9999.
    pub fn to_http_date(&self) -> Option<String> {
        calendar::to_http_date(self)
    }

    /// Milliseconds since the epoch, rounded down; what does not fit 64 bits is cut to their range.
    pub const fn as_millis(&self) -> i64 {
        self.secs.saturating_mul(1000).saturating_add((self.nanos / 1_000_000) as i64)
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => Self { secs: since.as_secs() as i64, nanos: since.subsec_nanos() },
            Err(err) => {
                let before = err.duration();
                let secs = -(before.as_secs() as i64);
                match before.subsec_nanos() {
                    0 => Self { secs, nanos: 0 },
                    nanos => Self { secs: secs - 1, nanos: NANOS_PER_SEC - nanos },
                }
            }
        }
    }
}

impl TryFrom<Timestamp> for SystemTime {
    type Error = TimestampRangeError;

    fn try_from(time: Timestamp) -> Result<Self, TimestampRangeError> {
        let secs = Duration::from_secs(time.secs.unsigned_abs());
        let whole = match time.secs {
            0.. => UNIX_EPOCH.checked_add(secs),
            _ => UNIX_EPOCH.checked_sub(secs),
        };
        whole
            .and_then(|it| it.checked_add(Duration::from_nanos(time.nanos.into())))
            .ok_or(TimestampRangeError(()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_secs_f64())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A number as a rule, or text; what gives zeros must be told which it is.
        deserializer.deserialize_newtype_struct(TIMESTAMP, TimestampVisitor)
    }
}

/// How [`Timestamp`] introduces itself when it is read.
pub(crate) const TIMESTAMP: &str = "eventstream_rpc::Timestamp";

struct TimestampVisitor;

impl<'de> Visitor<'de> for TimestampVisitor {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of seconds since 1970, or a date and time")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
        calendar::from_text(text).ok_or_else(|| E::custom("not a date and time"))
    }

    fn visit_i64<E: de::Error>(self, secs: i64) -> Result<Timestamp, E> {
        Ok(Timestamp::from_secs(secs))
    }

    fn visit_u64<E: de::Error>(self, secs: u64) -> Result<Timestamp, E> {
        i64::try_from(secs).map(Timestamp::from_secs).map_err(E::custom)
    }

    fn visit_f64<E: de::Error>(self, secs: f64) -> Result<Timestamp, E> {
        Timestamp::from_secs_f64(secs).map_err(E::custom)
    }
}

impl std::str::FromStr for Timestamp {
    type Err = TimestampTextError;

    /// Reads a date and time as in RFC 3339 or as in HTTP.
    fn from_str(text: &str) -> Result<Self, TimestampTextError> {
        calendar::from_text(text).ok_or(TimestampTextError(()))
    }
}

/// A text that is no date and time as in RFC 3339 or HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampTextError(());

impl fmt::Display for TimestampTextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a date and time as in RFC 3339 or HTTP")
    }
}

impl std::error::Error for TimestampTextError {}

/// A time outside the range of the type it was to be turned into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampRangeError(());

impl fmt::Display for TimestampRangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time is out of range")
    }
}

impl std::error::Error for TimestampRangeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, secs: i64, nanos: u32) {
        let time: Timestamp = crate::serde::from_slice(json.as_bytes()).unwrap();
        assert_eq!((time.secs(), time.subsec_nanos()), (secs, nanos));
    }

    #[test]
    fn reads_what_the_official_sdks_write() {
        check("1709210096.789123", 1_709_210_096, 789_123_000);
        check("1709210096", 1_709_210_096, 0);
        check("1.709210096789E9", 1_709_210_096, 789_000_000);
        check("0.0", 0, 0);
        check("-1.25", -2, 750_000_000);
    }

    #[test]
    fn refuses_what_is_not_a_time() {
        for json in ["1e300", "-1e300", "9223372036854775808", "\"2024-02-29\"", "\"NaN\"", "[]"] {
            assert!(crate::serde::from_slice::<Timestamp>(json.as_bytes()).is_err(), "{json}");
        }
    }

    #[test]
    fn writes_a_decimal_point_and_every_microsecond() {
        let json = |time: Timestamp| crate::serde::to_string(&time).unwrap();
        assert_eq!(json(Timestamp::from_secs(1_709_210_096)), "1709210096.0");
        for micros in 0..1000 {
            let time = Timestamp::from_secs_f64(1_709_210_096.0 + f64::from(micros) / 1e6).unwrap();
            assert_eq!(time.subsec_nanos(), micros * 1000);
            assert_eq!(crate::serde::from_slice::<Timestamp>(json(time).as_bytes()).unwrap(), time);
        }
    }

    #[test]
    fn converts_both_ways_on_both_sides_of_the_epoch() {
        for millis in [-1_500, -1_000, -1, 0, 1, 999, 1_000, 1_709_210_096_789] {
            let time = Timestamp::from_millis(millis);
            assert_eq!(time.as_millis(), millis);
            assert_eq!(Timestamp::from(SystemTime::try_from(time).unwrap()), time);
        }
    }
}
