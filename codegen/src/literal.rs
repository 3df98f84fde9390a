//! Conversion of default values to Rust source.

use std::{fmt::Display, str::FromStr};

use proc_macro2::Literal;

use crate::{
    json::Kind,
    model::{Shape, ShapeKind},
};

/// The default of any type that implements `Default`.
pub(crate) const ZERO: &str = "Default::default()";

/// The expressions that are equal to [`ZERO`]. Negative zero is not.
const ZEROS: [&str; 7] =
    ["false", "0", "0.0", "0i64.into()", "\"\".to_owned()", "b\"\".into()", "Timestamp::new(0, 0)"];

/// Converts a default to an expression of its type. Returns `None` for null, and for a blob that is not base64.
///
/// `variant` returns the source of an enum's variant by the index of its member. The error says what the type expects.
pub(crate) fn read(
    value: &Kind,
    shape: &Shape,
    variant: impl Fn(usize) -> String,
) -> Result<Option<String>, String> {
    use Kind::{Array, Bool, Null, Number, Object, String as Text};
    use ShapeKind::{
        BigDecimal, BigInteger, Blob, Boolean, Byte, Document, Double, Enum, Float, IntEnum,
        Integer, List, Long, Map, Short, String, Timestamp,
    };
    let kind = shape.kind;
    let source = match (kind, value) {
        (_, Null) => return Ok(None),
        (List, Array(_)) | (Map, Object(_)) => Some(ZERO.to_owned()),
        (Enum, Text(text)) | (IntEnum, Number(text)) => {
            let shown = if kind == Enum { format!("{text:?}") } else { text.clone() };
            let position = shape.members.iter().position(|it| it.enum_value() == text);
            let error = || format!("expected a value of the {}, found {shown}", kind.name());
            Some(variant(position.ok_or_else(error)?))
        }
        (Document, _) => return document(value).map(Some),
        (Boolean, Bool(value)) => Some(value.to_string()),
        (String, Text(text)) => Some(format!("{}.to_owned()", Literal::string(text))),
        (Blob, Text(text)) => match decode_base64(text) {
            Some(bytes) => Some(format!("{}.into()", Literal::byte_string(&bytes))),
            None => return Ok(None),
        },
        (Byte, Number(text)) => Some(integer(text, 8)?),
        (Short, Number(text)) => Some(integer(text, 16)?),
        (Integer, Number(text)) => Some(integer(text, 32)?),
        (Long, Number(text)) => Some(integer(text, 64)?),
        (Float, Number(text)) => Some(float::<f32>(text)?),
        (Double, Number(text)) => Some(float::<f64>(text)?),
        (Float | Double, Text(text)) => {
            let ty = if kind == Float { "f32" } else { "f64" };
            let names = [("NaN", "NAN"), ("Infinity", "INFINITY"), ("-Infinity", "NEG_INFINITY")];
            names.iter().find(|it| it.0 == text).map(|it| format!("{ty}::{}", it.1))
        }
        (BigInteger, Number(text)) if text.contains(['.', 'e', 'E']) => None,
        (BigInteger | BigDecimal, Number(text)) => Some(match text.parse::<i64>() {
            Ok(value) => into(format!("{value}i64")),
            Err(_) => format!("{text:?}.parse().expect(\"the default is a number\")"),
        }),
        (Timestamp, Number(text)) => timestamp_of_number(text),
        (Timestamp, Text(text)) => timestamp_of_text(text),
        _ if kind.has_values() && !kind.has_fields() => None,
        _ => return Err(format!("a {} cannot have a default", kind.name())),
    };
    match source {
        Some(source) if ZEROS.contains(&&*source) => Ok(Some(ZERO.to_owned())),
        Some(source) => Ok(Some(source)),
        None => Err(format!("expected {}", expected(kind))),
    }
}

pub(crate) fn expected(kind: ShapeKind) -> &'static str {
    match kind {
        ShapeKind::String | ShapeKind::Enum => "a string",
        ShapeKind::List => "[], the only possible default of a list",
        ShapeKind::Map => "{}, the only possible default of a map",
        ShapeKind::Blob => "a string in base64",
        ShapeKind::Boolean => "true or false",
        ShapeKind::Float | ShapeKind::Double => "a number, \"NaN\", \"Infinity\" or \"-Infinity\"",
        ShapeKind::BigInteger => "an integer",
        ShapeKind::Timestamp => "a number of seconds or an RFC 3339 string",
        _ => "a number",
    }
}

fn integer(text: &str, bits: u32) -> Result<String, String> {
    let (min, max) = (i64::MIN >> (64 - bits), i64::MAX >> (64 - bits));
    let number = text.parse::<i64>().ok().filter(|it| (min..=max).contains(it));
    let error = || format!("expected an integer from {min} to {max}, found {text}");
    number.map(|it| it.to_string()).ok_or_else(error)
}

fn float<T: FromStr + Display>(text: &str) -> Result<String, String> {
    match text.parse::<T>().map(|it| it.to_string()) {
        Ok(number) if number.contains('.') => Ok(number),
        Ok(number) if !number.contains("inf") => Ok(number + ".0"),
        _ => Err(format!("{text} is out of range for the type")),
    }
}

/// Appends `.into()`. Negative numbers need parentheses, because a minus binds weaker than a method call.
fn into(number: String) -> String {
    if number.starts_with('-') { format!("({number}).into()") } else { number + ".into()" }
}

fn document(value: &Kind) -> Result<String, String> {
    Ok(match value {
        Kind::Null => "Document::Null".to_owned(),
        Kind::Bool(value) => format!("{value}.into()"),
        Kind::String(text) => format!("{}.into()", Literal::string(text)),
        Kind::Array(_) => "Document::Array(Vec::new())".to_owned(),
        Kind::Object(_) => "Document::Object(Default::default())".to_owned(),
        Kind::Number(text) => into(match text.parse::<i64>() {
            Ok(number) => format!("{number}i64"),
            Err(_) => format!("{}f64", float::<f64>(text)?),
        }),
    })
}

/// Decodes base64, with or without padding.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.trim_end_matches('=').chars().map(|it| ALPHABET.find(it));
    let digits: Vec<usize> = digits.collect::<Option<_>>()?;
    let bytes = digits.chunks(4).flat_map(|chunk| {
        let bits = (0..4).fold(0, |bits, at| bits << 6 | chunk.get(at).unwrap_or(&0));
        (1..chunk.len()).map(move |at| (bits >> (24 - 8 * at)) as u8)
    });
    (digits.len() % 4 != 1).then(|| bytes.collect())
}

const NANOS_PER_SEC: i128 = 1_000_000_000;

/// A timestamp, given in seconds since 1970 and nanoseconds to add to them.
fn timestamp(secs: i64, nanos: i128) -> Option<String> {
    let nanos = i128::from(secs) * NANOS_PER_SEC + nanos;
    let secs = i64::try_from(nanos.div_euclid(NANOS_PER_SEC)).ok()?;
    Some(format!("Timestamp::new({secs}, {})", nanos.rem_euclid(NANOS_PER_SEC)))
}

/// A number of seconds, exact to the nanosecond.
fn timestamp_of_number(text: &str) -> Option<String> {
    if text.contains(['e', 'E']) {
        let secs = text.parse::<f64>().ok().filter(|it| it.abs() < 9e18)?;
        return timestamp(secs.floor() as i64, ((secs - secs.floor()) * 1e9).round() as i128);
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let nanos = nanos(fraction)?;
    timestamp(whole.parse().ok()?, if whole.starts_with('-') { -nanos } else { nanos })
}

/// Converts the digits after the point to nanoseconds. Further digits are cut off.
fn nanos(fraction: &str) -> Option<i128> {
    let is_number = fraction.bytes().all(|it| it.is_ascii_digit());
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    digits.parse().ok().filter(|_| is_number)
}

/// A time in RFC 3339, such as `1985-04-12T23:20:50.52Z`.
fn timestamp_of_text(text: &str) -> Option<String> {
    let (time, rest) = text.split_at_checked(19)?;
    let (fraction, zone) = rest.split_at(rest.find(['Z', 'z', '+', '-'])?);
    let form = |text: &str| text.replace(|it: char| it.is_ascii_digit(), "0");
    if !["0000-00-00T00:00:00", "0000-00-00t00:00:00", "0000-00-00 00:00:00"]
        .contains(&&*form(time))
    {
        return None;
    }
    let number = |text: &str| text.parse::<i64>().unwrap_or_default();
    let [year, month, day, hour, minute, second] =
        [0..4, 5..7, 8..10, 11..13, 14..16, 17..19].map(|at| number(&time[at]));
    let (hours, minutes) = match &*form(zone) {
        "Z" | "z" => (0, 0),
        "+00:00" | "-00:00" => (number(&zone[1..3]), number(&zone[4..])),
        _ => return None,
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let months = [31, 28 + i64::from(is_leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month = usize::try_from(month - 1).ok()?;
    let is_time = hour < 24 && minute < 60 && second <= 60 && hours < 24 && minutes < 60;
    if !(1..=*months.get(month)?).contains(&day) || !is_time {
        return None;
    }
    let last = year - 1;
    let leap_days = last.div_euclid(4) - last.div_euclid(100) + last.div_euclid(400);
    let days = year * 365 + leap_days + months[..month].iter().sum::<i64>() + day - 719_528;
    let offset = (hours * 3600 + minutes * 60) * if zone.starts_with('-') { -1 } else { 1 };
    let secs = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    let digits = if fraction.is_empty() { "" } else { fraction.strip_prefix('.')? };
    timestamp(secs, nanos(digits)?)
}
