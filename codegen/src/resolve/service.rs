//! The selection of the service and its operations, and checks of the names in it.

use std::{collections::HashMap, iter};

use super::Resolved;
use crate::{
    diagnostic::Reporter,
    model::{Member, Model, Property, Shape, ShapeKind},
    shape_id::ShapeId,
};

pub(super) fn all(model: &Model) -> impl Iterator<Item = &Shape> {
    model.shapes().iter().filter(|it| it.kind == ShapeKind::Service && !it.traits.has("mixin"))
}

/// Selects the service with this ID, or the only service.
pub(super) fn pick<'m>(
    model: &'m Model,
    wanted: Option<&str>,
    reporter: &mut Reporter<'_>,
) -> Option<&'m Shape> {
    let services: Vec<&Shape> = all(model).collect();
    let names: Vec<_> = services.iter().map(|it| it.id.as_str()).collect();
    let names = names.join(", ");
    let found = services.iter().find(|it| wanted.is_none_or(|wanted| it.id.as_str() == wanted));
    let (message, hint) = match (found, wanted) {
        (Some(_), None) if services.len() > 1 => {
            let message = format!("the model has {} services: {names}", services.len());
            let hint = format!("choose one, as with --service {}", services[0].id);
            reporter.error(services[1].location, message).hint(hint);
            return None;
        }
        (Some(found), _) => return Some(found),
        // The service may be in a file that could not be read.
        _ if reporter.has_errors() => return None,
        (None, Some(wanted)) => {
            let message = format!("the model has no service {wanted}");
            (message, format!("the model has: {names}"))
        }
        (None, None) => {
            let hint = "add a shape of type \"service\" that lists its operations".to_owned();
            ("the model has no service".to_owned(), hint)
        }
    };
    reporter.error_of_model(message).hint(hint);
    None
}

/// The operations of a service in order: its own, then those of its resources, parents first.
pub(super) fn operations<'m>(
    model: &'m Model,
    service: &'m Shape,
    reporter: &mut Reporter<'_>,
) -> Vec<&'m Shape> {
    let binds = |shape: &'m Shape, property: Property, kind: ShapeKind| {
        shape.references([property]).filter_map(move |reference| {
            let target = model.get(&reference.target).filter(|it| it.kind == kind)?;
            Some((target, reference.location))
        })
    };
    let mut operations = Vec::new();
    // The shape that binds each operation and each resource.
    let mut bound: HashMap<&ShapeId, &ShapeId> = HashMap::new();
    let mut parents: HashMap<&ShapeId, Option<&Shape>> = HashMap::new();
    let mut pending = vec![(service, None, service.location)];
    while let Some((shape, parent, location)) = pending.pop() {
        if parents.contains_key(&shape.id) {
            let above: Vec<&Shape> =
                iter::successors(parent, |it: &&Shape| parents[&it.id]).collect();
            let (message, hint) = match above.iter().position(|it| it.id == shape.id) {
                None => (bound_twice("resource", shape, service), "remove one of the bindings"),
                Some(start) => {
                    let cycle = above[..=start].iter().rev().chain([&shape]);
                    let names: Vec<_> = cycle.map(|it| it.id.name()).collect();
                    let message = format!("resource cycle: {}", names.join(" -> "));
                    (message, "a resource must not contain itself")
                }
            };
            reporter.error(location, message).hint(hint);
            continue;
        }
        parents.insert(&shape.id, parent);
        for (operation, at) in binds(shape, Property::Operation, ShapeKind::Operation) {
            let message = bound_twice("operation", operation, service);
            let report = match bound.insert(&operation.id, &shape.id) {
                None => {
                    operations.push(operation);
                    continue;
                }
                Some(other) if *other != shape.id => reporter.error(at, message),
                // A resource may bind an operation as a lifecycle operation and in its list.
                Some(_) => reporter.warning(at, message),
            };
            report.hint("remove one of the bindings");
        }
        let resources = binds(shape, Property::Resource, ShapeKind::Resource);
        let resources: Vec<_> = resources.map(|(it, at)| (it, Some(shape), at)).collect();
        pending.extend(resources.into_iter().rev());
    }
    operations
}

fn bound_twice(what: &str, shape: &Shape, service: &Shape) -> String {
    format!("{what} {} is bound more than once in service {}", shape.id, service.id)
}

/// Leaves out the operations to skip. Each must exist.
pub(super) fn leave_out(
    skip: &[String],
    operations: &mut Vec<&Shape>,
    service: &Shape,
    reporter: &mut Reporter<'_>,
) {
    let is_called = |it: &Shape, name: &str| it.id.as_str() == name || it.id.name() == name;
    for name in skip.iter().filter(|name| !operations.iter().any(|it| is_called(it, name))) {
        let names = operations
            .iter()
            .map(|it| if name.contains('#') { it.id.as_str() } else { it.id.name() });
        reporter
            .error(service.location, format!("the service has no operation {name:?} to skip"))
            .did_you_mean(name, names, "use the name of an operation of this service");
    }
    operations.retain(|it| !skip.iter().any(|name| is_called(it, name)));
}

/// The maximum length of names that become file names. Snake case can make them half as long again, and most file
/// systems allow 255 bytes.
const MAX_NAME: usize = 150;

pub(super) fn check(resolved: &Resolved<'_>, reporter: &mut Reporter<'_>) {
    let operations = resolved.operations.iter().map(|it| it.shape);
    let types = resolved.closure.iter().copied().filter(|it| it.kind.has_type());
    for shape in operations.chain(types) {
        let length = shape.id.name().len();
        if length > MAX_NAME {
            let message = format!("the name has {length} characters, more than {MAX_NAME}");
            reporter.error(shape.location, message).hint("give it a shorter name");
        }
        let mut seen: HashMap<&str, &str> = HashMap::new();
        for member in shape.members.iter().filter(|_| shape.kind.has_fields()) {
            let (key, name) = (member.wire_name(), &member.name);
            if let Some(other) = seen.insert(key, name) {
                let message = format!("the members {other} and {name} are both {key:?} in JSON");
                reporter.error(member.location, message).hint("give one of them another jsonName");
            }
        }
    }
    check_conflicts(resolved, reporter);
}

/// Reports shapes with the same name, unless they are equivalent (Smithy 2.0 specification, section "Service
/// closure").
fn check_conflicts(resolved: &Resolved<'_>, reporter: &mut Reporter<'_>) {
    let service = resolved.service;
    let mut seen: HashMap<String, &Shape> = HashMap::new();
    for shape in &resolved.closure {
        let name = resolved.renames.get(&shape.id).copied().unwrap_or(shape.id.name());
        let Some(other) = seen.insert(name.to_ascii_lowercase(), shape) else { continue };
        let (one, two) = (other.id.namespace(), shape.id.namespace());
        // Names in one namespace that differ only in case have been reported.
        if one == two && resolved.renames.is_empty() || is_alike(resolved.model, shape, other) {
            continue;
        }
        let message = format!("{name} is defined in {one} and {two}, and the service needs both");
        let hint = format!("give one of them another name under \"rename\" in {}", service.id);
        reporter.error(shape.location, message).hint(hint);
    }
}

/// Whether shapes are equivalent: simple shapes of the same type, or lists of such shapes, with equal traits.
fn is_alike(model: &Model, one: &Shape, other: &Shape) -> bool {
    let are_alike = |(one, other): (&Member, &Member)| {
        let targets = model.get(&one.target).zip(model.get(&other.target));
        let is_alike =
            |(one, other): (&Shape, &Shape)| one.kind.is_simple() && is_alike(model, one, other);
        one.traits == other.traits && (one.target == other.target || targets.is_some_and(is_alike))
    };
    (one.kind.is_simple() || one.kind == ShapeKind::List)
        && one.kind == other.kind
        && one.traits == other.traits
        && one.members.iter().zip(&other.members).all(are_alike)
}
