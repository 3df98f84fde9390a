//! Policies as JSON.

use serde_json::{Map, Value, json};

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
pub(crate) fn free_id(component: &str, service: &Service, used: &[String]) -> String {
    let id = |number: u64| format!("{component}:{}:{number}", service.short);
    let is_free = |id: &String| !used.iter().any(|it| it.eq_ignore_ascii_case(id));
    (1..).map(id).find(is_free).expect("a number is free")
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
    let id = free_id(component, service, &used);
    let policies = services.entry(service.id).or_insert_with(|| json!({})).as_object_mut()?;
    policies.insert(id, policy(operation, resource));
    Some(())
}
