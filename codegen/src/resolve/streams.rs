//! Where event streams are allowed (Smithy 2.0 specification, section "Event streams").

use std::collections::HashSet;

use super::{Resolved, check::type_name};
use crate::{
    ast::{Model, Property, Shape, ShapeKind, SimpleType},
    diagnostic::Reporter,
    shape_id::ShapeId,
};

/// Checks every use of a streaming shape.
pub(super) fn check(model: &Model, reporter: &mut Reporter<'_>) {
    let shapes = || model.shapes().iter();
    let ends = shapes().flat_map(|it| it.references([Property::Input, Property::Output]));
    let ends: HashSet<&ShapeId> = ends.map(|it| &it.target).collect();
    let nested: HashSet<&ShapeId> =
        shapes().flat_map(|it| &it.members).map(|it| &it.target).collect();
    for shape in shapes() {
        if shape.is_event_stream() {
            check_events(model, shape, reporter);
        }
        let is_end = ends.contains(&shape.id)
            && !nested.contains(&shape.id)
            && shape.traits.error.is_none()
            && shape.kind == ShapeKind::Structure;
        let mut streams = 0;
        for member in &shape.members {
            let target = model.get(&member.target).filter(|it| it.traits.streaming);
            let Some(target) = target else { continue };
            streams += 1;
            if !is_end {
                let message = format!(
                    "streaming shapes may only be targeted by top-level input and output members: {}",
                    target.id
                );
                reporter.error(member.target_location, message).hint(
                    "move the member to the structure that is the input or output of the operation",
                );
            }
            if streams == 2 {
                let message = "an input or output has one event stream at most";
                reporter
                    .error(member.target_location, message)
                    .hint("send both kinds of events as members of one union");
            }
        }
    }
}

fn check_events(model: &Model, union: &Shape, reporter: &mut Reporter<'_>) {
    for member in &union.members {
        let Some(shape) = model.get(&member.target).filter(|it| !it.is_broken) else { continue };
        if shape.kind == ShapeKind::Structure && !shape.id.is_unit() {
            continue;
        }
        let kind = type_name(shape);
        let message = format!("an event is a structure; {} is of type {kind}", member.target);
        reporter.error(member.target_location, message).hint("put the value into a structure");
    }
}

/// Refuses what Smithy allows and event-stream RPC cannot carry.
pub fn check_carried(resolved: &Resolved<'_>, reporter: &mut Reporter<'_>) {
    for operation in &resolved.operations {
        let ends = operation.input.iter().chain(&operation.output);
        for member in ends.flat_map(|it| &it.members) {
            let is_blob = |it: &Shape| it.kind == ShapeKind::Simple(SimpleType::Blob);
            let target = resolved.model.get(&member.target).filter(|it| it.traits.streaming);
            if target.is_some_and(is_blob) {
                let message = "a streaming blob has no place in event-stream RPC";
                reporter.error(member.target_location, message).hint(format!(
                    "leave the operation out with --skip {} (in a build script, Config::skip), or send a union of events",
                    operation.shape.id.name()
                ));
            }
        }
    }
}
