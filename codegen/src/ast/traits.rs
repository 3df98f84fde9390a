//! Checks the traits, once every shape has all of its own.

use std::collections::HashSet;

use super::{Model, ShapeKind};
use crate::{diagnostic::Reporter, json::Value, shape_id::ShapeId, traits::check::Checker};

/// Takes away the traits that mean nothing, and marks the shapes that the values of traits name.
pub(super) fn check(model: &mut Model, reporter: &mut Reporter<'_>) {
    let mut mentioned = HashSet::new();
    for shape in model.shapes() {
        let of_members = shape.members.iter().flat_map(|it| &it.traits.0);
        shape.traits.0.iter().chain(of_members).for_each(|it| mentions(&it.value, &mut mentioned));
    }
    let defined = model.shapes().iter().filter(|it| it.traits.has("trait"));
    let mut checker = Checker { known: defined.map(|it| it.id.clone()).collect(), reporter };
    let kinds: Vec<ShapeKind> = model.shapes.iter().map(|it| it.kind).collect();
    for shape in &mut model.shapes[..model.count] {
        shape.is_mentioned = mentioned.contains(&shape.id);
        let kind = shape.kind;
        checker.check(&mut shape.traits, (Some(kind), None));
        let needs_members = kind == ShapeKind::Union || kind.is_enum();
        let is_given = shape.is_broken || shape.traits.has("mixin");
        if needs_members && shape.members.is_empty() && !is_given {
            let article = if kind == ShapeKind::Union { "a" } else { "an" };
            let message = format!("{article} {} needs at least one member", kind.name());
            checker.reporter.error(shape.location, message).hint("add a member under \"members\"");
        }
        for member in &mut shape.members {
            if kind == ShapeKind::IntEnum && !member.traits.has("enumValue") {
                let message = "a member of an intEnum needs the trait enumValue";
                let hint = "add \"smithy.api#enumValue\": 1, or another number, to its traits";
                checker.reporter.error(member.location, message).hint(hint);
            }
            let target = model.index.get(&member.target).map(|it| kinds[*it]);
            checker.check(&mut member.traits, (target, Some(kind)));
        }
    }
}

/// Adds the shapes that a value names, as traits with `idRef` do.
fn mentions(value: &Value, found: &mut HashSet<ShapeId>) {
    let text = value.as_str().filter(|it| it.contains('#'));
    found.extend(text.and_then(|it| Some(ShapeId::parse_with_member(it).ok()?.0)));
    value.as_array().unwrap_or_default().iter().for_each(|it| mentions(it, found));
    let entries = value.as_object().unwrap_or_default();
    entries.iter().for_each(|it| mentions(&it.value, found));
}
