//! Checks that defaults are values of their type that satisfy its constraints (Smithy 2.0 specification, section
//! "default trait").

use std::cmp::Ordering;

use crate::{
    diagnostic::Reporter,
    json::Kind,
    literal,
    model::{Model, Shape, ShapeKind},
    text::compare_numbers,
    traits::{Trait, Traits},
};

pub(super) fn check(model: &Model, reporter: &mut Reporter<'_>) {
    for shape in model.shapes() {
        if let Some(default) = shape.traits.find("default") {
            if default.value.kind == Kind::Null {
                let message = "default: only members can have the default null";
                reporter.error(default.at(), message).hint("remove it");
            }
            if is_value(shape, default, reporter) {
                check_bounds(&[&shape.traits], shape, default, reporter);
            }
        }
        for member in &shape.members {
            let target = model.get(&member.target).filter(|it| !it.id.is_unit());
            let Some(target) = target else { continue };
            let of_target = target.traits.find("default");
            let Some(default) = member.traits.find("default") else {
                let has_default = of_target.is_some_and(|it| it.value.kind != Kind::Null);
                if shape.kind == ShapeKind::Structure && has_default {
                    let message =
                        format!("{} has a default that the member does not repeat", target.id);
                    let hint = "the member has this default too; repeat it, or write null for none";
                    reporter.warning(member.target_location, message).hint(hint);
                }
                continue;
            };
            if !is_value(target, default, reporter) {
                continue;
            }
            // Members may override the defaults of prelude shapes.
            match of_target.filter(|_| !target.is_prelude()) {
                // Errors in a repeated default are reported for the target.
                Some(other) if is_same(&default.value.kind, &other.value.kind) => {
                    check_bounds(&[&member.traits], target, default, reporter);
                }
                Some(_) if default.value.kind != Kind::Null => {
                    let message = format!("default: it differs from that of {}", target.id);
                    let hint = "repeat the default of the target, or write null for no default";
                    reporter.error(default.at(), message).hint(hint);
                }
                _ => check_bounds(&[&member.traits, &target.traits], target, default, reporter),
            }
        }
    }
}

fn is_value(shape: &Shape, default: &Trait, reporter: &mut Reporter<'_>) -> bool {
    let read = literal::read(&default.value.kind, shape, |_| String::new());
    if let Err(reason) = &read {
        let hint = "write a value of the member's type, or remove the default";
        reporter.error(default.at(), format!("default: {reason}")).hint(hint);
    } else if read == Ok(None) && default.value.kind != Kind::Null {
        // Smithy's reference implementation accepts it too.
        let message = "default: it is ignored because it is not base64";
        let hint = "write the bytes in base64, or remove the default";
        reporter.warning(default.at(), message).hint(hint);
    }
    read.is_ok()
}

fn is_same(one: &Kind, other: &Kind) -> bool {
    match (one, other) {
        (Kind::Number(one), Kind::Number(other)) => {
            is_at_most(one, other) && is_at_most(other, one)
        }
        _ => one == other,
    }
}

/// Reports a default that violates a constraint, because servers would reject every request that contains it.
fn check_bounds(of: &[&Traits], shape: &Shape, default: &Trait, reporter: &mut Reporter<'_>) {
    let value = &default.value.kind;
    let reason = of.iter().find_map(|it| broken_bound(it, shape, value));
    let Some(message) = reason.map(|it| format!("default: {it}")) else { return };
    // Zero may mean that there is no value, as in Smithy 1.0. Smithy's reference implementation accepts it too.
    let finding = match value {
        Kind::Number(it) if it.parse() == Ok(0.0) => reporter.warning(default.at(), message),
        _ => reporter.error(default.at(), message),
    };
    finding.hint("servers reject requests with this default: change it, or the constraint");
}

/// A message about the first bound that a value violates.
fn broken_bound(traits: &Traits, shape: &Shape, value: &Kind) -> Option<String> {
    let (number, length) = match value {
        Kind::Number(text) => (Some(text.clone()), None),
        Kind::String(text) if shape.kind == ShapeKind::Blob => {
            (None, literal::decode_base64(text).map(|it| it.len()))
        }
        // NaN and the infinities are strings.
        Kind::String(text) => (Some(text.clone()), Some(text.chars().count())),
        Kind::Array(_) | Kind::Object(_) => (None, Some(0)),
        Kind::Null | Kind::Bool(_) => (None, None),
    };
    let length = length.map(|it| it.to_string());
    let measures = [("range", "", number), ("length", "a length of ", length)];
    measures.into_iter().find_map(|(name, what, value)| {
        let (value, bounds) = (value?, traits.bounds(name)?);
        let too_small = bounds.min.filter(|it| !is_at_most(it, &value)).map(|it| ("least", it));
        let too_large = bounds.max.filter(|it| !is_at_most(&value, it)).map(|it| ("most", it));
        let (most, bound) = too_small.or(too_large)?;
        Some(format!("{what}{value} is not at {most} {bound}, as the trait {name} requires"))
    })
}

fn is_at_most(one: &str, other: &str) -> bool {
    compare_numbers(one, other).is_some_and(Ordering::is_le)
}
