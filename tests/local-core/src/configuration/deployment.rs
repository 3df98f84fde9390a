//! The configurations as deployments read and change them.

use serde_json::{Map, Value};

use super::{
    store::Configurations,
    tree::{Configuration, Update},
};

impl Configurations {
    /// The configuration of a component, if it has one.
    pub(crate) fn of(&self, component: &str) -> Option<Configuration> {
        self.lock().get(component).map(|it| it.configuration.clone())
    }

    /// Adds a component with initial values, unless it exists.
    pub(crate) fn add(&self, component: &str, values: Map<String, Value>) {
        self.lock().entry(component.to_owned()).or_insert_with(|| values.into());
    }

    /// Removes the configuration of a component. Its subscribers are not told.
    pub(crate) fn remove(&self, component: &str) {
        self.lock().remove(component);
    }

    /// Replaces the configuration of a component, and tells the subscribers what has changed.
    pub(crate) fn replace(&self, component: &str, configuration: Configuration) {
        self.add(component, Map::new());
        let changed = self.change(component, |before| {
            let changes = configuration.changes_since(before);
            *before = configuration;
            Update { changes, result: Ok(()) }
        });
        changed.expect("the replacement is no update");
    }
}
