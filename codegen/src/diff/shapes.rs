//! What changed in the service, its operations and its shapes.

use std::collections::{BTreeSet, HashSet};

use super::{Changed, Changes, Constraints, Seen, Ways, members, rules::*};
use crate::{
    ast::{Shape, ShapeKind},
    ir::{self, Events},
    resolve,
    shape_id::ShapeId,
    traits::Fault,
    view::View,
};

/// The service itself.
pub(super) fn service(old: &View<'_>, new: &View<'_>, changes: &mut Changes) {
    let (before, after) = (old.resolved.service, new.resolved.service);
    let mut changed = changes.about("service", &after.id, Ways::default());
    if before.id != after.id || old.service.name != new.service.name {
        changed.found(&[&SERVICE_RENAMED], format!("{} -> {}", before.id, after.id));
    }
    if old.service.version != new.service.version {
        let text = |it: &Option<String>| it.clone().unwrap_or_else(|| "none".to_owned());
        let detail = format!("{} -> {}", text(&old.service.version), text(&new.service.version));
        changed.found(&[&SERVICE_VERSION], detail);
    }
    changed.traits(&before.traits, &after.traits);
}

/// The operations, in the order of the new model, then those that are gone.
pub(super) fn operations(old: &View<'_>, new: &View<'_>, changes: &mut Changes) {
    for shape in new.resolved.operations.iter().map(|it| it.shape) {
        let Some(after) = new.operation(&shape.id) else { continue };
        let mut changed = changes.about("operation", &shape.id, Ways::default());
        let (Some(before), Some(old_shape)) = (old.operation(&shape.id), old.shape(&shape.id))
        else {
            changed.found(&[&OPERATION_ADDED], "");
            continue;
        };
        let names = |it: &ir::Operation| (it.method.clone(), it.name.clone(), it.error.clone());
        if names(before) != names(after) {
            changed.found(&[&METHOD_RENAMED], format!("{} -> {}", before.method, after.method));
        }
        let ends = [
            (&REQUEST_SHAPE, &before.request, &after.request),
            (&RESPONSE_SHAPE, &before.response, &after.response),
        ];
        for (rule, before, after) in ends {
            different_shape(rule, (old, before), (new, after), &mut changed);
        }
        events((old, &before.events), (new, &after.events), &mut changed);
        let errors = |view: &View<'_>, it: &ir::Operation| -> Vec<String> {
            it.errors.iter().filter_map(|it| view.id_of(it)).map(str::to_owned).collect()
        };
        let (before, after) = (errors(old, before), errors(new, after));
        for id in after.iter().filter(|it| !before.contains(it)) {
            changed.found(&[&ERROR_ADDED], id);
        }
        for id in before.iter().filter(|it| !after.contains(it)) {
            changed.found(&[&ERROR_REMOVED], id);
        }
        changed.traits(&old_shape.traits, &shape.traits);
    }
    for shape in old.resolved.operations.iter().map(|it| it.shape) {
        if new.operation(&shape.id).is_none() {
            changes.about("operation", &shape.id, Ways::default()).found(&[&OPERATION_REMOVED], "");
        }
    }
}

fn different_shape(
    rule: &'static Rule,
    (old, before): Seen<'_, '_, &ir::TypeRef>,
    (new, after): Seen<'_, '_, &ir::TypeRef>,
    changed: &mut Changed<'_>,
) {
    let (before, after) = (old.id_of(before).unwrap_or(""), new.id_of(after).unwrap_or(""));
    if before != after {
        changed.found(&[rule], format!("{before} -> {after}"));
    }
}

fn events(
    (old, before): Seen<'_, '_, &Events>,
    (new, after): Seen<'_, '_, &Events>,
    changed: &mut Changed<'_>,
) {
    let (before, after) = match (before, after) {
        (Events::None, Events::None) => return,
        (Events::None, _) => return changed.found(&[&BECAME_STREAM], ""),
        (_, Events::None) => return changed.found(&[&BECAME_CALL], ""),
        (
            Events::Stream { request: before_request, response: before_response },
            Events::Stream { request: after_request, response: after_response },
        ) => ([before_request, before_response], [after_request, after_response]),
    };
    for (direction, (before, after)) in
        ["from the client", "from the server"].into_iter().zip(before.into_iter().zip(after))
    {
        match (before, after) {
            (None, None) => {}
            (None, Some(_)) => changed.found(&[&EVENTS_ADDED], direction),
            (Some(_), None) => changed.found(&[&EVENTS_REMOVED], direction),
            (Some(before), Some(after)) => {
                different_shape(&EVENTS_SHAPE, (old, before), (new, after), changed);
            }
        }
    }
}

/// The shapes, in the order of the new model, then those that are gone.
pub(super) fn shapes(old: &View<'_>, new: &View<'_>, changes: &mut Changes) {
    let ways = Directions::of([old, new]);
    for shape in &new.resolved.closure {
        let mut changed = changes.about(shape.kind.name(), &shape.id, ways.of_shape(&shape.id));
        match old.needed(&shape.id) {
            Some(before) => compare((old, before), (new, shape), &mut changed),
            None if is_told(new, old, &shape.id) => {}
            None => changed.found(&[&SHAPE_ADDED], ""),
        }
    }
    for shape in old.resolved.closure.iter().filter(|it| new.needed(&it.id).is_none()) {
        if !is_told(old, new, &shape.id) {
            changes
                .about(shape.kind.name(), &shape.id, Ways::default())
                .found(&[&SHAPE_REMOVED], "");
        }
    }
}

/// Whether nothing is to be said about a shape that only one of two models has: it is no type of its own,
/// or belongs to an operation that only that model has.
fn is_told(has: &View<'_>, other: &View<'_>, id: &ShapeId) -> bool {
    let Some(shape) = has.rust(id) else { return true };
    match &shape.type_ref().home {
        ir::Home::Operation(module) => {
            let operation = has.service.operations.iter().find(|it| it.method == *module);
            operation
                .is_some_and(|it| !other.service.operations.iter().any(|other| other.id == it.id))
        }
        _ => false,
    }
}

fn compare(
    (old, before): Seen<'_, '_, &Shape>,
    (new, after): Seen<'_, '_, &Shape>,
    changed: &mut Changed<'_>,
) {
    let kinds = (before.kind, after.kind);
    let (kind_before, kind_after) = (before.kind.name(), after.kind.name());
    if kind_before != kind_after {
        changed.found(&[&SHAPE_KIND], format!("{kind_before} -> {kind_after}"));
        return;
    }
    let (paths_before, paths_after) = (paths(old, &before.id), paths(new, &after.id));
    // The last one is that of the module which all share, if it is among them.
    if let Some(gone) = paths_before.iter().rfind(|it| !paths_after.contains(*it)) {
        let place = paths_after.first().map_or("", |it| &**it);
        changed.found(&[&SHAPE_MOVED], format!("{gone} -> {place}"));
    }
    if let (Some(ir::Shape::Structure(before)), Some(ir::Shape::Structure(after))) =
        (old.rust(&before.id), new.rust(&after.id))
    {
        match (before.is_build_fallible(), after.is_build_fallible()) {
            (false, true) => {
                changed.found(&[&BUILD_FALLIBLE_REQUEST, &BUILD_FALLIBLE_RESPONSE], "");
            }
            (true, false) => {
                changed.found(&[&BUILD_INFALLIBLE_REQUEST, &BUILD_INFALLIBLE_RESPONSE], "");
            }
            _ => {}
        }
        if before.has_default() && !after.has_default() {
            changed.found(&[&NO_DEFAULT], "");
        }
        if before.has_validate() && !after.has_validate() {
            changed.found(&[&NO_VALIDATE], "");
        }
        if before.builder != after.builder {
            changed.found(&[&SHAPE_MOVED], format!("{} -> {}", before.builder, after.builder));
        }
    }
    if let (Some(before), Some(after)) = (before.traits.error, after.traits.error)
        && before != after
    {
        let text = |it: Fault| if it == Fault::Client { "client" } else { "server" };
        changed.found(&[&FAULT], format!("{} -> {}", text(before), text(after)));
    }
    let retryable = |it: &Shape| (it.traits.retryable, it.traits.throttling);
    if retryable(before) != retryable(after) {
        changed.found(&[&RETRYABLE], "");
    }
    if before.traits.sparse != after.traits.sparse {
        let detail = if after.traits.sparse { "it may hold null" } else { "it may not hold null" };
        changed.found(&[&TYPE_CHANGED], detail);
    }
    if let (ShapeKind::Simple(_), _) = kinds {
        let (before, after) = (old.type_text(&before.id), new.type_text(&after.id));
        if before != after {
            changed.found(&[&TYPE_CHANGED], format!("{before} -> {after}"));
        }
    }
    changed.constraints(&Constraints::of(&before.traits), &Constraints::of(&after.traits));
    changed.traits(&before.traits, &after.traits);
    match kinds {
        (ShapeKind::Structure, _) => members::structure((old, before), (new, after), changed),
        (ShapeKind::Union, _) => members::union((old, before), (new, after), changed),
        (ShapeKind::Enum | ShapeKind::IntEnum, _) => {
            members::enumeration((old, before), (new, after), changed);
        }
        _ => members::elements((old, before), (new, after), changed),
    }
}

/// The paths by which a type can be named: operations re-export their requests and responses.
fn paths(view: &View<'_>, id: &ShapeId) -> BTreeSet<String> {
    let Some(shape) = view.rust(id) else { return BTreeSet::new() };
    let type_ref = shape.type_ref();
    let operations = view.service.operations.iter();
    let operations = operations.filter(|it| it.request == *type_ref || it.response == *type_ref);
    let reexports =
        operations.map(|it| format!("crate::operation::{}::{}", it.method, type_ref.name));
    reexports.chain([type_ref.path()]).map(|it| it.replacen("crate::", "", 1)).collect()
}

/// Which shapes clients send, and which servers send, in either model.
struct Directions {
    requests: HashSet<ShapeId>,
    responses: HashSet<ShapeId>,
}

impl Directions {
    fn of(views: [&View<'_>; 2]) -> Self {
        let mut directions = Self { requests: HashSet::new(), responses: HashSet::new() };
        for view in views {
            let resolved = &view.resolved;
            for it in &resolved.operations {
                let requests = resolve::reached(resolved.model, it.input);
                let sent = it.errors.iter().copied().chain(it.output);
                let responses = resolve::reached(resolved.model, sent);
                directions.requests.extend(requests.into_iter().cloned());
                directions.responses.extend(responses.into_iter().cloned());
            }
            let errors = resolve::reached(resolved.model, resolved.errors.iter().copied());
            directions.responses.extend(errors.into_iter().cloned());
        }
        directions
    }

    fn of_shape(&self, id: &ShapeId) -> Ways {
        Ways { request: self.requests.contains(id), response: self.responses.contains(id) }
    }
}
