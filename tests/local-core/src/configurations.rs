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

use crate::configuration::{Configuration, Millis, Update, UpdateError, folded};

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
            let folded: Vec<_> = change.path().iter().map(|it| folded(it)).collect();
            let event = ConfigurationUpdateEvent::builder()
                .component_name(component)
                .key_path(change.path())
                .build()
                .expect("both members are set");
            let event = ConfigurationUpdateEvents::ConfigurationUpdateEvent(event);
            for watcher in it.watchers.iter().filter(|it| folded.starts_with(&it.path)) {
                // One that has ended is removed at the next update.
                let _ = watcher.events.send(&event);
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

/// A timestamp of the protocol as the nucleus compares it.
pub(crate) fn millis(timestamp: Timestamp) -> Millis {
    timestamp.as_millis()
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}
