//! What members are called in JSON (Smithy 2.0 spec, section "jsonName trait").

use std::collections::HashMap;

use super::Resolved;
use crate::{ast::ShapeKind, diagnostic::Reporter};

/// Two members of a shape may not have one key.
pub(super) fn check(resolved: &Resolved<'_>, reporter: &mut Reporter<'_>) {
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
