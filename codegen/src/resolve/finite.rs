//! Shapes that contain themselves in ways that leave no type or no value.

use std::collections::{HashMap, HashSet};

use crate::{
    ast::{Member, Model, Shape, ShapeKind},
    diagnostic::Reporter,
    shape_id::ShapeId,
};

/// How deep lists and maps may be nested in each other. rustc gives up at about 50 levels of `Vec`.
const MAX_NESTING: usize = 32;

/// A list or map may not hold itself without a structure or union in between, and not be nested too deep.
pub(super) fn check_nesting(model: &Model, reporter: &mut Reporter<'_>) {
    // Depth of what has been looked at; `None` for a part of a cycle.
    let mut depths: HashMap<&ShapeId, Option<usize>> = HashMap::new();
    for shape in model.shapes() {
        let mut path: Vec<(&Shape, &Member)> = Vec::new();
        let mut on_path: HashSet<&ShapeId> = HashSet::new();
        let mut next = Some(shape);
        let mut depth = Some(0);
        while let Some((shape, member)) = next.and_then(|it| Some((it, element(it)?))) {
            if let Some(known) = depths.get(&shape.id) {
                depth = *known;
                break;
            }
            if !on_path.insert(&shape.id) {
                let kind = shape.kind.name();
                let message = format!(
                    "recursive {kind} without a structure or union: {}${}",
                    shape.id, member.name
                );
                reporter.error(member.target_location, message).hint("put a structure in between");
                depth = None;
                break;
            }
            path.push((shape, member));
            next = model.get(&member.target);
        }
        for (shape, member) in path.into_iter().rev() {
            depth = depth.map(|it| it + 1);
            if depth == Some(MAX_NESTING + 1) {
                let message = format!("lists and maps are nested deeper than {MAX_NESTING} levels");
                reporter.error(member.target_location, message).hint("put a structure in between");
            }
            depths.insert(&shape.id, depth);
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
    // How many shapes must have a value before a shape has one: all of a structure, one of a union.
    let mut waiting: HashMap<&ShapeId, usize> = HashMap::new();
    let mut used_by: HashMap<&ShapeId, Vec<&ShapeId>> = HashMap::new();
    let mut possible: Vec<&ShapeId> = Vec::new();
    for shape in closure {
        let targets = held(shape).filter_map(|it| model.get(&it.target));
        let needed: Vec<_> = targets
            .filter(|it| it.kind.has_fields() && !it.is_event_stream() && !it.id.is_unit())
            .collect();
        let count = match shape.kind {
            ShapeKind::Union if needed.len() < shape.members.len() => 0,
            // A union without members has been reported.
            ShapeKind::Union => needed.len().min(1),
            _ => needed.len(),
        };
        waiting.insert(&shape.id, count);
        if count == 0 {
            possible.push(&shape.id);
        }
        for it in needed {
            used_by.entry(&it.id).or_default().push(&shape.id);
        }
    }
    while let Some(id) = possible.pop() {
        for user in used_by.remove(id).unwrap_or_default() {
            let Some(count) = waiting.get_mut(user).filter(|it| **it > 0) else { continue };
            *count -= 1;
            if *count == 0 {
                possible.push(user);
            }
        }
    }
    let is_impossible = |id: &ShapeId| waiting.get(id).is_some_and(|it| *it > 0);
    for shape in closure.iter().filter(|it| is_impossible(&it.id)) {
        let members = held(shape).filter(|it| is_impossible(&it.target));
        let members = members.map(|it| format!("{}${}", shape.id.name(), it.name));
        let members = members.collect::<Vec<_>>().join(", ");
        let what = match shape.kind {
            ShapeKind::Union => "every member of the union",
            _ => "what is required",
        };
        let message = format!("no value is finite: {what} holds another one ({members})");
        reporter
            .error(shape.location, message)
            .hint("make one of the members optional, or put it into a list");
    }
}

/// The members without which there is no value of a structure, or one of which is the value of a union.
fn held(shape: &Shape) -> impl Iterator<Item = &Member> {
    let is_held = |it: &&Member| match shape.kind {
        ShapeKind::Structure => it.traits.required,
        kind => kind == ShapeKind::Union,
    };
    shape.members.iter().filter(is_held)
}
