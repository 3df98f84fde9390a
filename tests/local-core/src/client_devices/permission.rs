//! What policies allow client devices.

use serde::Deserialize;

use crate::policy::Pattern;

/// The part of a resource that is replaced by the name of the thing.
const THING_NAME: &str = "${iot:Connection.Thing.ThingName}";

/// A statement of a policy.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Statement {
    #[serde(rename = "statementDescription")]
    _description: Option<String>,
    #[serde(default)]
    effect: Effect,
    operations: Vec<String>,
    resources: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Effect {
    #[default]
    Allow,
    /// Has no effect, as on a device.
    Deny,
}

impl Statement {
    /// Whether the statement allows a valid operation on a valid resource.
    pub(super) fn allows(&self, thing: &str, operation: &str, resource: &str) -> bool {
        let service = service_of(operation);
        let is_operation =
            |it: &str| it == operation || it == "*" || it.strip_suffix(":*") == Some(service);
        let is_resource = |it: &str| {
            let it = it.replace(THING_NAME, thing);
            it == resource || Pattern::parse(&it, false).is_ok_and(|it| it.matches(resource))
        };
        self.effect == Effect::Allow
            && self.operations.iter().any(|it| is_operation(it))
            && self.resources.iter().any(|it| is_resource(it))
    }
}

/// The service of an operation or a resource.
pub(super) fn service_of(text: &str) -> &str {
    text.split(':').next().unwrap_or_default()
}

/// Whether a text is `service:action`.
pub(super) fn is_operation(text: &str) -> bool {
    let is_valid = |it: char| it.is_alphanumeric() || it == '-' || it == '_';
    text.split_once(':').is_some_and(|(service, action)| {
        is_word(service) && !action.is_empty() && action.chars().all(is_valid)
    })
}

/// Whether a text is `service:type:name`.
pub(super) fn is_resource(text: &str) -> bool {
    let is_valid = |it: char| it.is_alphanumeric() || (' '..='~').contains(&it);
    let mut parts = text.splitn(3, ':');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(service), Some(kind), Some(name)) => {
            is_word(service) && is_word(kind) && !name.is_empty() && name.chars().all(is_valid)
        }
        _ => false,
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(char::is_alphabetic)
}
