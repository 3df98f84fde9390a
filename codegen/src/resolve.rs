//! Whether the shapes of a model fit together, and which of them a service needs.

mod check;
mod defaults;
mod finite;
mod service;
mod usage;

use std::collections::{HashMap, HashSet};

use crate::{
    diagnostic::Reporter,
    model::{Model, Property, Shape, ShapeKind},
    shape_id::ShapeId,
};

/// A model in which every reference is resolved, seen from one service.
#[derive(Debug)]
pub struct Resolved<'m> {
    pub model: &'m Model,
    pub service: &'m Shape,
    pub renames: HashMap<&'m ShapeId, &'m str>,
    /// The errors of every operation, in order.
    pub errors: Vec<&'m Shape>,
    /// The operations in order, those of the resources after those of the service.
    pub operations: Vec<Operation<'m>>,
    /// Every other shape that the operations need, in the order of their IDs.
    pub closure: Vec<&'m Shape>,
}

#[derive(Debug)]
pub struct Operation<'m> {
    pub shape: &'m Shape,
    /// The request, unless it is empty.
    pub input: Option<&'m Shape>,
    /// The response, unless it is empty.
    pub output: Option<&'m Shape>,
    /// The union of the events that the client sends.
    pub input_events: Option<&'m Shape>,
    /// The union of the events that the server sends.
    pub output_events: Option<&'m Shape>,
    /// The errors that the operation declares, in order.
    pub errors: Vec<&'m Shape>,
}

impl<'m> Operation<'m> {
    fn of(model: &'m Model, shape: &'m Shape) -> Self {
        let input = targets(model, shape, Property::Input).next();
        let output = targets(model, shape, Property::Output).next();
        Self {
            shape,
            input,
            output,
            input_events: input.and_then(|it| event_stream(model, it)),
            output_events: output.and_then(|it| event_stream(model, it)),
            errors: targets(model, shape, Property::Error).collect(),
        }
    }
}

/// Checks the model and picks the service; errors go to the reporter.
///
/// `skip` names operations that are left out, by ID or by the part of it after the `#`. The result is `None`
/// if there are errors.
pub fn resolve<'m>(
    model: &'m Model,
    service: Option<&str>,
    skip: &[String],
    reporter: &mut Reporter<'_>,
) -> Option<Resolved<'m>> {
    check_shapes(model, reporter);
    let service = service::pick(model, service, reporter)?;
    let resolved = view(model, service, skip, reporter);
    (!reporter.has_errors()).then_some(resolved)
}

/// Checks the model for every service in it; errors go to the reporter.
pub fn check(model: &Model, reporter: &mut Reporter<'_>) {
    check_shapes(model, reporter);
    for service in service::all(model) {
        view(model, service, &[], reporter);
    }
}

fn check_shapes(model: &Model, reporter: &mut Reporter<'_>) {
    check::check(model, reporter);
    defaults::check(model, reporter);
    finite::check_nesting(model, reporter);
    // Without a service nothing is used, and what could not be read may use something.
    if service::all(model).next().is_some() && !reporter.has_errors() {
        usage::check(model, reporter);
    }
}

fn view<'m>(
    model: &'m Model,
    service: &'m Shape,
    skip: &[String],
    reporter: &mut Reporter<'_>,
) -> Resolved<'m> {
    let mut operations = service::operations(model, service, reporter);
    service::leave_out(skip, &mut operations, service, reporter);
    let needed = reached(model, operations.iter().copied().chain([service]));
    let is_needed = |it: &&Shape| it.kind.has_values() && needed.contains(&it.id);
    let mut closure: Vec<_> = model.shapes().iter().filter(is_needed).collect();
    closure.sort_by(|a, b| a.id.cmp(&b.id));
    let renames = service.references([Property::Rename]);
    let resolved = Resolved {
        model,
        service,
        renames: renames.filter_map(|it| Some((&it.target, it.name.as_deref()?))).collect(),
        errors: targets(model, service, Property::Error).collect(),
        operations: operations.into_iter().map(|it| Operation::of(model, it)).collect(),
        closure,
    };
    service::check(&resolved, reporter);
    finite::check_values(model, &resolved.closure, reporter);
    resolved
}

/// Refuses what Smithy allows and event-stream RPC cannot carry.
pub fn is_carried(resolved: &Resolved<'_>, reporter: &mut Reporter<'_>) -> bool {
    let is_blob = |it: &Shape| it.kind == ShapeKind::Blob && it.traits.has("streaming");
    for operation in &resolved.operations {
        let ends = operation.input.iter().chain(&operation.output);
        let members = ends.flat_map(|it| &it.members);
        for it in members.filter(|it| resolved.model.get(&it.target).is_some_and(is_blob)) {
            let message = "a streaming blob has no place in event-stream RPC";
            reporter.error(it.target_location, message).hint(format!(
                "leave the operation out with --skip {} (in a build script, Config::skip), or send a union of events",
                operation.shape.id.name()
            ));
        }
    }
    !reporter.has_errors()
}

fn targets<'m>(
    model: &'m Model,
    shape: &'m Shape,
    property: Property,
) -> impl Iterator<Item = &'m Shape> {
    shape.references([property]).filter_map(|it| model.get(&it.target))
}

fn event_stream<'m>(model: &'m Model, end: &Shape) -> Option<&'m Shape> {
    let mut targets = end.members.iter().filter_map(|it| model.get(&it.target));
    targets.find(|it| end.kind == ShapeKind::Structure && it.is_event_stream())
}

/// The shapes with values that a shape refers to.
fn refers_to(shape: &Shape) -> impl Iterator<Item = &ShapeId> {
    let properties = [Property::Input, Property::Output, Property::Error, Property::Shape];
    let references = shape.references(properties).map(|it| &it.target);
    references.chain(shape.members.iter().map(|it| &it.target))
}

/// Some shapes, and those that they refer to, directly or not.
pub fn reached<'m>(
    model: &'m Model,
    roots: impl IntoIterator<Item = &'m Shape>,
) -> HashSet<&'m ShapeId> {
    let mut reached = HashSet::new();
    let mut pending: Vec<_> = roots.into_iter().collect();
    while let Some(shape) = pending.pop() {
        if reached.insert(&shape.id) {
            pending.extend(refers_to(shape).filter_map(|it| model.get(it)));
        }
    }
    reached
}

/// The shapes that have a property because of themselves or of shapes that their members target.
///
/// `holds` is told which shapes have it so far, and is asked again when a target is added.
pub fn fixpoint<'m>(
    shapes: &[&'m Shape],
    holds: impl Fn(&Shape, &HashSet<&ShapeId>) -> bool,
) -> HashSet<&'m ShapeId> {
    let mut users: HashMap<&ShapeId, Vec<&Shape>> = HashMap::new();
    for shape in shapes {
        shape.members.iter().for_each(|it| users.entry(&it.target).or_default().push(shape));
    }
    let mut found = HashSet::new();
    let mut pending = shapes.to_vec();
    while let Some(shape) = pending.pop() {
        if !found.contains(&shape.id) && holds(shape, &found) {
            found.insert(&shape.id);
            pending.extend(users.get(&shape.id).into_iter().flatten());
        }
    }
    found
}
