//! Points in time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

use super::{decimal::Decimal, number::as_written};

const NANOS_PER_SEC: u32 = 1_000_000_000;

/// A point in time (`smithy.api#Timestamp`): seconds since 1970-01-01T00:00:00Z, with a fraction.
///
/// On the wire it is a JSON number of seconds that always has a decimal point, because nucleus lite does not accept an
/// integer. It is written and read as decimal digits, to the nanosecond; the Java nucleus truncates to milliseconds.
/// Members with the trait `timestampFormat` are written as text. All of these forms are read, with and without the
/// trait.
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

    /// Seconds since the epoch, from the shortest decimal form of `secs`, rounded to the nanosecond.
    ///
    /// # Errors
    ///
    /// A number that is not finite or does not fit 64 bits.
    pub fn from_secs_f64(secs: f64) -> Result<Self, TimestampRangeError> {
        Decimal::new(&format!("{secs:e}"))
            .as_ref()
            .and_then(Self::from_decimal)
            .ok_or(TimestampRangeError(()))
    }

    fn from_decimal(secs: &Decimal) -> Option<Self> {
        Self::from_nanos(secs.to_units(9)?)
    }

    fn from_nanos(nanos: i128) -> Option<Self> {
        let secs = i64::try_from(nanos.div_euclid(NANOS_PER_SEC.into())).ok()?;
        Some(Self { secs, nanos: nanos.rem_euclid(NANOS_PER_SEC.into()) as u32 })
    }

    const fn as_nanos(&self) -> i128 {
        self.secs as i128 * NANOS_PER_SEC as i128 + self.nanos as i128
    }

    /// Seconds since the epoch, rounded down to a whole number.
    pub const fn secs(&self) -> i64 {
        self.secs
    }

    /// The fraction of the second, in nanoseconds: 0 to 999,999,999.
    pub const fn subsec_nanos(&self) -> u32 {
        self.nanos
    }

    /// Seconds since the epoch as a floating-point number. Its precision for present times is about a quarter of a
    /// microsecond.
    pub fn as_secs_f64(&self) -> f64 {
        self.secs as f64 + f64::from(self.nanos) / f64::from(NANOS_PER_SEC)
    }

    /// Milliseconds since the epoch, rounded down and limited to the range of 64 bits.
    pub fn as_millis(&self) -> i64 {
        let millis = self.as_nanos().div_euclid(1_000_000);
        millis.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let nanos = |it: Duration| i128::try_from(it.as_nanos()).unwrap_or(i128::MAX);
        let (nanos, limit) = match time.duration_since(UNIX_EPOCH) {
            Ok(since) => (nanos(since), i64::MAX),
            Err(before) => (-nanos(before.duration()), i64::MIN),
        };
        // No platform's clock exceeds the limit.
        Self::from_nanos(nanos).unwrap_or(Self::from_secs(limit))
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
        // In this range the shortest decimal form of the floating-point number is exact.
        let is_short = self.secs.unsigned_abs() < 1 << 32 && self.nanos % 1_000 == 0;
        if is_short || Self::from_secs_f64(self.as_secs_f64()) == Ok(*self) {
            return serializer.serialize_f64(self.as_secs_f64());
        }
        let nanos = self.as_nanos();
        let (sign, nanos) = (if nanos < 0 { "-" } else { "" }, nanos.unsigned_abs());
        let per_sec = u128::from(NANOS_PER_SEC);
        let digits = format!("{sign}{}.{:09}", nanos / per_sec, nanos % per_sec);
        let raw: &RawValue = serde_json::from_str(&digits).map_err(ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = as_written(deserializer)?;
        let (time, error) = match Decimal::new(&text) {
            Some(secs) => (Self::from_decimal(&secs), "the time is out of range"),
            None => {
                (text.parse().ok(), "expected a number of seconds since 1970, or a date and time")
            }
        };
        time.ok_or_else(|| de::Error::custom(error))
    }
}

/// The text is not a date and time as in RFC 3339 or HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a date and time as in RFC 3339 or HTTP")]
pub struct TimestampTextError(pub(super) ());

/// The time is outside the range of the target type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the time is out of range")]
pub struct TimestampRangeError(());

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, secs: i64, nanos: u32) {
        let time: Timestamp = crate::json::from_slice(json.as_bytes()).unwrap();
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
            assert!(crate::json::from_slice::<Timestamp>(json.as_bytes()).is_err(), "{json}");
        }
    }

    #[test]
    fn writes_a_decimal_point_and_every_microsecond() {
        let json = |time: Timestamp| crate::json::to_string(&time).unwrap();
        assert_eq!(json(Timestamp::from_secs(1_709_210_096)), "1709210096.0");
        for micros in 0..1000 {
            let time = Timestamp::from_secs_f64(1_709_210_096.0 + f64::from(micros) / 1e6).unwrap();
            assert_eq!(time.subsec_nanos(), micros * 1000);
            assert_eq!(crate::json::from_slice::<Timestamp>(json(time).as_bytes()).unwrap(), time);
        }
    }

    #[track_caller]
    fn check_round_trip(json: &str, secs: i64, nanos: u32) {
        check(json, secs, nanos);
        let time = Timestamp::new(secs, nanos);
        let written = crate::json::to_string(&time).unwrap();
        assert!(written.contains(['.', 'e']), "{written}");
        check(&written, secs, nanos);
    }

    #[test]
    fn digits_are_exact_whatever_the_size() {
        check_round_trip("253402300799.999", 253_402_300_799, 999_000_000);
        check_round_trip("-253402300799.999", -253_402_300_800, 1_000_000);
        check_round_trip("1709210096.789123456", 1_709_210_096, 789_123_456);
        check_round_trip("9007199254740993.0", 9_007_199_254_740_993, 0);
        check_round_trip("9223372036854775807.999999999", i64::MAX, 999_999_999);
        check_round_trip("-9223372036854775808", i64::MIN, 0);
        check_round_trip("-9223372036854775807.000000001", i64::MIN, 999_999_999);
        check_round_trip("-0.000000001", -1, 999_999_999);
        check_round_trip("1.7092100967891234E+9", 1_709_210_096, 789_123_400);
        // What is finer is rounded.
        check_round_trip("0.9999999995", 1, 0);
        check_round_trip("0.00000000049", 0, 0);
        check_round_trip("1e-400", 0, 0);
        for secs in [0, 4_294_967_295, 4_294_967_296, 253_402_300_799, 1 << 53, i64::MAX] {
            for nanos in [0, 1_000_000, 1_000, 1, 999_000_000, 998_993_000, 999_999_999] {
                for time in [Timestamp::new(secs, nanos), Timestamp::new(-secs - 1, nanos)] {
                    let json = crate::json::to_string(&[time]).unwrap();
                    assert_eq!(
                        crate::json::from_slice::<[Timestamp; 1]>(json.as_bytes()).unwrap(),
                        [time]
                    );
                }
            }
        }
    }

    #[test]
    fn the_ends_of_the_range_are_no_overflow() {
        for json in ["9223372036854775807.9999999999", "-9223372036854775808.000000001", "1e400"] {
            assert!(crate::json::from_slice::<Timestamp>(json.as_bytes()).is_err(), "{json}");
        }
        for secs in [9.3e18, -9.3e18, f64::INFINITY, f64::NAN] {
            assert!(Timestamp::from_secs_f64(secs).is_err(), "{secs}");
        }
        for millis in [i64::MIN, i64::MIN + 999, i64::MAX] {
            assert_eq!(Timestamp::from_millis(millis).as_millis(), millis);
        }
        assert_eq!(Timestamp::new(i64::MIN, 999_999_999).as_millis(), i64::MIN);
        assert_eq!(Timestamp::new(i64::MAX, 0).as_millis(), i64::MAX);
        // A platform's clock need not reach as far.
        for time in [
            Timestamp::new(i64::MIN, 0),
            Timestamp::new(i64::MIN, 1),
            Timestamp::new(i64::MAX, 999_999_999),
        ] {
            if let Ok(system) = SystemTime::try_from(time) {
                assert_eq!(Timestamp::from(system), time);
            }
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
