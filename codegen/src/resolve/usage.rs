//! Warnings of shapes that no service uses.

use std::collections::HashSet;

use super::{reached, refers_to};
use crate::{
    diagnostic::Reporter,
    model::{Model, Property, Shape, ShapeKind},
    shape_id::ShapeId,
};

/// The most unused shapes that a warning names.
const MAX_NAMED: usize = 10;

/// Every operation and resource belongs to a service, and every other shape is needed by one of them or by a
/// trait.
pub(super) fn check(model: &Model, reporter: &mut Reporter<'_>) {
    let shapes = || model.shapes().iter();
    let bound = shapes().filter(|it| !it.traits.has("mixin"));
    let bound = bound.flat_map(|it| it.references([Property::Operation, Property::Resource]));
    let bound: HashSet<&ShapeId> = bound.map(|it| &it.target).collect();
    // A resource may be there to be named by traits.
    let is_wanted = |it: &Shape| it.traits.has("mixin") || it.is_mentioned;
    let is_bindable = |it: &&Shape| matches!(it.kind, ShapeKind::Operation | ShapeKind::Resource);
    for it in shapes().filter(is_bindable).filter(|it| !is_wanted(it) && !bound.contains(&it.id)) {
        let kind = it.kind.name();
        let message = format!("no service has this {kind}, and it is ignored");
        let hint = format!("add {{\"target\": \"{}\"}} to the \"{kind}s\" of a service", it.id);
        reporter.warning(it.location, message).hint(hint);
    }
    let is_root = |it: &&Shape| !it.kind.has_values() || it.traits.has("trait") || is_wanted(it);
    let needed = reached(model, shapes().filter(is_root));
    let unused: Vec<_> = shapes().filter(|it| !needed.contains(&it.id)).collect();
    // A shape that another unused one refers to is not named.
    let inner: HashSet<&ShapeId> = unused.iter().flat_map(|it| refers_to(it)).collect();
    let outer = unused.iter().filter(|it| !inner.contains(&it.id));
    let names: Vec<_> = outer.clone().skip(1).map(|it| it.id.name()).collect();
    let Some(first) = outer.chain(&unused).next() else { return };
    let (named, others) = names.split_at(names.len().min(MAX_NAMED));
    let mut message = "no operation needs this shape".to_owned();
    if !named.is_empty() {
        message.push_str(&format!(", nor {}", named.join(", ")));
    }
    if !others.is_empty() {
        message.push_str(&format!(" and {} more", others.len()));
    }
    let hint = "target it from the input, output or errors of an operation, or remove it";
    reporter.warning(first.location, message).hint(hint);
}
