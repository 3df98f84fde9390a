//! The defaults of a model as values of their types.

use crate::{
    ir::{Literal, Type},
    traits::DefaultValue,
};

/// The value of a type; `None` if the model says that there is none.
///
/// `variant` is asked for the variant of an enum that has the value.
pub(super) fn literal(
    value: &DefaultValue,
    ty: &Type,
    variant: impl FnOnce() -> Option<String>,
) -> Option<Literal> {
    if *value == DefaultValue::Null {
        return None;
    }
    let literal = match (ty, value) {
        (Type::Document, value) => Literal::Document(Box::new(document(value))),
        (Type::Named(_), _) => Literal::Variant(variant()?),
        (Type::Blob, DefaultValue::String(text)) => Literal::Blob(decode_base64(text)?),
        (Type::Timestamp(_), DefaultValue::String(text)) => timestamp_of_text(text)?,
        (Type::Timestamp(_), DefaultValue::Number(text)) => timestamp_of_number(text)?,
        (Type::BigInteger | Type::BigDecimal, DefaultValue::Number(text)) => {
            Literal::Big(text.clone())
        }
        (Type::Int(_), DefaultValue::Number(text)) => Literal::Int(text.parse().ok()?),
        (Type::Float(_), DefaultValue::Number(text)) => Literal::Float(text.parse().ok()?),
        (Type::Float(_), DefaultValue::String(text)) => Literal::Float(match text.as_str() {
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            _ => f64::NAN,
        }),
        (_, DefaultValue::Bool(value)) => Literal::Bool(*value),
        (_, DefaultValue::String(text)) => Literal::String(text.clone()),
        // Empty lists and maps.
        _ => Literal::Zero,
    };
    Some(if is_zero(&literal) { Literal::Zero } else { literal })
}

/// Whether the `Default` of the type gives this value.
fn is_zero(literal: &Literal) -> bool {
    match literal {
        Literal::Bool(value) => !value,
        Literal::Int(value) => *value == 0,
        // Negative zero is another number.
        Literal::Float(value) => value.to_bits() == 0,
        Literal::Big(text) => text == "0",
        Literal::String(text) => text.is_empty(),
        Literal::Blob(bytes) => bytes.is_empty(),
        Literal::Timestamp { secs, nanos } => (*secs, *nanos) == (0, 0),
        _ => false,
    }
}

fn document(value: &DefaultValue) -> Literal {
    match value {
        DefaultValue::Bool(value) => Literal::Bool(*value),
        DefaultValue::String(text) => Literal::String(text.clone()),
        DefaultValue::EmptyList => Literal::EmptyList,
        DefaultValue::EmptyObject => Literal::EmptyObject,
        DefaultValue::Number(text) => match text.parse() {
            Ok(number) => Literal::Int(number),
            Err(_) => Literal::Float(text.parse().unwrap_or_default()),
        },
        DefaultValue::Null => Literal::Zero,
    }
}

/// Decodes base64, with or without padding.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for it in text.trim_end_matches('=').bytes() {
        let value = match it {
            b'A'..=b'Z' => it - b'A',
            b'a'..=b'z' => it - b'a' + 26,
            b'0'..=b'9' => it - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    (count < 6).then_some(bytes)
}

/// A number of seconds, exact to the nanosecond.
pub(crate) fn timestamp_of_number(text: &str) -> Option<Literal> {
    if text.contains(['e', 'E']) {
        let secs: f64 = text.parse().ok()?;
        let whole = secs.floor();
        let nanos = ((secs - whole) * 1e9).round().min(999_999_999.0);
        return (whole.abs() < 9e18)
            .then_some(Literal::Timestamp { secs: whole as i64, nanos: nanos as u32 });
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let nanos = nanos(fraction)?;
    let secs: i64 = whole.parse().ok()?;
    Some(match whole.starts_with('-') && nanos > 0 {
        true => Literal::Timestamp { secs: secs.checked_sub(1)?, nanos: 1_000_000_000 - nanos },
        false => Literal::Timestamp { secs, nanos },
    })
}

/// The digits after the point as nanoseconds; what is finer is cut off.
fn nanos(fraction: &str) -> Option<u32> {
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    digits.bytes().all(|it| it.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// A time as in RFC 3339, such as `1985-04-12T23:20:50.52Z`.
pub(crate) fn timestamp_of_text(text: &str) -> Option<Literal> {
    let number = |at: std::ops::Range<usize>| -> Option<i64> {
        let digits = text.get(at)?;
        digits.bytes().all(|it| it.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let separators = [(4, "-"), (7, "-"), (10, "Tt "), (13, ":"), (16, ":")];
    let fits = |(at, any): (usize, &str)| text.get(at..at + 1).is_some_and(|it| any.contains(it));
    if !separators.into_iter().all(fits) {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let is_valid = (1..=12).contains(&month)
        && (1..=days_in_month).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    let rest = text.get(19..)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|it: char| !it.is_ascii_digit())?),
        None => ("", rest),
    };
    let offset = match zone {
        "Z" | "z" => 0,
        _ => {
            let at = text.len() - zone.len();
            let sign = match zone.get(..1)? {
                "+" => 1,
                "-" => -1,
                _ => return None,
            };
            let (hours, minutes) = (number(at + 1..at + 3)?, number(at + 4..at + 6)?);
            let is_valid = zone.len() == 6 && zone.get(3..4)? == ":" && hours < 24 && minutes < 60;
            is_valid.then_some(sign * (hours * 3600 + minutes * 60))?
        }
    };
    // Days since 1970 of a date: March is the first month of a year, so that a leap day is its last.
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = years * 365 + years.div_euclid(4) - years.div_euclid(100)
        + years.div_euclid(400)
        + (months * 153 + 2) / 5
        + day
        - 719_469;
    let secs = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    is_valid.then_some(Literal::Timestamp { secs, nanos: nanos(fraction)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_may_be_written() {
        let time = |secs, nanos| Some(Literal::Timestamp { secs, nanos });
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", time(0, 0)),
            ("1985-04-12T23:20:50.52Z", time(482_196_050, 520_000_000)),
            ("2000-02-29T12:00:00+02:00", time(951_818_400, 0)),
            ("0000-03-01T00:00:00Z", time(-62_162_035_200, 0)),
            ("2001-02-29T12:00:00Z", None),
            ("2000-01-01", None),
            ("2000-01-01T00:00:00", None),
            ("2000-01-01T00:00:00+0200", None),
        ] {
            assert_eq!(timestamp_of_text(text), expected, "{text}");
        }
        assert_eq!(timestamp_of_number("-1.25"), time(-2, 750_000_000));
        assert_eq!(timestamp_of_number("1.5e3"), time(1500, 0));
        assert_eq!(timestamp_of_number("99999999999999999999"), None);
    }

    #[test]
    fn base64_is_decoded() {
        for (text, expected) in [
            ("", Some(&b""[..])),
            ("aGk=", Some(b"hi")),
            ("aGk", Some(b"hi")),
            ("+/8=", Some(b"\xfb\xff")),
            ("a", None),
            ("a*==", None),
        ] {
            assert_eq!(decode_base64(text).as_deref(), expected, "{text}");
        }
    }
}
