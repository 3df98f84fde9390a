//! What the model says well and no code can be generated for yet. The list only gets shorter.

use super::{Resolved, Target, is_event_stream, target};
use crate::{
    ast::{Member, Shape, ShapeKind, SimpleType},
    diagnostic::{Location, Reporter},
    traits::{DefaultValue, TimestampFormat, Traits},
};

/// Refuses what is not supported in the part of the model that the service needs.
pub(super) fn check(resolved: &Resolved<'_>, reporter: &mut Reporter<'_>) {
    let mut refuse = |location: Location, what: &str| {
        reporter.error(location, format!("{what} not supported"));
    };
    if let ShapeKind::Service(service) = &resolved.service.kind {
        if let Some(error) = service.errors.first() {
            refuse(error.location, "errors of a service are");
        }
        if let Some(rename) = service.rename.first() {
            refuse(rename.shape.location, "renaming shapes is");
        }
    }
    for shape in &resolved.operations {
        let ShapeKind::Operation(operation) = &shape.kind else { continue };
        for end in [&operation.input, &operation.output] {
            if end.target.is_unit() {
                refuse(shape.location, "operations without an input and an output structure are");
            }
        }
    }
    for shape in &resolved.closure {
        check_shape(resolved, shape, &mut refuse);
    }
}

fn check_shape(resolved: &Resolved<'_>, shape: &Shape, refuse: &mut impl FnMut(Location, &str)) {
    let location = shape.location;
    match &shape.kind {
        ShapeKind::IntEnum(_) => return refuse(location, "shapes of type intEnum are"),
        ShapeKind::Simple(SimpleType::BigInteger) => {
            return refuse(location, "shapes of type bigInteger are");
        }
        ShapeKind::Simple(SimpleType::BigDecimal) => {
            return refuse(location, "shapes of type bigDecimal are");
        }
        ShapeKind::Enum(_) => return,
        _ => {}
    }
    if shape.traits.sparse {
        refuse(location, "sparse lists and maps are");
    }
    if shape.traits.input {
        refuse(location, "the trait input is");
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
    refuse: &mut impl FnMut(Location, &str),
) {
    let location = member.location;
    match target(resolved.model, &member.target) {
        Some(Target::Prelude(SimpleType::BigInteger)) => {
            refuse(location, "members of type bigInteger are")
        }
        Some(Target::Prelude(SimpleType::BigDecimal)) => {
            refuse(location, "members of type bigDecimal are")
        }
        Some(Target::Unit) => refuse(location, "members of a union without a value are"),
        Some(Target::Shape(event)) if is_event_stream(shape) && event.traits.error.is_some() => {
            refuse(location, "errors as events are");
        }
        _ => {}
    }
    let traits = &member.traits;
    if traits.default.as_ref().is_some_and(|it| it.value != DefaultValue::Null) {
        refuse(location, "defaults are");
    }
    let refused = [
        (traits.client_optional, "the trait clientOptional is"),
        (traits.json_name.is_some(), "the trait jsonName is"),
        (traits.idempotency_token, "the trait idempotencyToken is"),
        (traits.sensitive, "the trait sensitive on a member is"),
    ];
    for (_, what) in refused.into_iter().filter(|(is_there, _)| *is_there) {
        refuse(location, what);
    }
    check_timestamp(traits, location, refuse);
}

/// Seconds since the epoch are what event-stream RPC sends anyway.
fn check_timestamp(traits: &Traits, location: Location, refuse: &mut impl FnMut(Location, &str)) {
    if traits.timestamp_format.is_some_and(|it| it != TimestampFormat::EpochSeconds) {
        refuse(location, "timestamps in another format than epoch-seconds are");
    }
}
