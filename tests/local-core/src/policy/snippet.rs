//! Policies as JSON.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::Request;
use crate::{
    configuration::{ACCESS_CONTROL, is_access_control},
    operations::Service,
};

/// The content of an `accessControl` with one policy.
pub(crate) fn snippet(service: &str, id: &str, operation: &str, resource: &str) -> Value {
    json!({ service: { id: policy(operation, resource) } })
}

fn policy(operation: &str, resource: &str) -> Value {
    json!({ "operations": [operation], "resources": [resource] })
}

/// An unused policy id in the recommended form: component, service and a number.
fn free_id(component: &str, service: &Service, is_used: impl Fn(&str) -> bool) -> String {
    let id = |number: u64| format!("{component}:{}:{number}", service.short);
    (1..).map(id).find(|it| !is_used(it)).expect("a number is free")
}

fn contains(ids: &[String], id: &str) -> bool {
    ids.iter().any(|it| it.eq_ignore_ascii_case(id))
}

/// The maximum number of ids that are remembered.
const MAX_PROPOSED: usize = 1000;

/// The ids of proposed policies, each with a hash of the call that the policy allows.
#[derive(Clone, Debug, Default)]
pub(super) struct ProposedIds(HashMap<String, u64>);

impl ProposedIds {
    /// An id that neither a policy nor the proposal for another call has. The id of a call stays the same.
    pub(super) fn id(&mut self, request: &Request<'_>, used: &[String]) -> String {
        let call = request.key();
        let mut proposed = self.0.iter();
        if let Some((id, _)) = proposed.find(|(id, it)| **it == call && !contains(used, id)) {
            return id.clone();
        }
        if self.0.len() >= MAX_PROPOSED {
            self.0.clear();
        }
        let is_used = |id: &str| self.0.contains_key(id) || contains(used, id);
        let id = free_id(request.component, request.operation.service, is_used);
        self.0.insert(id.clone(), call);
        id
    }
}

/// Formats an object of objects, lists and strings as YAML, with spaces before each line.
pub(crate) fn yaml(value: &Value, indent: usize) -> String {
    let space = " ".repeat(indent);
    match value {
        Value::Object(members) => members.iter().fold(String::new(), |text, (key, value)| {
            text + &format!("{space}{}:\n{}", key_text(key), yaml(value, indent + 2))
        }),
        Value::Array(items) => items.iter().fold(String::new(), |text, item| {
            text + &format!("{space}- {}\n", quoted(item.as_str().unwrap_or_default()))
        }),
        other => format!("{space}{}\n", quoted(other.as_str().unwrap_or_default())),
    }
}

/// Formats a value as JSON in one line, which is YAML as well.
pub(crate) fn flow(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members = members.iter().map(|(key, it)| format!("{}: {}", quoted(key), flow(it)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", "))
        }
        other => quoted(other.as_str().unwrap_or_default()),
    }
}

fn key_text(key: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || ".-_".contains(it);
    let is_plain =
        key.starts_with(|it: char| it.is_ascii_alphabetic()) && key.chars().all(is_plain);
    if is_plain { key.to_owned() } else { quoted(key) }
}

/// A string in double quotes, whose escapes are those of JSON.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            // Not printable in YAML, or a line break there.
            '\0'..=' '
            | '\u{7f}'..='\u{a0}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}'
                if character != ' ' =>
            {
                quoted += &format!("\\u{:04x}", u32::from(character));
            }
            _ => quoted.push(character),
        }
    }
    quoted + "\""
}

/// Adds a policy to the configuration of a component; `None` if its `accessControl` is not an object of objects.
pub(crate) fn add(
    configuration: &mut Map<String, Value>,
    component: &str,
    service: &Service,
    operation: &str,
    resource: &str,
) -> Option<()> {
    let written = configuration.keys().find(|it| is_access_control(it)).cloned();
    let key = written.unwrap_or_else(|| ACCESS_CONTROL.to_owned());
    let services = configuration.entry(key).or_insert_with(|| json!({})).as_object_mut()?;
    let used: Vec<_> =
        services.values().filter_map(Value::as_object).flat_map(|it| it.keys().cloned()).collect();
    let id = free_id(component, service, |it| contains(&used, it));
    let policies = services.entry(service.id).or_insert_with(|| json!({})).as_object_mut()?;
    policies.insert(id, policy(operation, resource));
    Some(())
}
