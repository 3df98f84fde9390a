//! Whether each default is a value of its type (Smithy 2.0 spec, section "default trait").

use super::{Target, target};
use crate::{
    ast::{Model, ShapeKind, SimpleType},
    diagnostic::Reporter,
    lower::{decode_base64, timestamp_of_number, timestamp_of_text},
    prelude::{self, PreludeShape},
    shape_id::ShapeId,
    traits::{DefaultTrait, DefaultValue},
};

/// Checks the defaults of all shapes and members.
pub(super) fn check(model: &Model, reporter: &mut Reporter<'_>) {
    for shape in model.shapes() {
        if let Some(default) = &shape.traits.default {
            check_default(model, &shape.id, default, reporter);
        }
        let is_structure = matches!(shape.kind, ShapeKind::Structure(_));
        for member in shape.kind.members() {
            if let Some(default) = &member.traits.default {
                check_default(model, &member.target, default, reporter);
            } else if is_structure && has_default(model, &member.target) {
                let message =
                    format!("{} has a default that the member does not repeat", member.target);
                reporter.warning(member.target_location, message).hint(
                    "the default counts here as well; repeat it, or write null for a member without one",
                );
            }
        }
    }
}

/// Whether a shape has a default for all members that target it.
fn has_default(model: &Model, id: &ShapeId) -> bool {
    if matches!(prelude::get(id), Some(PreludeShape::Primitive(_))) {
        return true;
    }
    let default = model.get(id).and_then(|it| it.traits.default.as_ref());
    default.is_some_and(|it| it.value != DefaultValue::Null)
}

fn check_default(model: &Model, id: &ShapeId, default: &DefaultTrait, reporter: &mut Reporter<'_>) {
    let kind = match target(model, id) {
        Some(Target::Prelude(simple)) => &ShapeKind::Simple(simple),
        Some(Target::Shape(shape)) => &shape.kind,
        Some(Target::Unit) | None => return,
    };
    if let Err(reason) = check_value(kind, &default.value) {
        reporter
            .error(default.location, format!("default: {reason}"))
            .hint("write a value of the member's type, or take the default away");
    } else if let (ShapeKind::Simple(SimpleType::Blob), DefaultValue::String(text)) =
        (kind, &default.value)
        && decode_base64(text).is_none()
    {
        // The reference lets it pass as well.
        reporter
            .warning(default.location, "default: it is ignored, as it is not in base64")
            .hint("write the bytes in base64, or take the default away");
    }
}

fn check_value(kind: &ShapeKind, value: &DefaultValue) -> Result<(), String> {
    let integer = |min: i64, max: i64| match value {
        DefaultValue::Number(text) => match text.parse::<i64>() {
            Ok(number) if (min..=max).contains(&number) => Ok(()),
            _ => Err(format!("expected an integer from {min} to {max}, found {text}")),
        },
        _ => Err("expected a number".to_owned()),
    };
    let is = |fits: bool, expected: &str| match fits {
        true => Ok(()),
        false => Err(format!("expected {expected}")),
    };
    let is_number = matches!(value, DefaultValue::Number(_));
    let is_string = matches!(value, DefaultValue::String(_));
    if *value == DefaultValue::Null {
        return Ok(());
    }
    match kind {
        ShapeKind::Simple(simple) => match simple {
            SimpleType::String => is(is_string, "a string"),
            SimpleType::Blob => is(is_string, "a string in base64"),
            SimpleType::Boolean => is(matches!(value, DefaultValue::Bool(_)), "true or false"),
            SimpleType::Byte => integer(i8::MIN.into(), i8::MAX.into()),
            SimpleType::Short => integer(i16::MIN.into(), i16::MAX.into()),
            SimpleType::Integer => integer(i32::MIN.into(), i32::MAX.into()),
            SimpleType::Long => integer(i64::MIN, i64::MAX),
            SimpleType::Float => is_float(value, |it| it.parse().is_ok_and(f32::is_finite)),
            SimpleType::Double => is_float(value, |it| it.parse().is_ok_and(f64::is_finite)),
            SimpleType::BigInteger => {
                let is_whole = matches!(value, DefaultValue::Number(it)
                    if it.trim_start_matches('-').chars().all(|it| it.is_ascii_digit()));
                is(is_whole, "an integer")
            }
            SimpleType::BigDecimal => is(is_number, "a number"),
            SimpleType::Timestamp => {
                let time = match value {
                    DefaultValue::Number(text) => timestamp_of_number(text),
                    DefaultValue::String(text) => timestamp_of_text(text),
                    _ => None,
                };
                is(time.is_some(), "a number of seconds or a text as in RFC 3339")
            }
            SimpleType::Document => Ok(()),
        },
        ShapeKind::Enum(members) => match value {
            DefaultValue::String(text) => {
                let is_value = members.iter().any(|it| it.traits.enum_value.as_ref() == Some(text));
                is(is_value, &format!("a value of the enum, found {text:?}"))
            }
            _ => is(false, "a string"),
        },
        ShapeKind::IntEnum(members) => match value {
            DefaultValue::Number(text) => {
                let number = text.parse().ok();
                let is_value =
                    number.is_some() && members.iter().any(|it| it.traits.int_enum_value == number);
                is(is_value, &format!("a value of the intEnum, found {text}"))
            }
            _ => is(false, "a number"),
        },
        ShapeKind::List(_) => is(*value == DefaultValue::EmptyList, "[]: a list can have no other"),
        ShapeKind::Map { .. } => {
            is(*value == DefaultValue::EmptyObject, "{}: a map can have no other")
        }
        other => Err(format!("a {} can have no default", other.name())),
    }
}

fn is_float(value: &DefaultValue, is_finite: impl Fn(&str) -> bool) -> Result<(), String> {
    match value {
        DefaultValue::Number(text) if is_finite(text) => Ok(()),
        DefaultValue::Number(text) => Err(format!("{text} is beyond what the type can hold")),
        DefaultValue::String(it) if ["NaN", "Infinity", "-Infinity"].contains(&&**it) => Ok(()),
        _ => Err("expected a number, \"NaN\", \"Infinity\" or \"-Infinity\"".to_owned()),
    }
}
