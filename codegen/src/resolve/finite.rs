//! Checks for recursive shapes that have no possible type or no finite value.

use std::collections::{HashMap, HashSet};

use super::fixpoint;
use crate::{
    diagnostic::Reporter,
    model::{Member, Model, Shape, ShapeKind},
    recursion::components_of,
    shape_id::ShapeId,
};

/// How deep lists and maps may be nested. rustc fails at about 50 levels of `Vec`.
const MAX_NESTING: usize = 32;

/// Rejects lists and maps that contain themselves without a structure or union in between, or are nested too deeply.
pub(super) fn check_nesting(model: &Model, reporter: &mut Reporter<'_>) {
    let is_nesting = |it: &&Shape| matches!(it.kind, ShapeKind::List | ShapeKind::Map);
    let mut shapes: Vec<_> = model.shapes().iter().filter(is_nesting).collect();
    let components = components_of(&shapes);
    // Targets come first: an edge never leads to a component with a greater number.
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

/// Rejects structures and unions that have no finite value, because every value would contain another one.
pub(super) fn check_values(model: &Model, closure: &[&Shape], reporter: &mut Reporter<'_>) {
    // Lists and maps may be empty, and an event stream is not part of the value.
    let may_hold = |it: &Shape| it.kind.has_fields() && !it.is_event_stream() && !it.id.is_unit();
    let is_finite = |member: &Member, finite: &HashSet<&ShapeId>| {
        finite.contains(&member.target) || !model.get(&member.target).is_some_and(may_hold)
    };
    let finite = fixpoint(closure, |shape, finite| match shape.kind {
        // Empty unions were reported by the parser.
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
            _ => "the required member",
        };
        let message = format!("no value is finite: {what} contains another one ({members})");
        let hint = "make one of the members optional, or put its value into a list";
        reporter.error(shape.location, message).hint(hint);
    }
}

/// The members that a value of a structure must have, or that a value of a union may have.
fn held(shape: &Shape) -> impl Iterator<Item = &Member> {
    let is_held = |member: &&Member| match shape.kind {
        ShapeKind::Structure => member.traits.has("required"),
        kind => kind == ShapeKind::Union,
    };
    shape.members.iter().filter(is_held)
}
