//! The initial configurations of components: those of their recipes with what the builder was given.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    configuration::{ACCESS_CONTROL, is_access_control, overlay},
    operations::Service,
    policy,
};

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

/// The values to merge, in order, into the configuration of a component whose initial configuration changes.
pub(crate) fn merges(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Vec<Map<String, Value>> {
    let mut changes = changes(before, after);
    let policies = |it: &Map<String, Value>| {
        it.iter().find(|it| is_access_control(it.0)).map(|it| it.1.clone())
    };
    let (old, new) = (policies(before), policies(after));
    if old == new {
        return vec![changes];
    }
    // A merge keeps what it does not name, so the old policies are removed first.
    let removed = Map::from_iter([(ACCESS_CONTROL.to_owned(), Value::Null)]);
    changes.retain(|key, _| !is_access_control(key));
    changes.insert(ACCESS_CONTROL.to_owned(), new.unwrap_or_else(|| Map::new().into()));
    vec![removed, changes]
}

/// The values that are new or different.
fn changes(before: &Map<String, Value>, after: &Map<String, Value>) -> Map<String, Value> {
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
