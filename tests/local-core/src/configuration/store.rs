//! The configurations of all components and their subscribers.

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

use super::tree::{
    ACCESS_CONTROL, Change, Configuration, DEFAULT_TIME, Millis, Update, UpdateError, folded,
};

#[derive(Debug, Default)]
pub(crate) struct Configurations(Mutex<HashMap<String, Component>>);

#[derive(Debug)]
pub(super) struct Component {
    pub(super) configuration: Configuration,
    subscribers: Vec<Subscriber>,
}

#[derive(Debug)]
struct Subscriber {
    /// The path of the subscription, folded.
    path: Vec<String>,
    events: EventSender<SubscribeToConfigurationUpdate>,
}

impl Configurations {
    pub(crate) fn new(components: impl Iterator<Item = (String, Map<String, Value>)>) -> Self {
        let components = components.map(|(name, values)| (name, values.into()));
        Self(Mutex::new(components.collect()))
    }

    /// The value at a path. Returns `None` if the path or the component does not exist.
    pub(crate) fn get(&self, component: &str, path: &[String]) -> Option<Map<String, Value>> {
        self.lock().get(component)?.configuration.get(path)
    }

    /// The values that a component has after merges, which are not made.
    pub(crate) fn preview(
        &self,
        component: &str,
        merges: &[Map<String, Value>],
    ) -> Option<Map<String, Value>> {
        let mut configuration = self.lock().get(component)?.configuration.clone();
        for values in merges {
            let now = now();
            configuration.merge(&[], values.clone(), now, now);
        }
        configuration.get(&[])
    }

    /// The `accessControl` of each component that has one.
    pub(crate) fn access_controls(&self) -> Vec<(String, Value)> {
        let path = [ACCESS_CONTROL.to_owned()];
        let components = self.lock();
        let values = components
            .iter()
            .filter_map(|(name, it)| Some((name.clone(), it.configuration.value(&path)?)));
        values.collect()
    }

    /// Merges values for `UpdateConfiguration`, and notifies the subscribers at and above each change.
    pub(crate) fn update(
        &self,
        component: &str,
        path: &[String],
        values: Map<String, Value>,
        time: Millis,
    ) -> Result<(), UpdateError> {
        self.change(component, |it| it.update(path, values, time, now()))
    }

    /// Merges values as a deployment does, including `accessControl`, and notifies the subscribers.
    pub(crate) fn merge(
        &self,
        component: &str,
        values: Map<String, Value>,
    ) -> Result<(), UpdateError> {
        let now = now();
        self.change(component, |it| it.merge(&[], values, now, now))
    }

    pub(super) fn change(
        &self,
        component: &str,
        change: impl FnOnce(&mut Configuration) -> Update,
    ) -> Result<(), UpdateError> {
        let mut components = self.lock();
        let Some(entry) = components.get_mut(component) else {
            return Err(UpdateError::ThroughLeaf);
        };
        let Update { changes, result } = change(&mut entry.configuration);
        entry.subscribers.retain(|it| it.events.is_open());
        for change in changes {
            entry.notify(component, change.path(), |_| true);
            if let Change::Removed { path, leaves } = &change {
                // Subscribers at or above the node were notified of its removal.
                for leaf in leaves {
                    entry.notify(component, leaf, |it| it.path.len() > path.len());
                }
            }
        }
        result
    }

    /// Subscribes to the changes at and below a path. Returns whether the path exists.
    pub(crate) fn subscribe(
        &self,
        component: &str,
        path: &[String],
        events: EventSender<SubscribeToConfigurationUpdate>,
    ) -> bool {
        let mut components = self.lock();
        let Some(entry) = components.get_mut(component) else { return false };
        if !entry.configuration.contains(path) {
            return false;
        }
        entry.subscribers.retain(|it| it.events.is_open());
        let path = path.iter().map(|it| folded(it)).collect();
        entry.subscribers.push(Subscriber { path, events });
        true
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<String, Component>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Map<String, Value>> for Component {
    fn from(values: Map<String, Value>) -> Self {
        let configuration = Configuration::new(values, DEFAULT_TIME);
        Self { configuration, subscribers: Vec::new() }
    }
}

impl Component {
    /// Notifies the subscribers at or above a path that pass a filter.
    fn notify(&self, name: &str, path: &[String], filter: impl Fn(&Subscriber) -> bool) {
        let folded: Vec<_> = path.iter().map(|it| folded(it)).collect();
        let event = ConfigurationUpdateEvent::builder().component_name(name).key_path(path);
        let event = event.build().expect("both members are set");
        let event = ConfigurationUpdateEvents::ConfigurationUpdateEvent(event);
        let subscribers =
            self.subscribers.iter().filter(|it| folded.starts_with(&it.path) && filter(it));
        for subscriber in subscribers {
            // Ignored: an ended subscription is removed at the next update.
            let _ = subscriber.events.send(&event);
        }
    }
}

/// Converts a timestamp of the protocol to milliseconds, which the nucleus compares.
pub(crate) fn millis(timestamp: Timestamp) -> Millis {
    timestamp.as_millis()
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}
