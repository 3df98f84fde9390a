//! What the shapes of a model are used for: by operations, by members, or not at all.

use std::collections::{HashMap, HashSet};

use super::{event_stream, is_event_stream, service};
use crate::{
    ast::{Model, Operation, Shape, ShapeKind},
    diagnostic::Reporter,
    shape_id::ShapeId,
};

/// Checks how shapes are used, and warns of those that are not.
pub(super) fn check(model: &Model, reporter: &mut Reporter<'_>) {
    check_ends(model, reporter);
    check_subscriptions(model, reporter);
    // Without a service nothing is used, and what could not be read may use something.
    if service::all(model).next().is_some() && !reporter.has_errors() {
        check_bound(model, reporter);
        check_needed(model, reporter);
    }
}

fn operations(model: &Model) -> impl Iterator<Item = (&Shape, &Operation)> {
    model.shapes().iter().filter_map(|it| match &it.kind {
        ShapeKind::Operation(operation) if !it.traits.mixin => Some((it, operation)),
        _ => None,
    })
}

/// A structure with the trait `input` is the input of one operation and nothing else; `output` likewise.
fn check_ends(model: &Model, reporter: &mut Reporter<'_>) {
    let mark = |id: &ShapeId| {
        let traits = &model.get(id)?.traits;
        let marks = [("input", traits.input), ("output", traits.output)];
        marks.into_iter().find_map(|(name, is_set)| is_set.then_some(name))
    };
    let mut seen: HashMap<&ShapeId, &ShapeId> = HashMap::new();
    for (shape, operation) in operations(model) {
        for (end, reference) in [("input", &operation.input), ("output", &operation.output)] {
            let id = &reference.target;
            let Some(mark) = mark(id) else { continue };
            if mark != end {
                let message = format!("{id} has the trait {mark}, and is the {end} here");
                reporter
                    .error(reference.location, message)
                    .hint(format!("target a structure of its own, or take the trait {mark} away"));
            } else if let Some(other) = seen.insert(id, &shape.id) {
                let message =
                    format!("{id} has the trait {mark}, and {other} has it for its {end} too");
                reporter
                    .warning(reference.location, message)
                    .hint("give each operation a structure of its own, or take the trait away");
            }
        }
    }
    // Shapes that use a mixin have its members as well.
    let shapes = model.shapes().iter().filter(|it| !it.traits.mixin);
    for member in shapes.flat_map(|it| it.kind.members()) {
        if let Some(mark) = mark(&member.target) {
            let message =
                format!("a member must not target {}: it has the trait {mark}", member.target);
            reporter
                .error(member.target_location, message)
                .hint(format!("target another structure, or take the trait {mark} away"));
        }
    }
}

/// A union without `streaming` is a part of the response, which is seldom meant where one subscribes.
fn check_subscriptions(model: &Model, reporter: &mut Reporter<'_>) {
    for (shape, operation) in operations(model) {
        let output = model.get(&operation.output.target).map(|it| &it.kind);
        let Some(ShapeKind::Structure(members)) = output else { continue };
        if !shape.id.name().starts_with("SubscribeTo") || event_stream(model, members).is_some() {
            continue;
        }
        for member in members {
            let target = model.get(&member.target).filter(|it| !is_event_stream(it));
            let Some(union) = target.filter(|it| matches!(it.kind, ShapeKind::Union(_))) else {
                continue;
            };
            let message = format!(
                "{} is no event stream: {} answers once, and sends no events",
                union.id,
                shape.id.name()
            );
            reporter.warning(member.target_location, message).hint(format!(
                "add \"smithy.api#streaming\": {{}} to the traits of {} to make its members events",
                union.id
            ));
        }
    }
}

/// Every operation and resource belongs to a service, or to a resource that does.
fn check_bound(model: &Model, reporter: &mut Reporter<'_>) {
    let bound: HashSet<&ShapeId> =
        model.shapes().iter().filter(|it| !it.traits.mixin).flat_map(bound_by).collect();
    for shape in model.shapes() {
        let (kind, list) = match shape.kind {
            ShapeKind::Operation(_) => ("operation", "operations"),
            ShapeKind::Resource(_) => ("resource", "resources"),
            _ => continue,
        };
        // A resource may be there to be named by traits.
        let is_used = bound.contains(&shape.id) || model.is_mentioned(&shape.id);
        if !shape.traits.mixin && !is_used {
            reporter
                .warning(shape.location, format!("no service has this {kind}, and it is ignored"))
                .hint(format!(
                    "add {{\"target\": \"{}\"}} to the \"{list}\" of a service",
                    shape.id
                ));
        }
    }
}

/// The operations and resources that a service or resource has.
fn bound_by(shape: &Shape) -> Vec<&ShapeId> {
    let (operations, resources) = match &shape.kind {
        ShapeKind::Service(it) => (&it.operations, &it.resources),
        ShapeKind::Resource(it) => (&it.operations, &it.resources),
        _ => return Vec::new(),
    };
    operations.iter().chain(resources).map(|it| &it.target).collect()
}

/// How many shapes are named that nothing needs.
const MAX_NAMED: usize = 10;

/// Every other shape is needed by a service, an operation, a resource or a trait.
fn check_needed(model: &Model, reporter: &mut Reporter<'_>) {
    let is_root = |it: &Shape| {
        use ShapeKind::{Operation, Resource, Service};
        matches!(it.kind, Service(_) | Operation(_) | Resource(_))
            || it.traits.defines_trait
            || it.traits.mixin
            || model.is_mentioned(&it.id)
    };
    let mut needed: HashSet<&ShapeId> = HashSet::new();
    let roots = model.shapes().iter().filter(|it| is_root(it));
    let mut pending: Vec<&Shape> = roots.collect();
    while let Some(shape) = pending.pop() {
        if needed.insert(&shape.id) {
            pending.extend(refers_to(shape).into_iter().filter_map(|it| model.get(it)));
        }
    }
    let unused = model.shapes().iter().filter(|it| !needed.contains(&it.id));
    let unused: Vec<&Shape> = unused.collect();
    // What another of them refers to goes with that.
    let inner: HashSet<&ShapeId> = unused.iter().flat_map(|it| refers_to(it)).collect();
    let outer = unused.iter().filter(|it| !inner.contains(&it.id));
    let names: Vec<_> = outer.clone().skip(1).map(|it| it.id.name()).collect();
    let Some(first) = outer.chain(&unused).next() else { return };
    let (named, others) = names.split_at(names.len().min(MAX_NAMED));
    let more = match others.len() {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    let message = match named {
        [] => "no operation needs this shape".to_owned(),
        named => format!("no operation needs this shape, nor {}{more}", named.join(", ")),
    };
    reporter
        .warning(first.location, message)
        .hint("target it from the input, output or errors of an operation, or take it away");
}

/// The shapes that a shape refers to.
fn refers_to(shape: &Shape) -> Vec<&ShapeId> {
    let references = match &shape.kind {
        ShapeKind::Service(it) => it.errors.iter().collect(),
        ShapeKind::Operation(it) => [&it.input, &it.output].into_iter().chain(&it.errors).collect(),
        ShapeKind::Resource(it) => it.shapes.iter().collect(),
        _ => Vec::new(),
    };
    let members = shape.kind.members();
    references
        .into_iter()
        .map(|it| &it.target)
        .chain(members.into_iter().map(|it| &it.target))
        .collect()
}
