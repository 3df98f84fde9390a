//! The form in which configurations are stored: one row for each node that has no default value.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::tree::{Change, Configuration, DEFAULT_TIME, Kind, Millis, Stored as Node, folded};
use crate::state::{self, Entries, Table};

/// The stored nodes by component and path, parents first.
pub(super) type Stored = HashMap<String, BTreeMap<Vec<String>, Node>>;

/// Reads the rows of all components. Those that cannot be read are skipped with a warning.
pub(super) fn read(entries: Entries) -> Stored {
    let mut stored = Stored::new();
    for (key, row) in entries {
        let path = serde_json::from_str::<Vec<String>>(&key).ok().filter(|it| !it.is_empty());
        let node = serde_json::from_slice::<(String, Millis, Option<(Value,)>)>(&row).ok();
        let (Some(mut path), Some((name, time, value))) = (path, node) else {
            tracing::warn!("a stored configuration value is unreadable: {key}");
            continue;
        };
        let component = path.remove(0);
        let node = Node { name, time, value: value.map(|it| it.0) };
        stored.entry(component).or_default().insert(path, node);
    }
    stored
}

/// The rows of what has changed, as it is now.
pub(super) fn of(
    component: &str,
    configuration: &Configuration,
    changes: &[Change],
    is_new: bool,
) -> Vec<state::Change> {
    let paths = changes.iter().flat_map(|change| {
        let descendants = match &change.kind {
            Kind::Removed { descendants: Some(descendants), .. } => &descendants[..],
            _ => &[],
        };
        std::iter::once(&change.path).chain(descendants.iter().map(|(path, _)| path))
    });
    let root = Vec::new();
    let paths = is_new.then_some(&root).into_iter().chain(paths);
    let row = |path: &Vec<String>| {
        // Default values are those of the recipe at the next start.
        let node = configuration.stored(path).filter(|it| it.time != DEFAULT_TIME);
        let row = |it: Node| serde_json::to_vec(&(it.name, it.time, it.value.map(|it| (it,))));
        let value = node.map(|it| row(it).expect("JSON has a JSON form"));
        state::Change { value, ..removed(component, path) }
    };
    paths.map(row).collect()
}

/// The removal of a row.
pub(super) fn removed(component: &str, path: &[String]) -> state::Change {
    let keys = std::iter::once(component).chain(path.iter().map(String::as_str));
    let keys: Vec<_> = keys.map(folded).collect();
    let key = serde_json::to_string(&keys).expect("texts have a JSON form");
    state::Change { table: Table::Configuration, key, value: None }
}
