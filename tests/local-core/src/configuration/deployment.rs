//! The configurations as deployments change them.

use super::{
    store::{Commit, Configurations},
    tree::{Configuration, Update},
};

impl Configurations {
    /// Replaces the configuration of a component, and tells the watchers what has changed.
    pub(crate) fn replace(&self, component: &str, configuration: Configuration) -> Commit {
        self.add(component, None);
        let changed = self.change(component, |before, _| {
            let changes = configuration.changes_since(before);
            *before = configuration;
            Update { changes, result: Ok(()) }
        });
        changed.expect("the replacement is no update")
    }
}
