//! Parses and compares decimal numbers of any size.

use std::cmp::Ordering;

use serde::de::IgnoredAny;

/// Whether a text is a JSON number (RFC 8259, section 6).
pub(crate) fn is_json(text: &str) -> bool {
    // serde_json ignores white space around the number.
    let is_number = text.starts_with(|it: char| it == '-' || it.is_ascii_digit())
        && text.ends_with(|it: char| it.is_ascii_digit());
    is_number && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// A number as sign, digits and position of the decimal point. Equal numbers have equal fields.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Decimal {
    /// -1, 0 or 1.
    sign: i8,
    /// The number of digits before the decimal point.
    point: i64,
    /// The digits without leading and trailing zeros.
    digits: String,
}

impl Decimal {
    /// Parses a JSON number; `None` if the text is not one.
    pub(crate) fn new(text: &str) -> Option<Self> {
        if !is_json(text) {
            return None;
        }
        let unsigned = text.trim_start_matches('-');
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        // An exponent of more than 64 bits exceeds every limit, so any very large or small one can replace it.
        let far = if exponent.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 };
        let exponent: i64 = exponent.parse().unwrap_or(far).clamp(i64::MIN / 2, i64::MAX / 2);
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0');
        let leading = (all.len() - digits.len()) as i64;
        let digits = digits.trim_end_matches('0');
        if digits.is_empty() {
            return Some(Self { sign: 0, point: 0, digits: String::new() });
        }
        Some(Self {
            sign: if text.starts_with('-') { -1 } else { 1 },
            point: whole.len() as i64 - leading + exponent,
            digits: digits.to_owned(),
        })
    }

    /// The number without decimal point and exponent, if it is an integer and the exponent adds at most `limit`
    /// zeros.
    pub(crate) fn to_integer(&self, limit: i64) -> Option<String> {
        let len = self.digits.len() as i64;
        if self.sign == 0 {
            return Some("0".to_owned());
        }
        if self.point < len || self.point - len > limit {
            return None;
        }
        let sign = if self.sign < 0 { "-" } else { "" };
        let zeros = "0".repeat((self.point - len) as usize);
        Some(format!("{sign}{}{zeros}", self.digits))
    }

    /// The number in units of 10^-`places`, rounded to the nearest unit, halves away from zero. `None` if it has
    /// more than 38 digits.
    pub(crate) fn to_units(&self, places: i64) -> Option<i128> {
        let len = self.point.saturating_add(places);
        if self.sign == 0 || len < 0 {
            return Some(0);
        }
        let len = usize::try_from(len).ok().filter(|it| *it <= 38)?;
        let (taken, rest) = self.digits.split_at(len.min(self.digits.len()));
        let zeros = (len - taken.len()) as u32;
        let taken: i128 = if taken.is_empty() { 0 } else { taken.parse().ok()? };
        let is_rounded_up = rest.as_bytes().first().is_some_and(|it| *it >= b'5');
        let units = taken.checked_mul(10_i128.pow(zeros))? + i128::from(is_rounded_up);
        Some(i128::from(self.sign) * units)
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let size = (self.point, &self.digits).cmp(&(other.point, &other.digits));
        let size = if self.sign < 0 { size.reverse() } else { size };
        self.sign.cmp(&other.sign).then(size)
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
