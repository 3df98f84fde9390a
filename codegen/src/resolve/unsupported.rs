//! What a model says well and no code can be generated for yet. The list only gets shorter.

use super::{Resolved, Target, is_event_stream, target};
use crate::{
    ast::{Member, Shape, ShapeKind, SimpleType},
    diagnostic::{Location, Reporter},
    traits::{DefaultValue, TimestampFormat, Traits},
};

/// Refuses what is not supported in the part of the model that the service needs.
pub(super) fn check(resolved: &Resolved<'_>, reporter: &mut Reporter<'_>) {
    let mut refuse = |location: Location, what: &str, hint: &str| {
        reporter.error(location, format!("{what} not supported")).hint(hint);
    };
    if let ShapeKind::Service(service) = &resolved.service.kind {
        for error in &service.errors {
            refuse(error.location, "errors of a service are", "list it with each operation");
        }
        for rename in &service.rename {
            let hint = "give the shape itself the name";
            refuse(rename.shape.location, "renaming shapes is", hint);
        }
    }
    for shape in &resolved.operations {
        let ShapeKind::Operation(operation) = &shape.kind else { continue };
        if operation.input.target.is_unit() || operation.output.target.is_unit() {
            let hint = "target a structure, which may be empty, as \"input\" and as \"output\"";
            refuse(shape.location, "operations without input or output are", hint);
        }
    }
    for shape in &resolved.closure {
        check_shape(resolved, shape, &mut refuse);
    }
}

fn check_shape(
    resolved: &Resolved<'_>,
    shape: &Shape,
    refuse: &mut impl FnMut(Location, &str, &str),
) {
    let location = shape.location;
    match &shape.kind {
        ShapeKind::IntEnum(_) => {
            return refuse(location, "shapes of type intEnum are", "use an integer or an enum");
        }
        ShapeKind::Simple(simple) => check_simple(*simple, location, refuse),
        ShapeKind::Enum(_) => return,
        _ => {}
    }
    if shape.traits.sparse {
        refuse(location, "sparse lists and maps are", "use a structure with an optional member");
    }
    if shape.traits.input {
        refuse(location, "the trait input is", "take it away");
    }
    check_timestamp(&shape.traits, location, refuse);
    for member in shape.kind.members() {
        check_member(resolved, shape, member, refuse);
    }
}

fn check_member(
    resolved: &Resolved<'_>,
    shape: &Shape,
    member: &Member,
    refuse: &mut impl FnMut(Location, &str, &str),
) {
    let location = member.location;
    match target(resolved.model, &member.target) {
        Some(Target::Prelude(simple)) => check_simple(simple, location, refuse),
        Some(Target::Unit) => {
            let hint = "target a structure, which may be empty";
            refuse(location, "members of a union without a value are", hint);
        }
        Some(Target::Shape(event)) if is_event_stream(shape) && event.traits.error.is_some() => {
            refuse(location, "errors as events are", "list it as an error of the operation");
        }
        _ => {}
    }
    let traits = &member.traits;
    let has_default = traits.default.as_ref().is_some_and(|it| it.value != DefaultValue::Null);
    let refused = [
        (has_default, "defaults are"),
        (traits.client_optional, "the trait clientOptional is"),
        (traits.json_name.is_some(), "the trait jsonName is"),
        (traits.idempotency_token, "the trait idempotencyToken is"),
    ];
    for (_, what) in refused.into_iter().filter(|(is_there, _)| *is_there) {
        refuse(location, what, "take it away");
    }
    if traits.sensitive {
        let hint = "give the trait to the shape that the member targets";
        refuse(location, "the trait sensitive on a member is", hint);
    }
    check_timestamp(traits, location, refuse);
}

fn check_simple(
    simple: SimpleType,
    location: Location,
    refuse: &mut impl FnMut(Location, &str, &str),
) {
    match simple {
        SimpleType::BigInteger => refuse(location, "big integers are", "use a long or a string"),
        SimpleType::BigDecimal => refuse(location, "big decimals are", "use a double or a string"),
        _ => {}
    }
}

/// Seconds since the epoch are what event-stream RPC sends anyway.
fn check_timestamp(
    traits: &Traits,
    location: Location,
    refuse: &mut impl FnMut(Location, &str, &str),
) {
    if traits.timestamp_format.is_some_and(|it| it != TimestampFormat::EpochSeconds) {
        refuse(location, "timestamps in this format are", "use epoch-seconds, or a string");
    }
}
