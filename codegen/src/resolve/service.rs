//! Which service it is, which operations it has, and what its shapes are called.

use std::collections::{HashMap, HashSet};

use super::Resolved;
use crate::{
    ast::{Model, Property, Shape, ShapeKind},
    diagnostic::Reporter,
    shape_id::ShapeId,
};

/// The services of a model, in order.
pub(super) fn all(model: &Model) -> impl Iterator<Item = &Shape> {
    model.shapes().iter().filter(|it| it.kind == ShapeKind::Service && !it.traits.mixin)
}

/// Picks the service with this ID, or the only one.
pub(super) fn pick<'m>(
    model: &'m Model,
    wanted: Option<&str>,
    reporter: &mut Reporter<'_>,
) -> Option<&'m Shape> {
    let services: Vec<&Shape> = all(model).collect();
    let names: Vec<_> = services.iter().map(|it| it.id.as_str()).collect();
    // A file that could not be read may have had it.
    let is_reported = reporter.has_errors();
    match (wanted, &services[..]) {
        (Some(wanted), _) => {
            let found = services.iter().find(|it| it.id.as_str() == wanted).copied();
            if found.is_none() && !is_reported {
                reporter
                    .error_of_model(format!("there is no service {wanted} in the model"))
                    .hint(format!("the model has: {}", names.join(", ")));
            }
            found
        }
        (None, [service]) => Some(service),
        (None, []) => {
            if !is_reported {
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

/// A service or resource, with the place in the list of those visited of what binds it.
type Binding<'m> = (&'m Shape, Option<usize>);

/// The operations of a service in order: its own, then those of its resources, from the top down.
pub(super) fn operations<'m>(
    model: &'m Model,
    service: &'m Shape,
    reporter: &mut Reporter<'_>,
) -> Vec<&'m Shape> {
    let mut operations = Vec::new();
    // What binds each operation.
    let mut bound: HashMap<&ShapeId, &ShapeId> = HashMap::new();
    let mut visited: Vec<Binding<'m>> = Vec::new();
    let mut seen = HashSet::new();
    let mut pending = vec![((service, None), service.location)];
    while let Some(((shape, above), location)) = pending.pop() {
        if !seen.insert(&shape.id) {
            let above = std::iter::successors(above, |it: &usize| visited[*it].1);
            let mut chain: Vec<_> = above.map(|it| visited[it].0).collect();
            chain.reverse();
            let (message, hint) = bound_again(service, shape, &chain);
            reporter.error(location, message).hint(hint);
            continue;
        }
        for operation in shape.references([Property::Operation]) {
            let Some(other) = bound.insert(&operation.target, &shape.id) else {
                operations.extend(model.get(&operation.target));
                continue;
            };
            let message = format!(
                "operation {} is bound more than once in service {}",
                operation.target, service.id
            );
            // A resource may name an operation twice, as the one that creates it and in its list.
            let report = match *other == shape.id {
                // This has been reported.
                true if shape.kind == ShapeKind::Service => continue,
                true => reporter.warning(operation.location, message),
                false => reporter.error(operation.location, message),
            };
            report.hint("take one of the bindings away");
        }
        let resources: Vec<_> = shape.references([Property::Resource]).collect();
        pending.extend(resources.into_iter().rev().filter_map(|it| {
            let resource = model.get(&it.target).filter(|it| it.kind == ShapeKind::Resource)?;
            Some(((resource, Some(visited.len())), it.location))
        }));
        visited.push((shape, above));
    }
    operations.retain(|it| it.kind == ShapeKind::Operation);
    operations
}

/// A resource is below one other, and never below itself.
fn bound_again(service: &Shape, resource: &Shape, above: &[&Shape]) -> (String, &'static str) {
    let id = &resource.id;
    let Some(start) = above.iter().position(|it| it.id == *id) else {
        let message = format!("resource {id} is bound more than once in service {}", service.id);
        return (message, "take one of the bindings away");
    };
    let names: Vec<_> = above[start..].iter().chain([&resource]).map(|it| it.id.name()).collect();
    (format!("resource cycle: {}", names.join(" -> ")), "a resource is never below itself")
}

/// The operations without those to skip, each of which must exist.
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

/// The longest name that can become the name of a file. In snake case it can be half as long again, and
/// most file systems end at 255 bytes.
const MAX_NAME: usize = 150;

/// Checks the names of the shapes of a service.
pub(super) fn check(resolved: &Resolved<'_>, reporter: &mut Reporter<'_>) {
    let operations = resolved.operations.iter().map(|it| it.shape);
    let types = resolved.closure.iter().copied().filter(|it| it.kind.has_type());
    for shape in operations.chain(types) {
        let length = shape.id.name().len();
        if length > MAX_NAME {
            let message = format!("the name has {length} characters; {MAX_NAME} are possible");
            reporter.error(shape.location, message).hint("give it a shorter name");
        }
    }
    check_conflicts(resolved, reporter);
    for shape in resolved.closure.iter().filter(|it| it.kind.has_fields()) {
        let mut seen: HashMap<&str, &str> = HashMap::new();
        for member in &shape.members {
            let key = member.wire_name();
            if let Some(other) = seen.insert(key, &member.name) {
                let message =
                    format!("the members {other} and {} are both {key:?} in JSON", member.name);
                reporter.error(member.location, message).hint("give one of them another jsonName");
            }
        }
    }
}

/// Two shapes of a service may have one name if they are alike (Smithy 2.0 specification, section "Service
/// closure").
fn check_conflicts(resolved: &Resolved<'_>, reporter: &mut Reporter<'_>) {
    let service = resolved.service;
    let renamed = resolved.renames();
    let mut seen: HashMap<String, &Shape> = HashMap::new();
    for shape in &resolved.closure {
        let name = renamed.get(&shape.id).copied().unwrap_or(shape.id.name());
        let Some(other) = seen.insert(name.to_ascii_lowercase(), shape) else { continue };
        // Names of one namespace that differ in case alone have been reported.
        let is_reported = other.id.namespace() == shape.id.namespace() && renamed.is_empty();
        if is_reported || is_alike(resolved.model, shape, other) {
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

/// Whether one shape can be used for the other: simple ones of one type, and lists of such, with equal
/// traits.
fn is_alike(model: &Model, one: &Shape, other: &Shape) -> bool {
    if one.kind != other.kind || one.traits != other.traits {
        return false;
    }
    match (one.kind, &one.members[..], &other.members[..]) {
        (ShapeKind::Simple(_), ..) => true,
        (ShapeKind::List, [one], [other]) => {
            let targets = model.get(&one.target).zip(model.get(&other.target));
            let is_alike = |(one, other): (&Shape, &Shape)| {
                matches!(one.kind, ShapeKind::Simple(_)) && is_alike(model, one, other)
            };
            one.traits == other.traits
                && (one.target == other.target || targets.is_some_and(is_alike))
        }
        _ => false,
    }
}
