//! Reads the traits, once every shape has all of its own.

use std::collections::{HashMap, HashSet};

use super::{Member, Model, RawMember, RawShape, Shape, ShapeKind, find};
use crate::{
    diagnostic::Reporter,
    json::Value,
    prelude,
    shape_id::ShapeId,
    traits::{Holder, TraitReader},
};

/// Shapes with unread traits to a model.
pub(super) fn read(shapes: Vec<RawShape<'_>>, reporter: &mut Reporter<'_>) -> Model {
    let mut kinds: HashMap<ShapeId, ShapeKind> =
        prelude::names().map(|(name, kind)| (ShapeId::prelude(&name), kind)).collect();
    kinds.extend(shapes.iter().map(|it| (it.id.clone(), it.kind)));
    let mut mentioned = HashSet::new();
    for shape in &shapes {
        let of_members = shape.members.iter().flat_map(|it| &it.traits);
        shape.traits.iter().chain(of_members).for_each(|it| mentions(&it.value, &mut mentioned));
    }
    let defined = shapes.iter().filter(|it| find(&it.traits, "trait").is_some());
    let known = defined.map(|it| it.id.clone()).collect();
    let mut reader = TraitReader { reporter, known };
    let read = shapes.into_iter().map(|it| shape(it, &kinds, &mentioned, &mut reader));
    Model::new(read.collect())
}

/// Adds the shapes that a value names, as traits with `idRef` do.
fn mentions(value: &Value<'_>, found: &mut HashSet<ShapeId>) {
    let text = value.as_str().filter(|it| it.contains('#'));
    found.extend(text.and_then(|it| Some(ShapeId::parse_with_member(it).ok()?.0)));
    value.as_array().unwrap_or_default().iter().for_each(|it| mentions(it, found));
    let entries = value.as_object().unwrap_or_default();
    entries.iter().for_each(|it| mentions(&it.value, found));
}

fn shape(
    raw: RawShape<'_>,
    kinds: &HashMap<ShapeId, ShapeKind>,
    mentioned: &HashSet<ShapeId>,
    reader: &mut TraitReader<'_, '_>,
) -> Shape {
    let kind = raw.kind;
    let traits = reader.read(&raw.traits, Holder { kind: Some(kind), container: None });
    let needs_members = kind == ShapeKind::Union || kind.is_enum();
    if needs_members && raw.members.is_empty() && !raw.is_broken && !traits.mixin {
        let article = if kind == ShapeKind::Union { "a" } else { "an" };
        let message = format!("{article} {} needs at least one member", kind.name());
        reader.reporter.error(raw.location, message).hint("add a member under \"members\"");
    }
    let members = raw.members.into_iter().map(|it| {
        let holder = Holder { kind: kinds.get(&it.target).copied(), container: Some(kind) };
        member(it, holder, reader)
    });
    Shape {
        members: members.collect(),
        is_mentioned: mentioned.contains(&raw.id),
        id: raw.id,
        kind,
        references: raw.references,
        version: raw.version,
        traits,
        location: raw.location,
        is_broken: raw.is_broken,
    }
}

fn member(raw: RawMember<'_>, holder: Holder, reader: &mut TraitReader<'_, '_>) -> Member {
    let mut traits = reader.read(&raw.traits, holder);
    match holder.container {
        Some(ShapeKind::Enum) => {
            traits.enum_value.get_or_insert_with(|| raw.name.clone());
        }
        Some(ShapeKind::IntEnum) if find(&raw.traits, "enumValue").is_none() => {
            reader
                .reporter
                .error(raw.location, "a member of an intEnum needs the trait enumValue")
                .hint("add \"smithy.api#enumValue\": 1, or another number, to its traits");
        }
        _ => {}
    }
    let RawMember { name, target, location, target_location, .. } = raw;
    Member { name, target, traits, location, target_location }
}
