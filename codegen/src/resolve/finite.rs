//! Shapes that contain themselves in ways that leave no type or no value.

use std::collections::{HashMap, HashSet};

use super::is_event_stream;
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
    match &shape.kind {
        ShapeKind::List(member) | ShapeKind::Map { value: member, .. } => Some(member),
        _ => None,
    }
}

/// Refuses structures and unions that can have no value, because each would have to hold another one.
pub(super) fn check_values(model: &Model, closure: &[&Shape], reporter: &mut Reporter<'_>) {
    // What a shape waits for: structures for all, unions for one of the members that need a value.
    let mut waiting: HashMap<&ShapeId, usize> = HashMap::new();
    let mut used_by: HashMap<&ShapeId, Vec<&ShapeId>> = HashMap::new();
    let mut possible: Vec<&ShapeId> = Vec::new();
    for shape in closure {
        let needed: Vec<&Shape> = needed(model, shape);
        let count = match &shape.kind {
            ShapeKind::Structure(_) => needed.len(),
            // One without members has been reported.
            ShapeKind::Union(members) if !members.is_empty() && members.len() == needed.len() => 1,
            _ => 0,
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
    let impossible = closure.iter().filter(|it| waiting.get(&it.id).is_some_and(|it| *it > 0));
    for shape in impossible {
        let is_impossible = |id: &ShapeId| waiting.get(id).is_some_and(|it| *it > 0);
        let members = held(shape).filter(|it| is_impossible(&it.target));
        let members = members.map(|it| format!("{}${}", shape.id.name(), it.name));
        let members = members.collect::<Vec<_>>().join(", ");
        let message = match &shape.kind {
            ShapeKind::Union(_) => {
                format!(
                    "no value is finite: every member of the union holds another one ({members})"
                )
            }
            _ => format!("no value is finite: what is required holds another one ({members})"),
        };
        reporter
            .error(shape.location, message)
            .hint("make one of the members optional, or put it into a list");
    }
}

/// The structures and unions that a value of the shape holds for certain, or, for a union, may hold.
fn needed<'m>(model: &'m Model, shape: &Shape) -> Vec<&'m Shape> {
    held(shape)
        .filter_map(|it| model.get(&it.target))
        .filter(|it| matches!(it.kind, ShapeKind::Structure(_) | ShapeKind::Union(_)))
        .filter(|it| !is_event_stream(it))
        .collect()
}

/// The members without which there is no value of a structure, or one of which is the value of a union.
fn held(shape: &Shape) -> impl Iterator<Item = &Member> {
    let (members, is_structure) = match &shape.kind {
        ShapeKind::Structure(members) => (&members[..], true),
        ShapeKind::Union(members) => (&members[..], false),
        _ => (&[][..], false),
    };
    members.iter().filter(move |it| it.traits.required || !is_structure)
}
