//! Checks of references, defaults and examples, and selection of the shapes that a service uses.

mod check;
mod defaults;
mod examples;
mod finite;
mod permission;
mod service;
mod usage;

use std::collections::{HashMap, HashSet};

use crate::{
    diagnostic::Reporter,
    model::{Model, Property, Shape, ShapeKind},
    shape_id::ShapeId,
};

/// One service of a model whose references are all valid.
#[derive(Debug)]
pub struct Resolved<'m> {
    pub model: &'m Model,
    pub service: &'m Shape,
    pub renames: HashMap<&'m ShapeId, &'m str>,
    /// The errors that all operations have in common, in order.
    pub errors: Vec<&'m Shape>,
    /// The operations in order: those of the service, then those of its resources.
    pub operations: Vec<Operation<'m>>,
    /// The shapes with values that the operations use, sorted by ID.
    pub closure: Vec<&'m Shape>,
}

#[derive(Debug)]
pub struct Operation<'m> {
    pub shape: &'m Shape,
    /// The request, unless it is empty.
    pub input: Option<&'m Shape>,
    /// The response, unless it is empty.
    pub output: Option<&'m Shape>,
    /// The union of events that the client sends.
    pub input_events: Option<&'m Shape>,
    /// The union of events that the server sends.
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

/// Checks the model and resolves one service. Returns `None` if there are errors.
///
/// `skip` contains operations to leave out: shape IDs or the parts after the `#`.
pub fn resolve<'m>(
    model: &'m Model,
    service: Option<&str>,
    skip: &[String],
    reporter: &mut Reporter<'_>,
) -> Option<Resolved<'m>> {
    check_shapes(model, reporter);
    let service = service::pick(model, service, reporter)?;
    let resolved = resolve_service(model, service, skip, reporter);
    (!reporter.has_errors()).then_some(resolved)
}

/// Checks the model and every service in it.
pub fn check(model: &Model, reporter: &mut Reporter<'_>) {
    check_shapes(model, reporter);
    for service in service::all(model) {
        resolve_service(model, service, &[], reporter);
    }
}

fn check_shapes(model: &Model, reporter: &mut Reporter<'_>) {
    check::check(model, reporter);
    defaults::check(model, reporter);
    examples::check(model, reporter);
    permission::check(model, reporter);
    finite::check_nesting(model, reporter);
    // Shapes that could not be read may use others, and without a service all shapes are unused.
    if service::all(model).next().is_some() && !reporter.has_errors() {
        usage::check(model, reporter);
    }
}

fn resolve_service<'m>(
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

/// Reports what Smithy allows but event-stream RPC does not support.
pub fn is_supported(resolved: &Resolved<'_>, reporter: &mut Reporter<'_>) -> bool {
    let is_blob = |it: &Shape| it.kind == ShapeKind::Blob && it.traits.has("streaming");
    for operation in &resolved.operations {
        let structures = operation.input.iter().chain(&operation.output);
        let members = structures.flat_map(|it| &it.members);
        for member in members.filter(|it| resolved.model.get(&it.target).is_some_and(is_blob)) {
            let message = "event-stream RPC does not support streaming blobs";
            reporter.error(member.target_location, message).hint(format!(
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

fn event_stream<'m>(model: &'m Model, shape: &Shape) -> Option<&'m Shape> {
    let mut targets = shape.members.iter().filter_map(|it| model.get(&it.target));
    targets.find(|it| shape.kind == ShapeKind::Structure && it.is_event_stream())
}

/// The shapes with values that a shape refers to.
fn refers_to(shape: &Shape) -> impl Iterator<Item = &ShapeId> {
    let properties = [Property::Input, Property::Output, Property::Error, Property::Shape];
    let references = shape.references(properties).map(|it| &it.target);
    references.chain(shape.members.iter().map(|it| &it.target))
}

/// The shapes that are reachable from `roots`, including the roots.
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

/// The smallest set of shapes that is closed under `holds`.
///
/// `holds` decides whether a shape belongs to the set, given the set so far. It is called again for a shape when a
/// target of its members is added.
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
