//! Reading of the `accessControl` of one component, with the rules of the Java nucleus.

use serde_json::{Map, Value};

use super::{
    Policy, device,
    fault::{Fault, Severity},
    pattern::Pattern,
};
use crate::{
    operations::{self, Service},
    recipe::closest_end,
};

/// The `accessControl` of one component.
#[derive(Debug, Default)]
pub(crate) struct AccessControl {
    /// The valid policies.
    pub(crate) policies: Vec<Policy>,
    /// The ids of all policies, also of invalid ones.
    pub(crate) ids: Vec<String>,
    /// The services whose policies are ignored for all components.
    pub(crate) refused: Vec<&'static Service>,
    pub(crate) faults: Vec<Fault>,
}

impl AccessControl {
    /// Reads policies and reports the faults of those that are ignored.
    pub(crate) fn parse(component: &str, value: &Value) -> Self {
        let mut reader = Reader { component, read: Self::default() };
        let parsed = match value {
            Value::String(text) => serde_json::from_str(text).ok(),
            value => Some(value.clone()),
        };
        let Some(Value::Object(services)) = parsed else {
            reader.unreadable(&[], "must be an object, or a string that contains one as JSON");
            return reader.read;
        };
        let blocks: Vec<_> = services.iter().filter_map(|it| reader.shape(it)).collect();
        let is_unreadable = |it: &Fault| it.severity == Severity::NoPermissions;
        if !reader.read.faults.iter().any(is_unreadable) {
            for (service, policies) in blocks {
                reader.service(service, policies);
            }
        }
        let warnings = device::warnings(component, &reader.read.policies);
        reader.read.faults.extend(warnings);
        reader.read
    }
}

/// The properties of a policy.
struct Shape<'v> {
    id: &'v str,
    operations: Vec<String>,
    /// `None` is null.
    resources: Vec<Option<String>>,
}

struct Reader<'a> {
    component: &'a str,
    read: AccessControl,
}

impl Reader<'_> {
    fn fault(&mut self, severity: Severity, path: &[&str], text: impl Into<String>) {
        let path = path.iter().map(|it| (*it).to_owned()).collect();
        let component = self.component.to_owned();
        self.read.faults.push(Fault { component, path, severity, text: text.into(), place: None });
    }

    /// Reports a fault with which the nucleus reads none of the component's policies.
    fn unreadable(&mut self, path: &[&str], text: &str) {
        let text = format!("{text}; until then, {} has no permissions", self.component);
        self.fault(Severity::NoPermissions, path, text);
    }

    /// Reports a value of the wrong type.
    fn wrong_type(&mut self, path: &[&str], value: &Value, expected: &str) {
        let device = " (on a device, this null removes the permissions of all components)";
        let device = if value.is_null() && path.len() != 3 { device } else { "" };
        self.unreadable(path, &format!("must be {expected}, not {}{device}", type_of(value)));
    }

    /// The policies of one service.
    fn shape<'v>(
        &mut self,
        (service, policies): (&'v String, &'v Value),
    ) -> Option<(&'v str, Vec<Shape<'v>>)> {
        let Value::Object(policies) = policies else {
            self.wrong_type(&[service], policies, "an object with a policy under each policy id");
            return None;
        };
        self.read.ids.extend(policies.keys().cloned());
        let shapes = policies.iter().map(|(id, policy)| match policy {
            Value::Object(properties) => self.properties(service, id, properties),
            _ => {
                let expected = "an object with operations and resources";
                self.wrong_type(&[service, id], policy, expected);
                Shape { id, operations: Vec::new(), resources: Vec::new() }
            }
        });
        let shapes = shapes.collect();
        Some((service, shapes))
    }

    fn properties<'v>(
        &mut self,
        service: &str,
        id: &'v str,
        properties: &Map<String, Value>,
    ) -> Shape<'v> {
        let mut shape = Shape { id, operations: Vec::new(), resources: Vec::new() };
        for (name, value) in properties {
            let path = [service, id, name];
            match (&*name.to_ascii_lowercase(), value) {
                ("policydescription", Value::Null | Value::Array(_) | Value::Object(_)) => {
                    self.wrong_type(&path, value, "a string");
                }
                ("policydescription", _) => {}
                ("operations", Value::Array(items)) => {
                    let texts = self.texts(&path, items, false).into_iter();
                    shape.operations = texts.flatten().collect();
                }
                ("resources", Value::Array(items)) => {
                    shape.resources = self.texts(&path, items, true);
                }
                ("operations" | "resources", value) => {
                    self.wrong_type(&path, value, "a list of strings");
                }
                _ => self.unreadable(
                    &path,
                    "is not a property of a policy: these are policyDescription, operations and resources",
                ),
            }
        }
        shape
    }

    /// The items of a list. Numbers and Booleans are converted to strings.
    fn texts(
        &mut self,
        path: &[&str; 3],
        items: &[Value],
        takes_null: bool,
    ) -> Vec<Option<String>> {
        let mut texts = Vec::new();
        for (index, item) in items.iter().enumerate() {
            texts.push(match item {
                Value::String(text) => Some(text.clone()),
                Value::Number(_) | Value::Bool(_) => Some(item.to_string()),
                Value::Null if takes_null => None,
                _ => {
                    let index = index.to_string();
                    self.wrong_type(&[path[0], path[1], path[2], &index], item, "a string");
                    None
                }
            });
        }
        texts
    }

    fn service(&mut self, id: &str, policies: Vec<Shape<'_>>) {
        let Some(service) = operations::service_of(id) else {
            let known = operations::SERVICES.iter().map(|it| it.id);
            let advice = match closest_end(id, '.', known) {
                Some(known) if known.eq_ignore_ascii_case(id) => {
                    format!("{known} is, and case is significant")
                }
                Some(known) => format!("did you mean {known}?"),
                None => "there is no such service".to_owned(),
            };
            let text =
                format!("is not a service identifier, so its policies are ignored: {advice}");
            return self.fault(Severity::Ignored, &[id], text);
        };
        if policies.iter().any(|it| it.id.is_empty()) {
            let text = "a policy id is empty: no component gets permissions for this service";
            self.fault(Severity::ServiceRefused, &[id, ""], text);
            self.read.refused.push(service);
        }
        for policy in policies {
            self.policy(service, policy);
        }
    }

    fn policy(&mut self, service: &'static Service, shape: Shape<'_>) {
        let Shape { id, operations, resources } = shape;
        if operations.is_empty() {
            let text = "has no operations: the policy is ignored";
            return self.fault(Severity::Ignored, &[service.id, id, "operations"], text);
        }
        if resources.is_empty() {
            let text = "has no resources: the policy allows nothing; [\"*\"] matches any resource";
            self.fault(Severity::Ignored, &[service.id, id, "resources"], text);
        }
        let mut policy = Policy::new(id, service);
        for (index, operation) in operations.into_iter().enumerate() {
            if operation == "*" || service.operations().any(|it| it.id == operation) {
                policy.operations.push(operation);
                continue;
            }
            let path = [service.id, id, "operations", &index.to_string()];
            self.fault(Severity::Ignored, &path, unknown_operation(service, &operation));
        }
        for (index, resource) in resources.into_iter().enumerate() {
            let text = resource.unwrap_or_default();
            match Pattern::parse(&text, service.has_mqtt_wildcards) {
                Ok(pattern) => policy.resources.push(pattern.at(index)),
                Err(error) => {
                    let path = [service.id, id, "resources", &index.to_string()];
                    self.fault(Severity::Ignored, &path, format!("{text:?} is ignored: {error}"));
                }
            }
        }
        self.read.policies.push(policy);
    }
}

fn unknown_operation(service: &Service, operation: &str) -> String {
    let full = format!("aws.greengrass#{}", operation.rsplit('#').next().unwrap_or(operation));
    let known = operations::OPERATIONS.iter().map(|it| it.id);
    let advice = match operations::OPERATIONS.iter().find(|it| it.id == operation) {
        Some(other) => format!("it belongs to {}", other.service.id),
        None if operation.contains('*') => "only * alone matches all operations".to_owned(),
        None if operations::UNPROTECTED.contains(&&*full) => "it requires no permission".to_owned(),
        None => match closest_end(&full, '#', known) {
            Some(known) => format!("did you mean {known}?"),
            None => "there is no such operation".to_owned(),
        },
    };
    format!("{operation:?} is not an operation of {} and is ignored; {advice}", service.id)
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a Boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
