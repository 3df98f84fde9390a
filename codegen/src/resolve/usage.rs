//! Warnings about shapes that no service uses.

use std::collections::HashSet;

use super::{reached, refers_to};
use crate::{
    diagnostic::Reporter,
    model::{Model, Property, Shape, ShapeKind},
    shape_id::ShapeId,
};

/// The maximum number of additional shapes that a warning names.
const MAX_NAMED: usize = 10;

/// Warns about operations and resources that no service has, and about shapes that neither they nor traits use.
pub(super) fn check(model: &Model, reporter: &mut Reporter<'_>) {
    let shapes = || model.shapes().iter();
    let bound = shapes().filter(|it| !it.traits.has("mixin"));
    let bound = bound.flat_map(|it| it.references([Property::Operation, Property::Resource]));
    let bound: HashSet<&ShapeId> = bound.map(|it| &it.target).collect();
    // A resource may exist only to be mentioned by traits.
    let is_wanted = |it: &Shape| it.traits.has("mixin") || it.is_mentioned;
    let is_bindable = |it: &&Shape| matches!(it.kind, ShapeKind::Operation | ShapeKind::Resource);
    let is_unbound = |it: &&Shape| !is_wanted(it) && !bound.contains(&it.id);
    for shape in shapes().filter(is_bindable).filter(is_unbound) {
        let kind = shape.kind.name();
        let message = format!("the {kind} is ignored: no service has it");
        let hint = format!("add {{\"target\": \"{}\"}} to the \"{kind}s\" of a service", shape.id);
        reporter.warning(shape.location, message).hint(hint);
    }
    let is_root = |it: &&Shape| !it.kind.has_values() || it.traits.has("trait") || is_wanted(it);
    let needed = reached(model, shapes().filter(is_root));
    let unused: Vec<_> = shapes().filter(|it| !needed.contains(&it.id)).collect();
    // Shapes that other unused shapes refer to are not named.
    let inner: HashSet<&ShapeId> = unused.iter().flat_map(|it| refers_to(it)).collect();
    let outer = unused.iter().filter(|it| !inner.contains(&it.id));
    let names: Vec<_> = outer.clone().skip(1).map(|it| it.id.name()).collect();
    let Some(first) = outer.chain(&unused).next() else { return };
    let (named, others) = names.split_at(names.len().min(MAX_NAMED));
    let mut message = "no operation uses this shape".to_owned();
    if !named.is_empty() {
        message.push_str(&format!(", nor {}", named.join(", ")));
    }
    if !others.is_empty() {
        message.push_str(&format!(" and {} more", others.len()));
    }
    let hint = "target it from the input, output or errors of an operation, or remove it";
    reporter.warning(first.location, message).hint(hint);
}
