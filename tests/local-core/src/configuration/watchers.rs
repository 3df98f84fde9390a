//! The watchers of one configuration and the events that they are yet to receive.

use std::{collections::VecDeque, sync::Arc, vec};

use greengrass_core_ipc::{
    operation::subscribe_to_configuration_update::SubscribeToConfigurationUpdate,
    server::{EncodedEvent, EventSender},
    types::{ConfigurationUpdateEvent, ConfigurationUpdateEvents},
};

use super::tree::{Change, Kind, NodeKind, folded};

/// The number of comparisons with a watcher after which others may use the configuration.
const PIECE: usize = 1000;

#[derive(Debug, Default)]
pub(super) struct Watchers {
    open: Vec<Arc<Watcher>>,
    /// The number above which those of ended streams are removed. It grows with the number of open streams, so that the
    /// cost of adding one does not.
    limit: usize,
    /// Changes that are not delivered, each batch with the watchers at that time.
    pending: VecDeque<Batch>,
}

#[derive(Debug)]
struct Watcher {
    /// The name of the component in the spelling of the subscription, which its events repeat.
    component: String,
    /// The path of the subscription, folded.
    path: Vec<String>,
    events: EventSender<SubscribeToConfigurationUpdate>,
}

#[derive(Debug)]
struct Batch {
    changes: vec::IntoIter<Change>,
    watchers: Vec<Arc<Watcher>>,
}

impl Watchers {
    pub(super) fn add(
        &mut self,
        component: &str,
        path: &[String],
        events: EventSender<SubscribeToConfigurationUpdate>,
    ) {
        if self.open.len() >= self.limit {
            self.open.retain(|it| it.events.is_open());
            self.limit = 2 * self.open.len() + 16;
        }
        let path = path.iter().map(|it| folded(it)).collect();
        self.open.push(Arc::new(Watcher { component: component.to_owned(), path, events }));
    }

    /// Whether there are events that are not delivered.
    pub(super) fn is_behind(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Queues the events of changes.
    pub(super) fn notify(&mut self, changes: Vec<Change>) {
        self.open.retain(|it| it.events.is_open());
        if self.open.is_empty() {
            return;
        }
        let watchers = self.open.clone();
        for change in &changes {
            forget(&mut self.open, change);
        }
        self.pending.push_back(Batch { changes: changes.into_iter(), watchers });
    }

    /// Delivers a piece of what is queued. Returns whether there is more.
    pub(super) fn deliver(&mut self) -> bool {
        let mut compared = 0;
        while let Some(batch) = self.pending.front_mut() {
            for change in batch.changes.by_ref() {
                compared += batch.watchers.len() + deliver(&batch.watchers, &change);
                forget(&mut batch.watchers, &change);
                if compared >= PIECE {
                    return true;
                }
            }
            self.pending.pop_front();
        }
        false
    }
}

/// Removes the watchers of nodes that a change has removed. They are not revived when their paths exist again.
fn forget(watchers: &mut Vec<Arc<Watcher>>, change: &Change) {
    if let Kind::Removed { is_replaced, .. } = change.kind {
        let path = folded_path(&change.path);
        let is_kept = |it: &Watcher| !it.path.starts_with(&path) || is_replaced && it.path == path;
        watchers.retain(|it| is_kept(it));
    }
}

/// Sends the events of a change. Returns the number of comparisons of removed leaves.
fn deliver(watchers: &[Arc<Watcher>], change: &Change) -> usize {
    // The number of events at the path of the change and above it. A device repeats them like this.
    let (at, above) = match &change.kind {
        Kind::Touched | Kind::CreatedContainer => return 0,
        Kind::Written | Kind::Removed { descendants: None, .. } => (1, 1),
        Kind::Created { is_null: false } => (1, 2),
        Kind::Created { is_null: true } | Kind::Removed { .. } => (0, 1),
    };
    let path = folded_path(&change.path);
    let events = |it: &Watcher| match path.starts_with(&it.path) {
        true if it.path.len() == path.len() => at,
        true => above,
        false => 0,
    };
    send(watchers, &change.path, events);
    let Kind::Removed { descendants: Some(descendants), .. } = &change.kind else { return 0 };
    // The watchers above receive nothing of the leaves in it.
    let inside: Vec<_> = watchers.iter().filter(|it| it.path.len() > path.len()).cloned().collect();
    if inside.is_empty() {
        return 0;
    }
    for (leaf, _) in descendants.iter().filter(|(_, kind)| *kind == NodeKind::Leaf) {
        let path = folded_path(leaf);
        send(&inside, leaf, |it| usize::from(it.path == path));
    }
    descendants.len() * inside.len()
}

/// Sends an event to each watcher as often as `count` says. It is encoded once for each spelling of the component.
fn send(watchers: &[Arc<Watcher>], path: &[String], count: impl Fn(&Watcher) -> usize) {
    let mut encoded: Option<(&str, EncodedEvent<SubscribeToConfigurationUpdate>)> = None;
    for watcher in watchers {
        for _ in 0..count(watcher) {
            let event = match &encoded {
                Some((component, event)) if *component == watcher.component => event.clone(),
                _ => encode(&watcher.component, path),
            };
            // Ignored: an ended subscription is removed at the next change.
            let _ = watcher.events.send_encoded(event.clone());
            encoded = Some((&watcher.component, event));
        }
    }
}

fn encode(component: &str, path: &[String]) -> EncodedEvent<SubscribeToConfigurationUpdate> {
    let event = ConfigurationUpdateEvent::builder().component_name(component).key_path(path);
    let event = event.build().expect("both members are set");
    let event = ConfigurationUpdateEvents::ConfigurationUpdateEvent(event);
    EncodedEvent::new(&event).expect("texts have a JSON form")
}

fn folded_path(path: &[String]) -> Vec<String> {
    path.iter().map(|it| folded(it)).collect()
}
