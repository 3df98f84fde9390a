//! The initial configurations of components: those of their recipes with what the builder was given.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{configuration::overlay, operations::Service, policy};

/// What the builder was given for configurations.
#[derive(Debug, Default)]
pub(crate) struct Initial {
    pub(crate) configurations: BTreeMap<String, Map<String, Value>>,
    /// The values of [`Builder::set`](crate::Builder::set), by component.
    pub(crate) settings: Vec<(String, Map<String, Value>)>,
    pub(crate) allowed: Vec<Allowed>,
}

/// A permission from [`Builder::allow`](crate::Builder::allow).
#[derive(Debug)]
pub(crate) struct Allowed {
    pub(crate) component: String,
    pub(crate) service: &'static Service,
    pub(crate) operation: String,
    pub(crate) resource: String,
}

impl Initial {
    /// The initial configuration of a component, whose recipe has these default values.
    ///
    /// # Errors
    ///
    /// If a policy cannot be added.
    pub(crate) fn configuration(
        &self,
        component: &str,
        mut values: Map<String, Value>,
    ) -> Result<Map<String, Value>, String> {
        let settings = self.settings.iter().filter(|it| it.0 == component).map(|it| &it.1);
        for layer in self.configurations.get(component).into_iter().chain(settings) {
            overlay(&mut values, layer.clone());
        }
        for it in self.allowed.iter().filter(|it| it.component == component) {
            policy::add(&mut values, component, it.service, &it.operation, &it.resource).ok_or_else(
                || {
                    format!(
                        "cannot add a policy to the accessControl of {component}: it is not an object"
                    )
                },
            )?;
        }
        Ok(values)
    }
}

/// The values that are new or different.
pub(crate) fn changes(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Map<String, Value> {
    let changed = after.iter().filter_map(|(key, value)| {
        let value = match (before.get(key), value) {
            (Some(before), after) if before == after => return None,
            (Some(Value::Object(before)), Value::Object(after)) => changes(before, after).into(),
            _ => value.clone(),
        };
        Some((key.clone(), value))
    });
    changed.collect()
}
