//! The configurations as deployments change them.

use super::{
    store::{Commit, Configurations},
    tree::{Configuration, Update},
};

impl Configurations {
    /// Replaces the configuration of a component, and tells the watchers what has changed. Changes since `planned`, the
    /// configuration that the new one was made from, are kept.
    pub(crate) fn replace(
        &self,
        component: &str,
        planned: Option<&Configuration>,
        mut configuration: Configuration,
    ) -> Commit {
        self.add(component, None);
        let changed = self.change(component, |before, _| {
            if let Some(planned) = planned {
                configuration.repeat_changes(planned, before);
            }
            let changes = configuration.changes_since(before);
            *before = configuration;
            Update { changes, result: Ok(()) }
        });
        changed.expect("the replacement is no update")
    }
}
