//! The requests of components about components.

use std::{collections::BTreeSet, sync::Arc};

use greengrass_core_ipc::types::LifecycleState;
use tokio::sync::oneshot;

use super::{Components, Instance, LOG_TARGET, Supervisor, process::Signal};
use crate::lifecycle::{Input, State};

/// A component as `ListComponents` and `GetComponentDetails` show it.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) state: LifecycleState,
}

/// Why a component is not paused or resumed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PauseError {
    Unknown,
    NotRunning,
    NotPaused,
}

impl Supervisor {
    /// A component, if the core has it.
    pub(crate) fn listed(&self, component: &str) -> Option<Listed> {
        self.lock().instances.get(component).map(Instance::listed)
    }

    /// All components, each after its dependencies.
    pub(crate) fn list(&self) -> Vec<Listed> {
        let components = self.lock();
        let (mut visited, mut list) = (BTreeSet::new(), Vec::new());
        components.instances.keys().for_each(|it| components.add(it, &mut visited, &mut list));
        list
    }

    /// Requests a restart of a component. Returns whether the request is taken, or `None` if the core does not have the
    /// component.
    pub(crate) fn restart(self: &Arc<Self>, component: &str) -> Option<bool> {
        self.change(|components| {
            let instance = components.instances.get_mut(component)?;
            if !components.is_stopping {
                instance.restart();
            }
            Some(!components.is_stopping)
        })
    }

    /// Requests the stop of a component. Returns whether the core has it.
    pub(crate) fn stop_one(self: &Arc<Self>, component: &str) -> bool {
        let is_by_hand = self.lock().instances.get(component).map(Instance::is_by_hand);
        if is_by_hand == Some(true) {
            let text = "is started by hand, so its processes go on; a device ends them";
            tracing::warn!(target: LOG_TARGET, "{component}: {text}");
        }
        self.handle(component, Input::Stop)
    }

    /// Pauses or resumes a component. Pausing a paused one has no effect.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not revoke the request.
    pub(crate) async fn set_paused(
        self: &Arc<Self>,
        component: &str,
        is_paused: bool,
    ) -> Result<(), PauseError> {
        let done = match self.lock().instances.get_mut(component) {
            None => return Err(PauseError::Unknown),
            Some(it) if is_paused && it.listed().state != LifecycleState::Running => {
                return Err(PauseError::NotRunning);
            }
            Some(it) if !is_paused && !it.is_paused => return Err(PauseError::NotPaused),
            Some(it) => it.set_paused(is_paused),
        };
        for it in done {
            // An error means that the process has ended.
            let _ = it.await;
        }
        Ok(())
    }
}

impl Components {
    /// Adds a component to a list, after its dependencies.
    fn add<'c>(&'c self, name: &'c str, visited: &mut BTreeSet<&'c str>, list: &mut Vec<Listed>) {
        let Some(instance) = self.instances.get(name) else { return };
        // The dependencies can form a circle while a deployment changes some before others.
        if visited.insert(name) {
            instance.dependencies().for_each(|(it, _)| self.add(it, visited, list));
            list.push(instance.listed());
        }
    }
}

impl Instance {
    fn listed(&self) -> Listed {
        let state = match self.state() {
            // Whether its process runs is not known before it connects.
            State::Installed if !self.has_recipe => State::Running,
            state => state,
        };
        let (name, version) = (self.name().to_owned(), self.version.clone());
        Listed { name, version, state: state.into() }
    }

    /// Stops the processes, or lets them continue. Each of the results is there when a process has its signal.
    pub(super) fn set_paused(&mut self, is_paused: bool) -> Vec<oneshot::Receiver<()>> {
        if self.is_paused == is_paused {
            return Vec::new();
        }
        self.is_paused = is_paused;
        let name = self.name();
        if self.is_by_hand() && is_paused {
            let text = "is started by hand, so its processes go on; a device pauses them";
            tracing::warn!(target: LOG_TARGET, "{name}: {text}");
        } else {
            let text = if is_paused { "paused" } else { "resumed" };
            tracing::info!(target: LOG_TARGET, "{name}: {text}");
        }
        let signal = if is_paused { Signal::Pause } else { Signal::Resume };
        let signals = self.processes.values().map(|it| {
            let (done, is_done) = oneshot::channel();
            // An error means that the task has ended.
            let _ = it.signals.send(signal(done));
            is_done
        });
        signals.collect()
    }

    fn restart(&mut self) {
        // A component that was stopped while it changed has the change still before it.
        let is_replaced = self.replacement.is_some();
        self.handle(if is_replaced { Input::Replace } else { Input::Restart });
        if self.is_by_hand() {
            self.handle(Input::Connected(self.connections > 0));
        }
    }
}
