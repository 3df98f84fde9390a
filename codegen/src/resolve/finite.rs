//! Shapes that contain themselves in ways that leave no type or no value.

use std::collections::{HashMap, HashSet};

use super::fixpoint;
use crate::{
    diagnostic::Reporter,
    model::{Member, Model, Shape, ShapeKind},
    recursion::components_of,
    shape_id::ShapeId,
};

/// How deep lists and maps may be nested in each other. rustc gives up at about 50 levels of `Vec`.
const MAX_NESTING: usize = 32;

/// A list or map may not hold itself without a structure or union in between, and not be nested too deep.
pub(super) fn check_nesting(model: &Model, reporter: &mut Reporter<'_>) {
    let is_nesting = |it: &&Shape| matches!(it.kind, ShapeKind::List | ShapeKind::Map);
    let mut shapes: Vec<_> = model.shapes().iter().filter(is_nesting).collect();
    let components = components_of(&shapes);
    // What a shape leads to has no greater number.
    shapes.sort_by_key(|it| components[&it.id]);
    let mut depths: HashMap<&ShapeId, usize> = HashMap::new();
    for shape in shapes {
        let Some(member) = shape.members.last() else { continue };
        let depth = 1 + depths.get(&member.target).unwrap_or(&0);
        depths.insert(&shape.id, depth);
        let message = if components.get(&shape.id) == components.get(&member.target) {
            let (kind, id) = (shape.kind.name(), format!("{}${}", shape.id, member.name));
            format!("recursive {kind} without a structure or union: {id}")
        } else if depth == MAX_NESTING + 1 {
            format!("lists and maps are nested deeper than {MAX_NESTING} levels")
        } else {
            continue;
        };
        reporter.error(member.target_location, message).hint("put a structure in between");
    }
}

/// Refuses structures and unions that have no finite value, because each would hold another one.
pub(super) fn check_values(model: &Model, closure: &[&Shape], reporter: &mut Reporter<'_>) {
    // Lists and maps may be empty, and an event stream is no part of the value.
    let may_hold = |it: &Shape| it.kind.has_fields() && !it.is_event_stream() && !it.id.is_unit();
    let is_finite = |it: &Member, finite: &HashSet<&ShapeId>| {
        finite.contains(&it.target) || !model.get(&it.target).is_some_and(may_hold)
    };
    let finite = fixpoint(closure, |shape, finite| match shape.kind {
        // A union without members has been reported.
        ShapeKind::Union if shape.members.is_empty() => true,
        ShapeKind::Union => held(shape).any(|it| is_finite(it, finite)),
        _ => held(shape).all(|it| is_finite(it, finite)),
    });
    for shape in closure.iter().filter(|it| !finite.contains(&it.id)) {
        let members = held(shape).filter(|it| !is_finite(it, &finite));
        let members = members.map(|it| format!("{}${}", shape.id.name(), it.name));
        let members = members.collect::<Vec<_>>().join(", ");
        let what = match shape.kind {
            ShapeKind::Union => "every member of the union",
            _ => "what is required",
        };
        let message = format!("no value is finite: {what} holds another one ({members})");
        let hint = "make one of the members optional, or put it into a list";
        reporter.error(shape.location, message).hint(hint);
    }
}

/// The members that a value of a structure must have; for a union, the members it may have.
fn held(shape: &Shape) -> impl Iterator<Item = &Member> {
    let is_held = |it: &&Member| match shape.kind {
        ShapeKind::Structure => it.traits.has("required"),
        kind => kind == ShapeKind::Union,
    };
    shape.members.iter().filter(is_held)
}
