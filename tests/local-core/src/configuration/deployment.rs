//! The configurations as deployments change them.

use serde_json::Map;

use super::{
    store::{Commit, Configurations},
    tree::{Configuration, DEFAULT_TIME, Update},
};

impl Configurations {
    /// Replaces the configuration of a component, and tells the watchers what has changed. Changes since `planned`, the
    /// configuration that the new one was made from, are kept; `None` is one without values.
    pub(crate) fn replace(
        &self,
        component: &str,
        planned: Option<&Configuration>,
        mut configuration: Configuration,
    ) -> Commit {
        let is_new = self.add(component, None);
        let nothing = Configuration::new(Map::new(), DEFAULT_TIME);
        let changed = self.change(component, |before, _| {
            // What was stored of a new one has not changed.
            if !is_new {
                configuration.repeat_changes(planned.unwrap_or(&nothing), before);
            }
            let changes = configuration.changes_since(before);
            *before = configuration;
            Update { changes, result: Ok(()) }
        });
        changed.expect("the replacement is no update")
    }
}
