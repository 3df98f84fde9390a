//! Where event streams may stand (Smithy 2.0 spec, section "Event streams").

use std::collections::HashSet;

use super::{Resolved, Target, is_event_stream, target};
use crate::{
    ast::{Member, Model, Shape, ShapeKind, SimpleType},
    diagnostic::Reporter,
    shape_id::ShapeId,
};

/// Checks every use of a streaming shape.
pub(super) fn check(model: &Model, reporter: &mut Reporter<'_>) {
    let ends = Ends::of(model);
    for shape in model.shapes() {
        if is_event_stream(shape) {
            check_events(model, shape, reporter);
        }
        let mut streams = 0;
        for member in shape.kind.members() {
            let Some(target) = model.get(&member.target).filter(|it| it.traits.streaming) else {
                continue;
            };
            streams += 1;
            check_use(shape, member, target, &ends, reporter);
            if streams == 2 {
                let message = "an input or output has one event stream at most";
                reporter
                    .error(member.target_location, message)
                    .hint("send both kinds of events as members of one union");
            }
        }
    }
}

/// Which structures are at the ends of operations, and which are inside of something.
struct Ends<'m> {
    ends: HashSet<&'m ShapeId>,
    nested: HashSet<&'m ShapeId>,
}

impl<'m> Ends<'m> {
    fn of(model: &'m Model) -> Self {
        let operations = model.shapes().iter().filter_map(|it| match &it.kind {
            ShapeKind::Operation(operation) => Some(operation),
            _ => None,
        });
        let ends = operations.flat_map(|it| [&it.input.target, &it.output.target]).collect();
        let members = model.shapes().iter().flat_map(|it| it.kind.members());
        Self { ends, nested: members.map(|it| &it.target).collect() }
    }
}

fn check_use(
    shape: &Shape,
    member: &Member,
    target: &Shape,
    ends: &Ends<'_>,
    reporter: &mut Reporter<'_>,
) {
    let is_end = ends.ends.contains(&shape.id)
        && !ends.nested.contains(&shape.id)
        && shape.traits.error.is_none()
        && matches!(shape.kind, ShapeKind::Structure(_));
    if !is_end {
        let message = format!(
            "streaming shapes may only be targeted by top-level input and output members: {}",
            target.id
        );
        reporter
            .error(member.target_location, message)
            .hint("move the member to the structure that is the input or output of the operation");
    }
}

/// Refuses what Smithy can say and event-stream RPC cannot carry, of what a service needs.
pub fn check_carried(resolved: &Resolved<'_>, reporter: &mut Reporter<'_>) {
    let is_blob = |it: &Member| {
        let target = resolved.model.get(&it.target).filter(|it| it.traits.streaming);
        target.is_some_and(|it| matches!(it.kind, ShapeKind::Simple(SimpleType::Blob)))
    };
    for shape in &resolved.operations {
        let ShapeKind::Operation(operation) = &shape.kind else { continue };
        let ends = [&operation.input, &operation.output].into_iter();
        let members = ends.filter_map(|it| resolved.model.get(&it.target));
        for member in members.flat_map(|it| it.kind.members()).filter(|it| is_blob(it)) {
            let message = "a streaming blob has no place in event-stream RPC";
            reporter.error(member.target_location, message).hint(format!(
                "leave the operation out with --skip {} (in a build script, Config::skip), or send a union of events",
                shape.id.name()
            ));
        }
    }
}

fn check_events(model: &Model, union: &Shape, reporter: &mut Reporter<'_>) {
    for member in union.kind.members() {
        let kind = match target(model, &member.target) {
            Some(Target::Shape(shape)) if model.is_broken(&shape.id) => continue,
            Some(Target::Shape(shape)) => match shape.kind {
                ShapeKind::Structure(_) => continue,
                _ => shape.kind.name(),
            },
            Some(Target::Prelude(simple)) => simple.name(),
            Some(Target::Unit) => "nothing",
            None => continue,
        };
        let message = format!("an event is a structure; {} is of type {kind}", member.target);
        reporter.error(member.target_location, message).hint("put the value into a structure");
    }
}
