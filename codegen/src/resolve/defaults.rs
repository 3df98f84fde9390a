//! Whether each default is a value of its type that constraints allow (Smithy 2.0 specification, section
//! "default trait").

use crate::{
    ast::{Member, Model, Shape, ShapeKind, SimpleType},
    diagnostic::Reporter,
    literal,
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
            if check_value(shape, default, reporter) {
                check_allowed(&[&shape.traits], shape, default, reporter);
            }
        }
        for member in &shape.members {
            let Some(target) = model.get(&member.target).filter(|it| !it.id.is_unit()) else {
                continue;
            };
            let of_target = target.traits.default.as_ref();
            match &member.traits.default {
                Some(default) if check_value(target, default, reporter) => {
                    check_member(member, target, default, reporter);
                }
                None if shape.kind == ShapeKind::Structure
                    && of_target.is_some_and(|it| it.value != DefaultValue::Null) =>
                {
                    let message =
                        format!("{} has a default that the member does not repeat", member.target);
                    reporter.warning(member.target_location, message).hint(
                        "the default counts here as well; repeat it, or write null for a member without one",
                    );
                }
                _ => {}
            }
        }
    }
}

/// Whether a default is a value of its type.
fn check_value(shape: &Shape, default: &DefaultTrait, reporter: &mut Reporter<'_>) -> bool {
    match literal::read(&default.value, shape, |_| String::new()) {
        Ok(None) if default.value != DefaultValue::Null => {
            // The reference lets it pass as well.
            reporter
                .warning(default.location, "default: it is ignored, as it is not in base64")
                .hint("write the bytes in base64, or take the default away");
            true
        }
        Ok(_) => true,
        Err(reason) => {
            reporter
                .error(default.location, format!("default: {reason}"))
                .hint("write a value of the member's type, or take the default away");
            false
        }
    }
}

/// Whether a default agrees with the constraints of the member and with its target.
fn check_member(
    member: &Member,
    target: &Shape,
    default: &DefaultTrait,
    reporter: &mut Reporter<'_>,
) {
    // The default of a shape of the prelude is no constraint.
    let of_target = target.traits.default.as_ref().filter(|_| !target.is_prelude());
    match of_target {
        // What is wrong with both is reported for the target.
        Some(other) if is_same(&default.value, &other.value) => {
            check_allowed(&[&member.traits], target, default, reporter);
        }
        Some(_) if default.value != DefaultValue::Null => {
            let message = format!("default: {} has another one", member.target);
            reporter
                .error(default.location, message)
                .hint("repeat the default of the target, or write null for a member without one");
        }
        _ => check_allowed(&[&member.traits, &target.traits], target, default, reporter),
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
    shape: &Shape,
    default: &DefaultTrait,
    reporter: &mut Reporter<'_>,
) {
    let value = &default.value;
    let Some(reason) = constraints.iter().find_map(|it| broken_bound(it, shape, value)) else {
        return;
    };
    // Zero may stand for no value, as in Smithy 1.0: the reference lets it pass as well.
    let is_zero = matches!(value, DefaultValue::Number(it) if it.parse() == Ok(0.0));
    let message = format!("default: {reason}");
    let finding = match is_zero {
        true => reporter.warning(default.location, message),
        false => reporter.error(default.location, message),
    };
    finding.hint("servers refuse requests with this default: change it, or the constraint");
}

/// The bound that a value exceeds, and how.
fn broken_bound(traits: &Traits, shape: &Shape, value: &DefaultValue) -> Option<String> {
    let number = match value {
        // NaN and the infinities are texts.
        DefaultValue::Number(text) | DefaultValue::String(text) => Some(text.clone()),
        _ => None,
    };
    let text = |it: Option<u64>| it.map(|it| it.to_string());
    let range = traits.range.clone().map(|it| ("range", "", number, it.min, it.max));
    let length = traits.length.map(|it| {
        let length = length(shape, value).map(|it| it.to_string());
        ("length", "a length of ", length, text(it.min), text(it.max))
    });
    [range, length].into_iter().flatten().find_map(|(name, what, value, min, max)| {
        let value = value?;
        let too_small = min.filter(|min| !is_at_most(min, &value)).map(|it| ("least", it));
        let too_large = max.filter(|max| !is_at_most(&value, max)).map(|it| ("most", it));
        let (most, bound) = too_small.or(too_large)?;
        Some(format!("{what}{value} is not at {most} {bound}, as the trait {name} asks"))
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
fn length(shape: &Shape, value: &DefaultValue) -> Option<usize> {
    match value {
        DefaultValue::String(text) if shape.kind == ShapeKind::Simple(SimpleType::Blob) => {
            Some(literal::decode_base64(text)?.len())
        }
        DefaultValue::String(text) => Some(text.chars().count()),
        DefaultValue::EmptyList | DefaultValue::EmptyObject => Some(0),
        _ => None,
    }
}
