//! Whether the shapes of a model fit together, and which of them a service needs.

mod check;
mod defaults;
mod finite;
mod service;
mod streams;
#[cfg(test)]
mod tests;
mod usage;
mod wire;

pub use streams::check_carried;

use std::collections::HashSet;

use crate::{
    ast::{Member, Model, Shape, ShapeKind, SimpleType},
    diagnostic::Reporter,
    prelude::{self, PreludeShape},
    shape_id::ShapeId,
};

/// A model in which every reference leads somewhere, seen from one service.
#[derive(Debug)]
pub struct Resolved<'m> {
    /// The model.
    pub model: &'m Model,
    /// The service.
    pub service: &'m Shape,
    /// Its operations in order, those of its resources after its own.
    pub operations: Vec<&'m Shape>,
    /// Every other shape that the operations need, in the order of their IDs.
    pub closure: Vec<&'m Shape>,
}

/// What a member targets.
#[derive(Clone, Copy, Debug)]
pub enum Target<'m> {
    /// A simple shape of the prelude.
    Prelude(SimpleType),
    /// `smithy.api#Unit`, which stands for nothing.
    Unit,
    /// A shape of the model.
    Shape(&'m Shape),
}

/// Finds a target.
pub fn target<'m>(model: &'m Model, id: &ShapeId) -> Option<Target<'m>> {
    match prelude::get(id) {
        Some(PreludeShape::Simple(simple) | PreludeShape::Primitive(simple)) => {
            Some(Target::Prelude(simple))
        }
        Some(PreludeShape::Unit) => Some(Target::Unit),
        None => model.get(id).map(Target::Shape),
    }
}

/// Checks the model and picks the service; what is wrong goes to the reporter.
///
/// `skip` names operations that are left out, by their IDs or what follows the `#`. The result is there only
/// if nothing is wrong, and then no reference leads nowhere.
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

/// Checks the model for every service in it; what is wrong goes to the reporter.
pub fn check(model: &Model, reporter: &mut Reporter<'_>) {
    check_shapes(model, reporter);
    for service in service::all(model) {
        view(model, service, &[], reporter);
    }
}

/// Checks every shape, whoever needs it.
fn check_shapes(model: &Model, reporter: &mut Reporter<'_>) {
    check::check(model, reporter);
    streams::check(model, reporter);
    finite::check_nesting(model, reporter);
    usage::check(model, reporter);
}

/// The model seen from one service, and whether what it needs goes together.
fn view<'m>(
    model: &'m Model,
    service: &'m Shape,
    skip: &[String],
    reporter: &mut Reporter<'_>,
) -> Resolved<'m> {
    let operations = service::operations(model, service, reporter);
    let operations = service::without(operations, skip, service, reporter);
    let closure = closure(model, service, &operations);
    service::check_names(model, service, &closure, reporter);
    service::check_lengths(operations.iter().chain(&closure), reporter);
    finite::check_values(model, &closure, reporter);
    let resolved = Resolved { model, service, operations, closure };
    wire::check(&resolved, reporter);
    resolved
}

/// Whether a shape is a union of events.
pub fn is_event_stream(shape: &Shape) -> bool {
    shape.traits.streaming && matches!(shape.kind, ShapeKind::Union(_))
}

/// The member of an input or output that is its event stream.
pub fn event_stream<'m>(
    model: &'m Model,
    members: &'m [Member],
) -> Option<(&'m Member, &'m Shape)> {
    members.iter().find_map(|member| {
        let shape = model.get(&member.target)?;
        is_event_stream(shape).then_some((member, shape))
    })
}

/// Every shape that the operations need, in the order of their IDs.
fn closure<'m>(model: &'m Model, service: &'m Shape, operations: &[&'m Shape]) -> Vec<&'m Shape> {
    let mut needed: HashSet<&ShapeId> = HashSet::new();
    let mut pending: Vec<&ShapeId> = Vec::new();
    if let ShapeKind::Service(service) = &service.kind {
        pending.extend(service.errors.iter().map(|it| &it.target));
    }
    for shape in operations {
        let ShapeKind::Operation(operation) = &shape.kind else { continue };
        let ends = [&operation.input, &operation.output].into_iter();
        pending.extend(ends.chain(&operation.errors).map(|it| &it.target));
    }
    while let Some(id) = pending.pop() {
        let Some(Target::Shape(shape)) = target(model, id) else { continue };
        // The members of an enum target the prelude's Unit, and are no values by themselves.
        let is_enum = matches!(shape.kind, ShapeKind::Enum(_) | ShapeKind::IntEnum(_));
        if needed.insert(&shape.id) && !is_enum {
            pending.extend(shape.kind.members().into_iter().map(|it| &it.target));
        }
    }
    let mut closure: Vec<_> = model.shapes().iter().filter(|it| needed.contains(&it.id)).collect();
    // Files may be given in any order, and shapes stand in them in any.
    closure.sort_by(|a, b| a.id.cmp(&b.id));
    closure
}
