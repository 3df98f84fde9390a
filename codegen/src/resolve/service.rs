//! Which service it is, which operations it has, and what its shapes are called.

use std::collections::{HashMap, HashSet};

use super::{Target, target};
use crate::{
    ast::{Model, Reference, Shape, ShapeKind},
    diagnostic::Reporter,
    shape_id::ShapeId,
};

/// The services of a model, in order.
pub(super) fn all(model: &Model) -> impl Iterator<Item = &Shape> {
    let is_service = |it: &&Shape| matches!(it.kind, ShapeKind::Service(_)) && !it.traits.mixin;
    model.shapes().iter().filter(is_service)
}

/// Picks the service that is asked for, or the only one.
pub(super) fn pick<'m>(
    model: &'m Model,
    wanted: Option<&str>,
    reporter: &mut Reporter<'_>,
) -> Option<&'m Shape> {
    let services: Vec<&Shape> = all(model).collect();
    let names: Vec<_> = services.iter().map(|it| it.id.as_str()).collect();
    match (wanted, &services[..]) {
        (Some(wanted), _) => {
            let found = services.iter().find(|it| it.id.as_str() == wanted).copied();
            if found.is_none() && !reporter.has_errors() {
                reporter
                    .error_of_model(format!("there is no service {wanted} in the model"))
                    .hint(format!("the model has: {}", names.join(", ")));
            }
            found
        }
        (None, [service]) => Some(service),
        (None, []) => {
            // A file that could not be read may have had it.
            if !reporter.has_errors() {
                reporter
                    .error_of_model("there is no service shape in the model")
                    .hint("add a shape of type \"service\" that lists its operations");
            }
            None
        }
        (None, [_, second, ..]) => {
            let message =
                format!("the model has {} services: {}", services.len(), names.join(", "));
            reporter
                .error(second.location, message)
                .hint(format!("choose one, as with --service {}", names[0]));
            None
        }
    }
}

/// The operations of a service in order: its own, then those of its resources, from the top down.
pub(super) fn operations<'m>(
    model: &'m Model,
    service: &'m Shape,
    reporter: &mut Reporter<'_>,
) -> Vec<&'m Shape> {
    let ShapeKind::Service(bound) = &service.kind else { return Vec::new() };
    let mut operations = Vec::new();
    // Each operation with what binds it.
    let mut seen: HashMap<&ShapeId, &ShapeId> = HashMap::new();
    for reference in &bound.operations {
        if seen.insert(&reference.target, &service.id).is_none() {
            operations.extend(model.get(&reference.target));
        }
    }
    // Each resource with the one above it, by its place in the list of those that were visited.
    let mut visited: Vec<(&ShapeId, Option<usize>)> = Vec::new();
    let mut resources: HashSet<&ShapeId> = HashSet::new();
    let mut pending: Vec<_> = bound.resources.iter().rev().map(|it| (it, None)).collect();
    while let Some((reference, above)) = pending.pop() {
        if !resources.insert(&reference.target) {
            bound_again(service, reference, &chain(&visited, above), reporter);
            continue;
        }
        let Some(ShapeKind::Resource(resource)) = model.get(&reference.target).map(|it| &it.kind)
        else {
            continue;
        };
        for operation in &resource.operations {
            let Some(binds) = seen.insert(&operation.target, &reference.target) else {
                operations.extend(model.get(&operation.target));
                continue;
            };
            let message = format!(
                "operation {} is bound more than once in service {}",
                operation.target, service.id
            );
            // One resource may say twice what it has, as it is both what creates it and one among others.
            let report = match *binds == reference.target {
                true => reporter.warning(operation.location, message),
                false => reporter.error(operation.location, message),
            };
            report.hint("take one of the bindings away");
        }
        let index = visited.len();
        visited.push((&reference.target, above));
        pending.extend(resource.resources.iter().rev().map(|it| (it, Some(index))));
    }
    operations.retain(|it| matches!(it.kind, ShapeKind::Operation(_)));
    operations
}

/// The operations without those that are left out, each of which has to be there.
pub(super) fn without<'m>(
    mut operations: Vec<&'m Shape>,
    skip: &[String],
    service: &Shape,
    reporter: &mut Reporter<'_>,
) -> Vec<&'m Shape> {
    let is_called = |it: &Shape, name: &String| it.id.as_str() == name || it.id.name() == name;
    for name in skip {
        if operations.iter().any(|it| is_called(it, name)) {
            continue;
        }
        let names = operations.iter().map(|it| match name.contains('#') {
            true => it.id.as_str(),
            false => it.id.name(),
        });
        reporter
            .error(service.location, format!("there is no operation {name:?} to skip"))
            .did_you_mean(name, names, "name an operation of this service, or skip nothing");
    }
    operations.retain(|it| !skip.iter().any(|name| is_called(it, name)));
    operations
}

/// The resources from the top down to one of them.
fn chain<'m>(visited: &[(&'m ShapeId, Option<usize>)], last: Option<usize>) -> Vec<&'m ShapeId> {
    let mut chain: Vec<_> = std::iter::successors(last, |it| visited[*it].1).collect();
    chain.reverse();
    chain.into_iter().map(|it| visited[it].0).collect()
}

/// A resource is below one other, and never below itself.
fn bound_again(
    service: &Shape,
    reference: &Reference,
    above: &[&ShapeId],
    reporter: &mut Reporter<'_>,
) {
    let Some(start) = above.iter().position(|it| **it == reference.target) else {
        let message = format!(
            "resource {} is bound more than once in service {}",
            reference.target, service.id
        );
        reporter.error(reference.location, message).hint("take one of the bindings away");
        return;
    };
    let names = above[start..].iter().map(|it| it.name()).chain([reference.target.name()]);
    let message = format!("resource cycle: {}", names.collect::<Vec<_>>().join(" -> "));
    reporter.error(reference.location, message).hint("a resource is never below itself");
}

/// How long a name may be that becomes one of a file. In snake case it can be half as long again, and most
/// file systems end at 255 bytes.
const MAX_NAME: usize = 150;

/// Every shape that becomes a file needs a name that a file can have.
pub(super) fn check_lengths<'m>(
    shapes: impl IntoIterator<Item = &'m &'m Shape>,
    reporter: &mut Reporter<'_>,
) {
    let has_file = |it: &&&Shape| has_type(it) || matches!(it.kind, ShapeKind::Operation(_));
    for shape in shapes.into_iter().filter(has_file) {
        let length = shape.id.name().len();
        if length > MAX_NAME {
            let message = format!("the name has {length} characters; {MAX_NAME} are possible");
            reporter.error(shape.location, message).hint("give it a shorter name");
        }
    }
}

/// Whether a shape becomes a type of its own.
fn has_type(shape: &Shape) -> bool {
    use ShapeKind::{Enum, IntEnum, Structure, Union};
    matches!(shape.kind, Structure(_) | Union(_) | Enum(_) | IntEnum(_))
}

/// Shapes of one name, in whatever namespace, are an error, unless nobody could tell them apart (Smithy 2.0 spec,
/// section "Service closure").
pub(super) fn check_names(
    model: &Model,
    service: &Shape,
    closure: &[&Shape],
    reporter: &mut Reporter<'_>,
) {
    let ShapeKind::Service(bound) = &service.kind else { return };
    let renamed: HashMap<&ShapeId, &str> =
        bound.rename.iter().map(|it| (&it.shape.target, it.name.as_str())).collect();
    let mut seen: HashMap<String, &Shape> = HashMap::new();
    for shape in closure {
        let name = renamed.get(&shape.id).copied().unwrap_or(shape.id.name());
        let Some(other) = seen.insert(name.to_ascii_lowercase(), shape) else { continue };
        if other.id.namespace() == shape.id.namespace() && renamed.is_empty() {
            // They differ in case alone, which has been reported.
            continue;
        }
        if is_alike(model, shape, other) {
            continue;
        }
        let message = format!(
            "{name} is defined in {} and {}, and the service needs both",
            other.id.namespace(),
            shape.id.namespace()
        );
        reporter
            .error(shape.location, message)
            .hint(format!("give one of them another name under \"rename\" in {}", service.id));
    }
}

/// Whether one shape can stand for the other: simple ones of one type, and lists of such, with the same traits.
fn is_alike(model: &Model, one: &Shape, other: &Shape) -> bool {
    if one.traits != other.traits {
        return false;
    }
    match (&one.kind, &other.kind) {
        (ShapeKind::Simple(one), ShapeKind::Simple(other)) => one == other,
        (ShapeKind::List(one), ShapeKind::List(other)) if one.traits == other.traits => {
            if one.target == other.target {
                return true;
            }
            match (target(model, &one.target), target(model, &other.target)) {
                (Some(Target::Prelude(one)), Some(Target::Prelude(other))) => one == other,
                (Some(Target::Shape(one)), Some(Target::Shape(other))) => {
                    matches!(one.kind, ShapeKind::Simple(_)) && is_alike(model, one, other)
                }
                _ => false,
            }
        }
        _ => false,
    }
}
