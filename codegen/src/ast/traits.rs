//! Checks the traits, once every shape has all of its own.

use std::collections::{HashMap, HashSet};

use super::{Model, Shape, ShapeKind};
use crate::{
    diagnostic::Reporter,
    json::Value,
    prelude,
    shape_id::ShapeId,
    traits::check::{Checker, Holder},
};

/// Shapes to a model, whose traits are all right.
pub(super) fn check(mut shapes: Vec<Shape>, reporter: &mut Reporter<'_>) -> Model {
    let mut kinds: HashMap<ShapeId, ShapeKind> =
        prelude::names().map(|(name, kind)| (ShapeId::prelude(&name), kind)).collect();
    kinds.extend(shapes.iter().map(|it| (it.id.clone(), it.kind)));
    let mut mentioned = HashSet::new();
    for shape in &shapes {
        let of_members = shape.members.iter().flat_map(|it| &it.traits.0);
        shape.traits.0.iter().chain(of_members).for_each(|it| mentions(&it.value, &mut mentioned));
    }
    let defined = shapes.iter().filter(|it| it.traits.has("trait"));
    let known = defined.map(|it| it.id.clone()).collect();
    let mut checker = Checker { reporter, known };
    for shape in &mut shapes {
        shape.is_mentioned = mentioned.contains(&shape.id);
        check_shape(shape, &kinds, &mut checker);
    }
    Model::new(shapes)
}

/// Adds the shapes that a value names, as traits with `idRef` do.
fn mentions(value: &Value, found: &mut HashSet<ShapeId>) {
    let text = value.as_str().filter(|it| it.contains('#'));
    found.extend(text.and_then(|it| Some(ShapeId::parse_with_member(it).ok()?.0)));
    value.as_array().unwrap_or_default().iter().for_each(|it| mentions(it, found));
    let entries = value.as_object().unwrap_or_default();
    entries.iter().for_each(|it| mentions(&it.value, found));
}

fn check_shape(
    shape: &mut Shape,
    kinds: &HashMap<ShapeId, ShapeKind>,
    checker: &mut Checker<'_, '_>,
) {
    let kind = shape.kind;
    checker.check(&mut shape.traits, Holder { kind: Some(kind), container: None });
    let needs_members = kind == ShapeKind::Union || kind.is_enum();
    if needs_members && shape.members.is_empty() && !shape.is_broken && !shape.traits.has("mixin") {
        let article = if kind == ShapeKind::Union { "a" } else { "an" };
        let message = format!("{article} {} needs at least one member", kind.name());
        checker.reporter.error(shape.location, message).hint("add a member under \"members\"");
    }
    for member in &mut shape.members {
        if kind == ShapeKind::IntEnum && !member.traits.has("enumValue") {
            checker
                .reporter
                .error(member.location, "a member of an intEnum needs the trait enumValue")
                .hint("add \"smithy.api#enumValue\": 1, or another number, to its traits");
        }
        let target = kinds.get(&member.target).copied();
        checker.check(&mut member.traits, Holder { kind: target, container: Some(kind) });
    }
}
