//! The configurations of all components, and who watches them.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use greengrass_core_ipc::{
    operation::subscribe_to_configuration_update::SubscribeToConfigurationUpdate,
    primitives::Timestamp,
    server::EventSender,
    types::{ConfigurationUpdateEvent, ConfigurationUpdateEvents},
};
use serde_json::{Map, Value};

use crate::configuration::{Change, Configuration, Millis, Update, UpdateError, folded};

#[derive(Debug, Default)]
pub(crate) struct Configurations(Mutex<HashMap<String, Component>>);

#[derive(Debug)]
struct Component {
    configuration: Configuration,
    watchers: Vec<Watcher>,
}

#[derive(Debug)]
struct Watcher {
    /// The path being watched, folded.
    path: Vec<String>,
    events: EventSender<SubscribeToConfigurationUpdate>,
}

impl Configurations {
    pub(crate) fn new(components: impl Iterator<Item = (String, Map<String, Value>)>) -> Self {
        let components = components.map(|(name, values)| {
            // Values of a recipe are older than anything that happens later.
            let configuration = Configuration::new(values, 1);
            (name, Component { configuration, watchers: Vec::new() })
        });
        Self(Mutex::new(components.collect()))
    }

    /// What is at a path; `None` if there is nothing, or no such component.
    pub(crate) fn get(&self, component: &str, path: &[String]) -> Option<Map<String, Value>> {
        self.lock().get(component)?.configuration.get(path)
    }

    /// Merges values, and tells the watchers at and above each change.
    pub(crate) fn update(
        &self,
        component: &str,
        path: &[String],
        values: Map<String, Value>,
        time: Millis,
    ) -> Result<(), UpdateError> {
        let mut components = self.lock();
        let Some(it) = components.get_mut(component) else { return Err(UpdateError::ThroughLeaf) };
        let Update { changes, result } = it.configuration.update(path, values, time, now());
        it.watchers.retain(|watcher| watcher.events.is_open());
        for change in changes {
            it.tell(component, change.path(), |_| true);
            if let Change::Removed { path, leaves } = &change {
                // Who watches the node or something above has been told of it as a whole.
                for leaf in leaves {
                    it.tell(component, leaf, |watcher| watcher.path.len() > path.len());
                }
            }
        }
        result
    }

    /// Watches a path; whether there is something.
    pub(crate) fn watch(
        &self,
        component: &str,
        path: &[String],
        events: EventSender<SubscribeToConfigurationUpdate>,
    ) -> bool {
        let mut components = self.lock();
        let Some(it) = components.get_mut(component) else { return false };
        if !it.configuration.contains(path) {
            return false;
        }
        it.watchers.retain(|watcher| watcher.events.is_open());
        it.watchers.push(Watcher { path: path.iter().map(|it| folded(it)).collect(), events });
        true
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Component>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Component {
    /// Tells those who watch at or above a path, and pass a filter, that something changed there.
    fn tell(&self, name: &str, path: &[String], is_told: impl Fn(&Watcher) -> bool) {
        let folded: Vec<_> = path.iter().map(|it| folded(it)).collect();
        let event = ConfigurationUpdateEvent::builder().component_name(name).key_path(path);
        let event = event.build().expect("both members are set");
        let event = ConfigurationUpdateEvents::ConfigurationUpdateEvent(event);
        let watchers =
            self.watchers.iter().filter(|it| folded.starts_with(&it.path) && is_told(it));
        for watcher in watchers {
            // One that has ended is removed at the next update.
            let _ = watcher.events.send(&event);
        }
    }
}

/// A timestamp of the protocol as the nucleus compares it.
pub(crate) fn millis(timestamp: Timestamp) -> Millis {
    timestamp.as_millis()
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}
