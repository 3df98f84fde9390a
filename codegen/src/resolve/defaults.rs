//! Whether each default is a value of its type that constraints allow (Smithy 2.0 spec, section "default trait").

use crate::{
    ast::{Member, Model, Shape, ShapeKind, SimpleType},
    diagnostic::Reporter,
    lower::{decode_base64, timestamp_of_number, timestamp_of_text, translate_pattern},
    shape_id::ShapeId,
    traits::{DefaultTrait, DefaultValue, Traits},
};

/// Checks the defaults of all shapes and members.
pub(super) fn check(model: &Model, reporter: &mut Reporter<'_>) {
    for shape in model.shapes() {
        if let Some(default) = &shape.traits.default {
            if default.value == DefaultValue::Null {
                reporter
                    .error(default.location, "default: only that of a member can be null")
                    .hint("take it away");
            }
            if check_default(model, &shape.id, default, reporter) {
                let size = size(model, &shape.id, &default.value);
                check_allowed(&[&shape.traits], size, default, reporter);
            }
        }
        let is_structure = shape.kind == ShapeKind::Structure;
        for member in &shape.members {
            if let Some(default) = &member.traits.default {
                if check_default(model, &member.target, default, reporter) {
                    check_member(model, member, default, reporter);
                }
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

/// Whether a default goes together with the member's constraints, and with what its target says.
fn check_member(
    model: &Model,
    member: &Member,
    default: &DefaultTrait,
    reporter: &mut Reporter<'_>,
) {
    let size = size(model, &member.target, &default.value);
    let target = model.get(&member.target).map(|it| &it.traits);
    let of_target = target.and_then(|it| Some((it, it.default.as_ref()?)));
    match (target, of_target) {
        // What is wrong with both is said of the target.
        (_, Some((_, other))) if is_same(&default.value, &other.value) => {
            check_allowed(&[&member.traits], size, default, reporter);
        }
        (_, Some(_)) if default.value != DefaultValue::Null => {
            let message = format!("default: {} has another one", member.target);
            reporter
                .error(default.location, message)
                .hint("repeat the default of the target, or write null for a member without one");
        }
        (Some(target), _) => check_allowed(&[&member.traits, target], size, default, reporter),
        (None, _) => check_allowed(&[&member.traits], size, default, reporter),
    }
}

fn is_same(one: &DefaultValue, other: &DefaultValue) -> bool {
    match (one, other) {
        (DefaultValue::Number(one), DefaultValue::Number(other)) => {
            one == other || one.parse::<f64>().is_ok_and(|it| other.parse() == Ok(it))
        }
        _ => one == other,
    }
}

/// Whether constraints allow a default: if they do not, every request with it is refused.
fn check_allowed(
    constraints: &[&Traits],
    size: Option<u64>,
    default: &DefaultTrait,
    reporter: &mut Reporter<'_>,
) {
    let broken = constraints.iter().find_map(|it| broken_constraint(it, size, &default.value));
    let Some(reason) = broken else { return };
    // Zero may be what Smithy 1.0 had in the place of no value: the reference lets it pass as well.
    let is_zero = matches!(&default.value, DefaultValue::Number(it) if it.parse() == Ok(0.0));
    let message = format!("default: {reason}");
    let finding = match is_zero {
        true => reporter.warning(default.location, message),
        false => reporter.error(default.location, message),
    };
    finding.hint("servers refuse requests with this default: change it, or the constraint");
}

/// The constraint that a value breaks, and how. `size` is what the trait `length` counts.
fn broken_constraint(traits: &Traits, size: Option<u64>, value: &DefaultValue) -> Option<String> {
    let number = match value {
        // NaN and the infinities are texts.
        DefaultValue::Number(text) | DefaultValue::String(text) => Some(text.clone()),
        _ => None,
    };
    let text = |it: Option<u64>| it.map(|it| it.to_string());
    let range = traits.range.clone().map(|it| ("range", "", number, it.min, it.max));
    let length =
        traits.length.map(|it| ("length", "a length of ", text(size), text(it.min), text(it.max)));
    let bounds = [range, length].into_iter().flatten().find_map(|(name, what, value, min, max)| {
        let value = value?;
        let too_small = min.filter(|min| !is_at_most(min, &value)).map(|it| ("least", it));
        let too_large = max.filter(|max| !is_at_most(&value, max)).map(|it| ("most", it));
        let (most, bound) = too_small.or(too_large)?;
        Some(format!("{what}{value} is not at {most} {bound}, as the trait {name} asks"))
    });
    bounds.or_else(|| {
        let (DefaultValue::String(text), Some(pattern)) = (value, &traits.pattern) else {
            return None;
        };
        // Those that cannot be translated are not checked by servers either.
        let regex = regex::Regex::new(&translate_pattern(pattern).ok()?).ok()?;
        (!regex.is_match(text)).then(|| format!("{text:?} does not match the pattern {pattern:?}"))
    })
}

/// Compares numbers as they are written; NaN is neither more nor less than another.
fn is_at_most(one: &str, other: &str) -> bool {
    match (one.parse::<i128>(), other.parse::<i128>()) {
        (Ok(one), Ok(other)) => one <= other,
        _ => one.parse::<f64>().is_ok_and(|one| other.parse().is_ok_and(|other: f64| one <= other)),
    }
}

/// How many characters, bytes, elements or entries a value has.
fn size(model: &Model, id: &ShapeId, value: &DefaultValue) -> Option<u64> {
    let is_blob = model.get(id)?.kind == ShapeKind::Simple(SimpleType::Blob);
    let size = match value {
        DefaultValue::String(text) if is_blob => decode_base64(text)?.len(),
        DefaultValue::String(text) => text.chars().count(),
        DefaultValue::EmptyList | DefaultValue::EmptyObject => 0,
        _ => return None,
    };
    u64::try_from(size).ok()
}

/// Whether a shape has a default for all members that target it.
fn has_default(model: &Model, id: &ShapeId) -> bool {
    let default = model.get(id).and_then(|it| it.traits.default.as_ref());
    default.is_some_and(|it| it.value != DefaultValue::Null)
}

/// Whether a default is a value of its type; what is wrong with it goes to the reporter.
fn check_default(
    model: &Model,
    id: &ShapeId,
    default: &DefaultTrait,
    reporter: &mut Reporter<'_>,
) -> bool {
    let Some(shape) = model.get(id).filter(|it| !it.id.is_unit()) else { return false };
    if let Err(reason) = check_value(shape, &default.value) {
        reporter
            .error(default.location, format!("default: {reason}"))
            .hint("write a value of the member's type, or take the default away");
        return false;
    }
    if let (ShapeKind::Simple(SimpleType::Blob), DefaultValue::String(text)) =
        (shape.kind, &default.value)
        && decode_base64(text).is_none()
    {
        // The reference lets it pass as well.
        reporter
            .warning(default.location, "default: it is ignored, as it is not in base64")
            .hint("write the bytes in base64, or take the default away");
    }
    true
}

fn check_value(shape: &Shape, value: &DefaultValue) -> Result<(), String> {
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
    match shape.kind {
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
        ShapeKind::Enum => match value {
            DefaultValue::String(text) => {
                let is_value =
                    shape.members.iter().any(|it| it.traits.enum_value.as_ref() == Some(text));
                is(is_value, &format!("a value of the enum, found {text:?}"))
            }
            _ => is(false, "a string"),
        },
        ShapeKind::IntEnum => match value {
            DefaultValue::Number(text) => {
                let number = text.parse().ok();
                let is_value = number.is_some()
                    && shape.members.iter().any(|it| it.traits.int_enum_value == number);
                is(is_value, &format!("a value of the intEnum, found {text}"))
            }
            _ => is(false, "a number"),
        },
        ShapeKind::List => is(*value == DefaultValue::EmptyList, "[]: a list can have no other"),
        ShapeKind::Map => is(*value == DefaultValue::EmptyObject, "{}: a map can have no other"),
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
