//! Shapes that contain themselves in ways that leave no type or no value.

use std::collections::{HashMap, HashSet};

use super::fixpoint;
use crate::{
    ast::{Member, Model, Shape, ShapeKind},
    diagnostic::Reporter,
    shape_id::ShapeId,
};

/// How deep lists and maps may be nested in each other. rustc gives up at about 50 levels of `Vec`.
const MAX_NESTING: usize = 32;

const HINT: &str = "put a structure in between";

/// A list or map may not hold itself without a structure or union in between, and not be nested too deep.
pub(super) fn check_nesting(model: &Model, reporter: &mut Reporter<'_>) {
    // How deep each list or map is; without limit if it leads to a cycle.
    let mut depths: HashMap<&ShapeId, usize> = HashMap::new();
    for shape in model.shapes() {
        let mut path: Vec<(&ShapeId, &Member)> = Vec::new();
        let mut next = Some(shape);
        let mut depth = 0;
        while let Some((shape, member)) = next.and_then(|it| Some((it, element(it)?))) {
            if let Some(known) = depths.get(&shape.id) {
                depth = *known;
                if path.iter().any(|it| *it.0 == shape.id) {
                    let (kind, id) = (shape.kind.name(), format!("{}${}", shape.id, member.name));
                    let message = format!("recursive {kind} without a structure or union: {id}");
                    reporter.error(member.target_location, message).hint(HINT);
                }
                break;
            }
            depths.insert(&shape.id, usize::MAX);
            path.push((&shape.id, member));
            next = model.get(&member.target);
        }
        for (id, member) in path.into_iter().rev() {
            depth = depth.saturating_add(1);
            if depth == MAX_NESTING + 1 {
                let message = format!("lists and maps are nested deeper than {MAX_NESTING} levels");
                reporter.error(member.target_location, message).hint(HINT);
            }
            depths.insert(id, depth);
        }
    }
}

/// The member that may hold another list or map.
fn element(shape: &Shape) -> Option<&Member> {
    match shape.kind {
        ShapeKind::List | ShapeKind::Map => shape.members.last(),
        _ => None,
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

/// The members without which there is no value of a structure, or one of which is the value of a union.
fn held(shape: &Shape) -> impl Iterator<Item = &Member> {
    let is_held = |it: &&Member| match shape.kind {
        ShapeKind::Structure => it.traits.has("required"),
        kind => kind == ShapeKind::Union,
    };
    shape.members.iter().filter(is_held)
}
