//! What members are called in JSON (Smithy 2.0 spec, section "jsonName trait"), and what the inputs of
//! operations are used for.

use std::collections::HashMap;

use super::Resolved;
use crate::{
    ast::{Shape, ShapeKind},
    diagnostic::Reporter,
    shape_id::ShapeId,
};

/// Checks the shapes that the service needs.
pub(super) fn check(resolved: &Resolved<'_>, reporter: &mut Reporter<'_>) {
    check_keys(resolved, reporter);
    check_inputs(resolved, reporter);
}

/// A structure that is marked as an input should be that of one operation and nothing else: the mark says
/// that clients can treat its members as optional.
fn check_inputs(resolved: &Resolved<'_>, reporter: &mut Reporter<'_>) {
    let mut seen: HashMap<&ShapeId, &Shape> = HashMap::new();
    for operation in &resolved.operations {
        let ShapeKind::Operation(it) = &operation.kind else { continue };
        let Some(input) = resolved.model.get(&it.input.target).filter(|it| it.traits.input) else {
            continue;
        };
        if let Some(other) = seen.insert(&input.id, operation) {
            let message = format!(
                "{} has the trait input, and {} has it for its input too",
                input.id, other.id
            );
            reporter
                .warning(it.input.location, message)
                .hint("give each operation a structure of its own, or take the trait away");
        }
    }
}

/// Two members of a shape may not have one key.
fn check_keys(resolved: &Resolved<'_>, reporter: &mut Reporter<'_>) {
    for shape in &resolved.closure {
        let (ShapeKind::Structure(members) | ShapeKind::Union(members)) = &shape.kind else {
            continue;
        };
        let mut seen: HashMap<&str, &str> = HashMap::new();
        for member in members {
            let key = member.traits.json_name.as_deref().unwrap_or(&member.name);
            if let Some(other) = seen.insert(key, &member.name) {
                let message =
                    format!("the members {other} and {} are both {key:?} in JSON", member.name);
                reporter.error(member.location, message).hint("give one of them another jsonName");
            }
        }
    }
}
