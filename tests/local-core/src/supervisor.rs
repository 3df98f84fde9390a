//! The components of a core: drives their lifecycles with processes and timers, in the order of their dependencies.

mod history;
mod instance;
mod process;
mod requests;
mod setup;
mod update;

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use greengrass_core_ipc::types::LifecycleState;
use tokio::{
    sync::{Notify, watch},
    task::{AbortHandle, JoinSet},
};

use self::{history::History, instance::Instance, process::Event, setup::dependencies_of};
pub(crate) use self::{
    requests::{Listed, PauseError},
    setup::{NO_VERSION, Preparation},
    update::Wanted,
};
use crate::{
    clock::Clock,
    lifecycle::{Input, State},
};

/// The target of the log of lifecycles.
pub(crate) const LOG_TARGET: &str = "greengrass_local_core::lifecycle";

/// The components of a core. Dropping it kills all their processes.
#[derive(Debug)]
pub(crate) struct Supervisor {
    components: Mutex<Components>,
    /// Changes with the state of any component.
    changes: watch::Sender<()>,
    /// Wakes the timer when deadlines may have changed.
    timer: Arc<Notify>,
    timer_task: Mutex<Option<AbortHandle>>,
}

#[derive(Debug, Default)]
struct Components {
    instances: BTreeMap<String, Instance>,
    /// One task for each process.
    tasks: JoinSet<()>,
    clock: Clock,
    is_stopping: bool,
    /// The histories of components that were removed.
    removed: BTreeMap<String, History>,
}

impl Supervisor {
    fn new(instances: Vec<Instance>, clock: Clock) -> Arc<Self> {
        let instances = instances.into_iter().map(|it| (it.name().to_owned(), it)).collect();
        let components = Components { instances, clock, ..Components::default() };
        Arc::new(Self {
            components: Mutex::new(components),
            changes: watch::Sender::new(()),
            timer: Arc::default(),
            timer_task: Mutex::default(),
        })
    }

    /// Starts the lifecycles.
    pub(crate) fn start(self: &Arc<Self>) {
        let (timer, clock) = (Arc::clone(&self.timer), self.lock().clock.clone());
        let task = tokio::spawn(time(Arc::downgrade(self), timer, clock));
        *self.timer_task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.abort_handle());
        self.change(|_| {});
    }

    /// The state of a component. Returns `None` if the core does not have it.
    pub(crate) fn state(&self, component: &str) -> Option<State> {
        Some(self.lock().instances.get(component)?.state())
    }

    /// The states of a component so far, or `None` if the core does not have it.
    pub(crate) fn states(&self, component: &str) -> Option<Vec<State>> {
        let components = self.lock();
        let instance = components.instances.get(component).map(Instance::history);
        let history = instance.or_else(|| components.removed.get(component))?;
        Some(history.since(0).collect())
    }

    /// Waits until a component is, or has been since the call, in a state.
    pub(crate) async fn wait_for_state(
        &self,
        component: &str,
        expected: &LifecycleState,
    ) -> io::Result<()> {
        let mut changes = self.changes.subscribe();
        let mut start = None;
        loop {
            if self.has_been(component, expected, &mut start)? {
                return Ok(());
            }
            // This value is a sender, so the channel is open.
            let _ = changes.changed().await;
        }
    }

    /// Whether a component is, or has been since the first call, in a state. `start` is the number of states then.
    fn has_been(
        &self,
        component: &str,
        expected: &LifecycleState,
        start: &mut Option<usize>,
    ) -> io::Result<bool> {
        let components = self.lock();
        let instance = components.instances.get(component);
        // The component may have been removed since the first call.
        let removed = || components.removed.get(component).filter(|_| start.is_some());
        let text = match instance.map(Instance::history).or_else(removed) {
            None => format!("unknown component {component:?}"),
            Some(history) => {
                let start = *start.get_or_insert(history.count());
                let mut states = history.since(start).chain(instance.map(Instance::state));
                if states.any(|it| LifecycleState::from(it) == *expected) {
                    return Ok(true);
                }
                match instance {
                    None => format!("{component} was removed and does not become {expected}"),
                    Some(it) if !it.is_broken() => return Ok(false),
                    Some(_) => format!("{component} is BROKEN and does not become {expected}"),
                }
            }
        };
        Err(io::Error::other(text))
    }

    /// Handles an event of a component, if the core has it. Returns whether it does.
    pub(crate) fn handle(self: &Arc<Self>, component: &str, input: Input) -> bool {
        self.change(|components| match components.instances.get_mut(component) {
            Some(instance) => {
                instance.handle(input);
                true
            }
            None => false,
        })
    }

    /// Counts the connections of a component.
    pub(crate) fn connected(self: &Arc<Self>, component: &str, is_connected: bool) {
        self.change(|components| {
            if let Some(instance) = components.instances.get_mut(component) {
                instance.connected(is_connected);
            }
        });
    }

    /// Stops all components, each after the components that depend on it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not interrupt the stop.
    pub(crate) async fn stop(self: &Arc<Self>) {
        let mut changes = self.changes.subscribe();
        self.change(|components| components.is_stopping = true);
        while !self.lock().instances.values().all(Instance::is_at_rest) {
            // This value is a sender, so the channel is open.
            let _ = changes.changed().await;
        }
        self.abort();
    }

    /// Kills all processes.
    pub(crate) fn abort(&self) {
        self.lock().tasks.abort_all();
        let task = self.timer_task.lock().unwrap_or_else(PoisonError::into_inner).take();
        task.iter().for_each(AbortHandle::abort);
    }

    fn process_changed(self: &Arc<Self>, component: &str, process: u64, event: Event) {
        self.change(|components| {
            if let Some(instance) = components.instances.get_mut(component) {
                instance.process_changed(process, event);
            }
        });
    }

    /// Makes a change, and does everything that follows from it.
    fn change<T>(self: &Arc<Self>, change: impl FnOnce(&mut Components) -> T) -> T {
        let mut components = self.lock();
        let result = change(&mut components);
        while components.step(self) {}
        drop(components);
        self.changes.send_replace(());
        self.timer.notify_one();
        result
    }

    fn lock(&self) -> MutexGuard<'_, Components> {
        self.components.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.abort();
    }
}

impl Components {
    /// Does one thing that is due. Returns whether there was any.
    fn step(&mut self, supervisor: &Arc<Supervisor>) -> bool {
        let names: Vec<String> = self.instances.keys().cloned().collect();
        let weak = Arc::downgrade(supervisor);
        names.iter().any(|name| {
            let Some(instance) = self.instances.get(name) else { return false };
            let (is_ready, must_stop) = (self.is_ready(instance), self.must_stop(instance));
            let broken = self.broken_dependency(instance).map(str::to_owned);
            let Some(instance) = self.instances.get_mut(name) else { return false };
            instance.set_broken_dependency(broken.as_deref());
            instance.set_ready(is_ready)
                || must_stop && instance.stop()
                || instance.perform(&mut self.tasks, &weak)
        }) || self.forget_removed()
    }

    /// The name of a hard dependency that is broken.
    fn broken_dependency<'i>(&self, instance: &'i Instance) -> Option<&'i str> {
        let is_broken = |name: &str| self.instances.get(name).is_some_and(Instance::is_broken);
        instance.dependencies().find(|it| it.1 && is_broken(it.0)).map(|it| it.0)
    }

    /// Whether the hard dependencies of a component allow it to run.
    fn is_ready(&self, instance: &Instance) -> bool {
        instance.dependencies().all(|(name, is_hard)| {
            let dependency = self.instances.get(name);
            !is_hard || dependency.is_none_or(Instance::satisfies_dependents)
        })
    }

    /// Whether all components have stopped that depend on this one, while the core stops.
    fn must_stop(&self, instance: &Instance) -> bool {
        self.is_stopping && {
            let depends = |it: &&Instance| it.dependencies().any(|(it, _)| it == instance.name());
            self.instances.values().filter(depends).all(Instance::is_at_rest)
        }
    }
}

/// Ends the time limits of lifecycles.
async fn time(supervisor: Weak<Supervisor>, wake: Arc<Notify>, clock: Clock) {
    loop {
        let Some(deadline) = supervisor
            .upgrade()
            .map(|it| it.lock().instances.values().filter_map(Instance::deadline).min())
        else {
            return;
        };
        let over = async {
            match deadline {
                Some(deadline) => clock.sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = wake.notified() => {}
            () = over => {
                let Some(supervisor) = supervisor.upgrade() else { return };
                supervisor.change(|components| {
                    components.instances.values_mut().for_each(Instance::time_out);
                });
            }
        }
    }
}
