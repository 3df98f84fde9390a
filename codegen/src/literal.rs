//! The values of defaults.

use crate::{
    ast::{Shape, ShapeKind, SimpleType},
    traits::DefaultValue,
};

/// A value that is written in the model.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// What the `Default` of the type gives.
    Zero,
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating-point number, which may be NaN or infinite.
    Float(f64),
    /// A big integer or decimal, as it is written.
    Big(String),
    /// A text.
    String(String),
    /// Bytes.
    Blob(Vec<u8>),
    /// A point in time.
    Timestamp {
        /// Since 1970, rounded down.
        secs: i64,
        /// The rest, in nanoseconds.
        nanos: u32,
    },
    /// The member of an enum with this name.
    Variant(String),
    /// A document that holds the value.
    Document(Box<Literal>),
    /// The empty document with elements.
    EmptyList,
    /// The empty document with members.
    EmptyObject,
}

/// A default as a value of its type; `None` for null, and for a blob that is not in base64.
///
/// # Errors
///
/// What the type expects instead.
pub(crate) fn read(value: &DefaultValue, shape: &Shape) -> Result<Option<Literal>, String> {
    use DefaultValue::{Bool, EmptyList, EmptyObject, Null, Number, String};
    use SimpleType::{
        BigDecimal, BigInteger, Blob, Boolean, Byte, Document, Double, Float, Integer, Long, Short,
        Timestamp,
    };
    let (simple, text) = match (shape.kind, value) {
        (_, Null) => return Ok(None),
        (ShapeKind::Simple(simple), Number(text) | String(text)) => (simple, &**text),
        (ShapeKind::Simple(simple), _) => (simple, ""),
        (ShapeKind::Enum | ShapeKind::IntEnum, _) => return variant(value, shape).map(Some),
        (ShapeKind::List, EmptyList) | (ShapeKind::Map, EmptyObject) => {
            return Ok(Some(Literal::Zero));
        }
        (ShapeKind::List, _) => return Err("expected []: a list can have no other".to_owned()),
        (ShapeKind::Map, _) => return Err("expected {}: a map can have no other".to_owned()),
        (kind, _) => return Err(format!("a {} can have no default", kind.name())),
    };
    let literal = match (simple, value) {
        (SimpleType::String, String(_)) => Some(Literal::String(text.to_owned())),
        (Blob, String(_)) => match decode_base64(text) {
            Some(bytes) => Some(Literal::Blob(bytes)),
            None => return Ok(None),
        },
        (Boolean, Bool(value)) => Some(Literal::Bool(*value)),
        (Byte, Number(_)) => integer(text, i8::MIN.into(), i8::MAX.into()).map(Some)?,
        (Short, Number(_)) => integer(text, i16::MIN.into(), i16::MAX.into()).map(Some)?,
        (Integer, Number(_)) => integer(text, i32::MIN.into(), i32::MAX.into()).map(Some)?,
        (Long, Number(_)) => integer(text, i64::MIN, i64::MAX).map(Some)?,
        (Float | Double, Number(_)) => {
            let is_finite = match simple {
                Float => text.parse().is_ok_and(f32::is_finite),
                _ => text.parse().is_ok_and(f64::is_finite),
            };
            if !is_finite {
                return Err(format!("{text} is beyond what the type can hold"));
            }
            text.parse().ok().map(Literal::Float)
        }
        (Float | Double, String(_)) => match text {
            "NaN" => Some(Literal::Float(f64::NAN)),
            "Infinity" => Some(Literal::Float(f64::INFINITY)),
            "-Infinity" => Some(Literal::Float(f64::NEG_INFINITY)),
            _ => None,
        },
        (BigInteger, Number(_)) => {
            let is_whole = text.trim_start_matches('-').bytes().all(|it| it.is_ascii_digit());
            is_whole.then(|| Literal::Big(text.to_owned()))
        }
        (BigDecimal, Number(_)) => Some(Literal::Big(text.to_owned())),
        (Timestamp, Number(_)) => timestamp_of_number(text),
        (Timestamp, String(_)) => timestamp_of_text(text),
        (Document, value) => Some(Literal::Document(Box::new(document(value)))),
        _ => None,
    };
    match literal {
        Some(literal) => Ok(Some(if is_zero(&literal) { Literal::Zero } else { literal })),
        None => Err(format!("expected {}", expected(simple))),
    }
}

/// The values that a default of the type can have.
fn expected(simple: SimpleType) -> &'static str {
    match simple {
        SimpleType::String => "a string",
        SimpleType::Blob => "a string in base64",
        SimpleType::Boolean => "true or false",
        SimpleType::Float | SimpleType::Double => {
            "a number, \"NaN\", \"Infinity\" or \"-Infinity\""
        }
        SimpleType::BigInteger => "an integer",
        SimpleType::Timestamp => "a number of seconds or a text as in RFC 3339",
        _ => "a number",
    }
}

fn integer(text: &str, min: i64, max: i64) -> Result<Literal, String> {
    let number = text.parse().ok().filter(|it| (min..=max).contains(it));
    number
        .map(Literal::Int)
        .ok_or_else(|| format!("expected an integer from {min} to {max}, found {text}"))
}

fn variant(value: &DefaultValue, shape: &Shape) -> Result<Literal, String> {
    let kind = shape.kind.name();
    let mut members = shape.members.iter();
    let (found, text) = match (shape.kind, value) {
        (ShapeKind::Enum, DefaultValue::String(text)) => {
            (members.find(|it| it.traits.enum_value.as_ref() == Some(text)), format!("{text:?}"))
        }
        (ShapeKind::Enum, _) => return Err("expected a string".to_owned()),
        (_, DefaultValue::Number(text)) => {
            let has_value = |number: i32| text.parse() == Ok(number);
            (members.find(|it| it.traits.int_enum_value.is_some_and(has_value)), text.clone())
        }
        _ => return Err("expected a number".to_owned()),
    };
    found
        .map(|it| Literal::Variant(it.name.clone()))
        .ok_or_else(|| format!("expected a value of the {kind}, found {text}"))
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
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for character in text.trim_end_matches('=').chars() {
        bits = bits << 6 | u32::try_from(ALPHABET.find(character)?).ok()?;
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
fn timestamp_of_number(text: &str) -> Option<Literal> {
    if text.contains(['e', 'E']) {
        let secs: f64 = text.parse().ok()?;
        let nanos = ((secs - secs.floor()) * 1e9).round().min(999_999_999.0) as u32;
        let literal = Literal::Timestamp { secs: secs.floor() as i64, nanos };
        return (secs.abs() < 9e18).then_some(literal);
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let (secs, nanos) = (whole.parse::<i64>().ok()?, nanos(fraction)?);
    Some(match whole.starts_with('-') && nanos > 0 {
        true => Literal::Timestamp { secs: secs.checked_sub(1)?, nanos: 1_000_000_000 - nanos },
        false => Literal::Timestamp { secs, nanos },
    })
}

/// The digits after the point as nanoseconds; finer ones are cut off.
fn nanos(fraction: &str) -> Option<u32> {
    let is_number = fraction.bytes().all(|it| it.is_ascii_digit());
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    digits.parse().ok().filter(|_| is_number)
}

/// A time as in RFC 3339, such as `1985-04-12T23:20:50.52Z`.
fn timestamp_of_text(text: &str) -> Option<Literal> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let (time, zone) = time.split_at(time.find(['Z', 'z', '+', '-'])?);
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let offset = match zone {
        "Z" | "z" => 0,
        _ => {
            let [hours, minutes] = numbers(&zone[1..], ':', [2, 2])?;
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))?
        }
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let is_date = (1..=12).contains(&month) && (1..=days_in_month).contains(&day);
    let is_time = hour < 24 && minute < 60 && second <= 60;
    // March is counted as the first month of a year, so that a leap day is the last one.
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = years.div_euclid(4) - years.div_euclid(100) + years.div_euclid(400);
    let days = years * 365 + leap_days + (months * 153 + 2) / 5 + day - 719_469;
    let secs = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    let nanos = nanos(fraction)?;
    (is_date && is_time).then_some(Literal::Timestamp { secs, nanos })
}

/// Numbers of so many digits, with separators in between.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[i64; N]> {
    let parts: Vec<&str> = text.split(separator).collect();
    let is_number = |(part, digits): (&&str, usize)| {
        part.len() == digits && part.bytes().all(|it| it.is_ascii_digit())
    };
    if parts.len() != N || !parts.iter().zip(digits).all(is_number) {
        return None;
    }
    let numbers: Vec<i64> = parts.iter().filter_map(|it| it.parse().ok()).collect();
    numbers.try_into().ok()
}
