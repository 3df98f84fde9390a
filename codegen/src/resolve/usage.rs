//! What the shapes of a model are used for: by operations, by members, or not at all.

use std::collections::{HashMap, HashSet};

use super::{event_stream, service, targets};
use crate::{
    ast::{Model, Property, Shape, ShapeKind},
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

fn operations(model: &Model) -> impl Iterator<Item = &Shape> {
    model.shapes().iter().filter(|it| it.kind == ShapeKind::Operation && !it.traits.mixin)
}

/// A structure with the trait `input` is the input of one operation and nothing else; `output` likewise.
fn check_ends(model: &Model, reporter: &mut Reporter<'_>) {
    let mark = |id: &ShapeId| {
        let traits = &model.get(id)?.traits;
        let output = traits.output.then_some("output");
        if traits.input { Some("input") } else { output }
    };
    let mut seen: HashMap<&ShapeId, &ShapeId> = HashMap::new();
    for shape in operations(model) {
        for reference in shape.references([Property::Input, Property::Output]) {
            let end = if reference.property == Property::Input { "input" } else { "output" };
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
    for member in shapes.flat_map(|it| &it.members) {
        if let Some(mark) = mark(&member.target) {
            let message =
                format!("a member must not target {}: it has the trait {mark}", member.target);
            reporter
                .error(member.target_location, message)
                .hint(format!("target another structure, or take the trait {mark} away"));
        }
    }
}

/// A union without `streaming` is a part of the response, which is seldom meant in a subscription.
fn check_subscriptions(model: &Model, reporter: &mut Reporter<'_>) {
    for shape in operations(model).filter(|it| it.id.name().starts_with("SubscribeTo")) {
        let output = targets(model, shape, Property::Output).next();
        let Some(output) = output.filter(|it| event_stream(model, it).is_none()) else { continue };
        for member in &output.members {
            let target = model.get(&member.target);
            let Some(union) = target.filter(|it| it.kind == ShapeKind::Union) else { continue };
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
    let shapes = model.shapes().iter().filter(|it| !it.traits.mixin);
    let bound = shapes.flat_map(|it| it.references([Property::Operation, Property::Resource]));
    let bound: HashSet<&ShapeId> = bound.map(|it| &it.target).collect();
    for shape in model.shapes() {
        if !matches!(shape.kind, ShapeKind::Operation | ShapeKind::Resource) {
            continue;
        }
        // A resource may be there to be named by traits.
        if !shape.traits.mixin && !shape.is_mentioned && !bound.contains(&shape.id) {
            let kind = shape.kind.name();
            reporter
                .warning(shape.location, format!("no service has this {kind}, and it is ignored"))
                .hint(format!(
                    "add {{\"target\": \"{}\"}} to the \"{kind}s\" of a service",
                    shape.id
                ));
        }
    }
}

/// The most unused shapes that a warning names.
const MAX_NAMED: usize = 10;

/// Every other shape is needed by a service, an operation, a resource or a trait.
fn check_needed(model: &Model, reporter: &mut Reporter<'_>) {
    let is_root = |it: &&Shape| {
        !it.kind.has_values() || it.traits.defines_trait || it.traits.mixin || it.is_mentioned
    };
    let mut needed: HashSet<&ShapeId> = HashSet::new();
    let mut pending: Vec<&Shape> = model.shapes().iter().filter(is_root).collect();
    while let Some(shape) = pending.pop() {
        if needed.insert(&shape.id) {
            pending.extend(refers_to(shape).filter_map(|it| model.get(it)));
        }
    }
    let unused: Vec<_> = model.shapes().iter().filter(|it| !needed.contains(&it.id)).collect();
    // A shape that another unused one refers to is not named.
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

/// The shapes with values that a shape refers to.
fn refers_to(shape: &Shape) -> impl Iterator<Item = &ShapeId> {
    let properties = [Property::Input, Property::Output, Property::Error, Property::Shape];
    let references = shape.references(properties).map(|it| &it.target);
    references.chain(shape.members.iter().map(|it| &it.target))
}
