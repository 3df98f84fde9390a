//! The configurations of all components.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::UNIX_EPOCH,
};

use greengrass_core_ipc::{
    operation::subscribe_to_configuration_update::SubscribeToConfigurationUpdate,
    server::EventSender, types::error::ServiceError,
};
use serde_json::{Map, Value};
use tokio::{runtime::Handle, task::JoinHandle};

use super::{
    rows,
    tree::{
        ACCESS_CONTROL, Configuration, DEFAULT_TIME, Millis, Stored, Update, UpdateError, folded,
    },
    watchers::Watchers,
};
use crate::{
    clock::Clock,
    state::{State, Table},
};

#[derive(Debug, Default)]
pub(crate) struct Configurations {
    state: Arc<State>,
    clock: Clock,
    /// The components by their names without regard to case.
    components: RwLock<HashMap<String, Arc<Mutex<Component>>>>,
    /// What was stored of components that this core does not have yet.
    stored: Mutex<rows::Stored>,
}

#[derive(Debug)]
struct Component {
    name: String,
    /// `None` until the component writes a value, if its definition has no configuration.
    configuration: Option<Configuration>,
    watchers: Watchers,
}

/// Changes of the configurations on their way to the watchers and to the disk.
pub(crate) type Commit = std::pin::Pin<Box<dyn Future<Output = Result<(), ServiceError>> + Send>>;

impl Configurations {
    /// Creates the configurations of components with initial values, over which the stored values are laid.
    pub(crate) fn new(
        state: Arc<State>,
        clock: Clock,
        components: impl IntoIterator<Item = (String, Option<Map<String, Value>>)>,
    ) -> Self {
        let stored = Mutex::new(rows::read(state.load(Table::Configuration)));
        let configurations = Self { state, clock, components: RwLock::default(), stored };
        for (name, values) in components {
            configurations.add(&name, values);
        }
        configurations
    }

    /// Adds a component, unless it exists. Its stored values are laid over the initial ones. Returns whether it is new.
    pub(crate) fn add(
        &self,
        component: &str,
        values: impl Into<Option<Map<String, Value>>>,
    ) -> bool {
        let name = folded(component);
        let configuration = values.into().map(|it| Configuration::new(it, DEFAULT_TIME));
        let stored = locked(&self.stored).remove(&name).unwrap_or_default();
        let configuration = restored(configuration, stored);
        let component =
            Component { name: component.to_owned(), configuration, watchers: Watchers::default() };
        let mut components = self.components.write().unwrap_or_else(PoisonError::into_inner);
        let place = components.entry(name);
        let is_new = matches!(place, Entry::Vacant(_));
        place.or_insert_with(|| Arc::new(Mutex::new(component)));
        is_new
    }

    /// The value at a path. Returns `None` if the path or the component does not exist.
    pub(crate) fn get(&self, component: &str, path: &[String]) -> Option<Map<String, Value>> {
        locked(&*self.component(component)?).configuration.as_ref()?.get(path)
    }

    /// The values that a component has after merges at a time, which are not made.
    pub(crate) fn preview(
        &self,
        component: &str,
        merges: &[Map<String, Value>],
        time: Millis,
    ) -> Option<Map<String, Value>> {
        let mut configuration = self.of(component)?;
        for values in merges {
            configuration.merge(&[], values.clone(), time, time);
        }
        configuration.get(&[])
    }

    /// The `accessControl` of each component that has one.
    pub(crate) fn access_controls(&self) -> Vec<(String, Value)> {
        let path = [ACCESS_CONTROL.to_owned()];
        let components = self.components.read().unwrap_or_else(PoisonError::into_inner);
        let value = |it: &Arc<Mutex<Component>>| {
            let it = locked(it);
            Some((it.name.clone(), it.configuration.as_ref()?.value(&path)?))
        };
        // In the order of the names, in which faults are reported.
        components.values().filter_map(value).collect::<BTreeMap<_, _>>().into_iter().collect()
    }

    /// Merges values for `UpdateConfiguration`, and notifies the watchers at and above each change.
    pub(crate) fn update(
        &self,
        component: &str,
        path: &[String],
        values: Map<String, Value>,
        time: Millis,
    ) -> Result<Commit, UpdateError> {
        self.change(component, |it, created| {
            let now = created.unwrap_or_else(|| self.now());
            it.update(path, values, created.unwrap_or(time), now)
        })
    }

    /// Merges values as a deployment does, including `accessControl`, and notifies the watchers.
    pub(crate) fn merge(
        &self,
        component: &str,
        values: Map<String, Value>,
        time: Millis,
    ) -> Result<Commit, UpdateError> {
        self.change(component, |it, _| it.merge(&[], values, time, time))
    }

    /// Changes the configuration of a component, which is created if necessary; the second argument is the time
    /// at which it has just been created.
    pub(super) fn change(
        &self,
        component: &str,
        change: impl FnOnce(&mut Configuration, Option<Millis>) -> Update,
    ) -> Result<Commit, UpdateError> {
        let entry = self.component(component).ok_or(UpdateError::NoComponent)?;
        let mut locked_entry = locked(&entry);
        let Component { configuration, watchers, .. } = &mut *locked_entry;
        let created = configuration.is_none().then(|| self.now());
        let configuration = configuration
            .get_or_insert_with(|| Configuration::new(Map::default(), created.unwrap_or_default()));
        let Update { changes, result } = change(configuration, created);
        let rows = self
            .state
            .is_kept()
            .then(|| rows::of(component, configuration, &changes, created.is_some()));
        // Under the lock, so that the state has the order of the changes.
        let commit = self.state.commit(rows.unwrap_or_default());
        let is_behind = watchers.is_behind();
        watchers.notify(changes);
        let has_more = watchers.deliver();
        drop(locked_entry);
        let delivery = has_more.then(|| deliver_later(entry)).flatten();
        // Who writes faster than the watchers receive waits, so that the memory cannot fill with events.
        let delivery = delivery.filter(|_| is_behind);
        result.map(|()| {
            Box::pin(async {
                if let Some(delivery) = delivery {
                    // An error means that the runtime shuts down.
                    let _ = delivery.await;
                }
                commit.await
            }) as Commit
        })
    }

    /// Subscribes to the changes at and below a path. Returns whether the path exists.
    pub(crate) fn subscribe(
        &self,
        component: &str,
        path: &[String],
        events: EventSender<SubscribeToConfigurationUpdate>,
    ) -> bool {
        let Some(entry) = self.component(component) else { return false };
        let mut entry = locked(&entry);
        if path.is_empty() {
            // As on a device, watching creates a configuration.
            entry
                .configuration
                .get_or_insert_with(|| Configuration::new(Map::default(), self.now()));
        } else if !entry.configuration.as_ref().is_some_and(|it| it.contains(path)) {
            return false;
        }
        entry.watchers.add(component, path, events);
        true
    }

    /// Removes a component. Its watchers receive no more events.
    pub(crate) fn remove(&self, component: &str) -> Commit {
        let mut components = self.components.write().unwrap_or_else(PoisonError::into_inner);
        let entry = components.remove(&folded(component));
        let configuration = entry.and_then(|it| locked(&it).configuration.take());
        let paths = configuration.map(|it| it.paths()).unwrap_or_default();
        let rows = paths.iter().map(|it| rows::removed(component, it));
        Box::pin(self.state.commit(rows.collect()))
    }

    /// The configuration of a component, if it has one, or what is stored of a component that this core does not have.
    pub(crate) fn of(&self, component: &str) -> Option<Configuration> {
        match self.component(component) {
            Some(it) => locked(&it).configuration.clone(),
            None => restored(None, locked(&self.stored).get(&folded(component))?.clone()),
        }
    }

    /// The current time.
    pub(crate) fn now(&self) -> Millis {
        let since = self.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
    }

    fn component(&self, name: &str) -> Option<Arc<Mutex<Component>>> {
        let components = self.components.read().unwrap_or_else(PoisonError::into_inner);
        components.get(&folded(name)).cloned()
    }
}

/// A configuration with stored nodes laid over it.
fn restored(
    mut configuration: Option<Configuration>,
    nodes: BTreeMap<Vec<String>, Stored>,
) -> Option<Configuration> {
    for (path, node) in nodes {
        let configuration =
            configuration.get_or_insert_with(|| Configuration::new(Map::default(), DEFAULT_TIME));
        configuration.restore(&path, node);
    }
    configuration
}

/// Delivers the remaining events of a large change in pieces, between which others use the configuration.
fn deliver_later(entry: Arc<Mutex<Component>>) -> Option<JoinHandle<()>> {
    let deliver = move || locked(&entry).watchers.deliver();
    let Ok(runtime) = Handle::try_current() else {
        while deliver() {}
        return None;
    };
    Some(runtime.spawn(async move {
        while deliver() {
            tokio::task::yield_now().await;
        }
    }))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::events;

    #[tokio::test]
    async fn the_events_of_a_large_update_are_sent_in_pieces() {
        let values = Some(Map::new());
        let components = [("a".to_owned(), values)];
        let configurations = Configurations::new(Arc::default(), Clock::default(), components);
        let mut watchers = Vec::new();
        for _ in 0..50 {
            let (sender, events) = events::channel();
            assert!(configurations.subscribe("a", &[], sender));
            watchers.push(events);
        }
        let leaves = (0..1_000).map(|it| (format!("leaf{it}"), json!(it))).collect();
        configurations.update("a", &[], leaves, 5).unwrap().await.unwrap();
        let component = configurations.component("a").unwrap();
        let mut pieces = 0;
        while locked(&component).watchers.is_behind() {
            // Others use the configuration between two pieces.
            assert!(configurations.get("a", &["leaf999".to_owned()]).is_some());
            pieces += 1;
            tokio::task::yield_now().await;
        }
        assert!(pieces > 40, "{pieces}");
    }
}
