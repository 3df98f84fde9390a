//! Components that change, come and go.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep_until;

use super::{
    Components, Instance, Supervisor, dependencies_of,
    instance::{Dependencies, Scripts},
};
use crate::{
    lifecycle::{Input, State, StepKind},
    recipe::{Recipe, Step},
};

/// What a component starts with after it has stopped.
#[derive(Debug)]
pub(super) struct Replacement {
    dependencies: Dependencies,
    scripts: Scripts,
    /// Whether the component is installed again.
    reinstalls: bool,
}

/// A component as a deployment wants it. It is started by hand if it has no scripts.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) recipe: Recipe,
    pub(crate) scripts: Option<Scripts>,
}

/// The components that a deployment changes.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    /// Those that are new or different.
    started: Vec<String>,
    removed: Vec<String>,
}

/// How the components of a deployment are.
enum Progress {
    /// Some have not come to rest yet.
    Changing,
    /// All are running or have finished since this number of states, and those to be removed have ended.
    Up(usize),
    Broken(String),
}

/// The time in which components that have started must not fail. A script that fails at once is running before.
const SETTLE_TIME: Duration = Duration::from_secs(2);

impl Supervisor {
    /// Replaces a component with one that is installed again.
    pub(super) fn replace(self: &Arc<Self>, recipe: &Recipe, scripts: Option<Scripts>) {
        self.change(|components| {
            if let Some(instance) = components.instances.get_mut(&recipe.component) {
                instance.replace(recipe, scripts, true);
            }
        });
    }

    /// Adds components that do not exist, changes those that differ, and removes others.
    pub(crate) fn deploy(self: &Arc<Self>, wanted: Vec<Wanted>, removed: Vec<String>) -> Changed {
        self.change(|components| {
            for it in &removed {
                if let Some(instance) = components.instances.get_mut(it) {
                    instance.replacement = None;
                    instance.handle(Input::Remove);
                }
            }
            let started = wanted.into_iter().filter_map(|it| components.deploy(it)).collect();
            Changed { started, removed }
        })
    }

    /// Waits until the components that a deployment has changed run or have finished. The error is the name of one that
    /// is broken.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub(crate) async fn deployed(&self, changed: &Changed) -> Result<(), String> {
        let mut changes = self.changes.subscribe();
        let settle = if changed.started.is_empty() { Duration::ZERO } else { SETTLE_TIME };
        let (mut seen, mut deadline) = (None, tokio::time::Instant::now());
        loop {
            let count = match self.lock().progress(changed) {
                Progress::Broken(component) => return Err(component),
                Progress::Changing => None,
                Progress::Up(count) => Some(count),
            };
            if count != seen {
                (seen, deadline) = (count, tokio::time::Instant::now() + settle);
            }
            tokio::select! {
                // This value is a sender, so the channel is open.
                _ = changes.changed() => {}
                () = sleep_until(deadline), if count.is_some() => return Ok(()),
            }
        }
    }
}

impl Components {
    /// Adds or changes a component. Returns its name if it starts again.
    fn deploy(&mut self, Wanted { recipe, scripts }: Wanted) -> Option<String> {
        let name = &recipe.component;
        if let Some(instance) = self.instances.get_mut(name) {
            return instance.update(&recipe, scripts).then(|| name.clone());
        }
        let mut instance = Instance::new(&recipe, scripts, &self.clock);
        instance.has_stopped = self.is_stopping;
        instance.history = self.removed.remove(name).unwrap_or_default();
        if self.is_stopping {
            instance.handle(Input::Stop);
        }
        self.instances.insert(name.clone(), instance);
        Some(name.clone())
    }

    /// Forgets the components that are uninstalled. Returns whether there was any.
    pub(super) fn forget_removed(&mut self) -> bool {
        let is_removed = |it: &Instance| it.state() == State::Uninstalled;
        let names =
            self.instances.values().filter(|it| is_removed(it)).map(|it| it.name().to_owned());
        let names: Vec<_> = names.collect();
        for it in &names {
            let removed = self.instances.remove(it);
            self.removed.extend(removed.map(|removed| (it.clone(), removed.history)));
        }
        !names.is_empty()
    }

    fn progress(&self, changed: &Changed) -> Progress {
        let mut are_up = !changed.removed.iter().any(|it| self.instances.contains_key(it));
        let mut count = 0;
        for instance in changed.started.iter().filter_map(|it| self.instances.get(it)) {
            if instance.is_broken() {
                return Progress::Broken(instance.name().to_owned());
            }
            are_up &= instance.is_up();
            count += instance.history().count();
        }
        if are_up { Progress::Up(count) } else { Progress::Changing }
    }
}

impl Instance {
    /// Whether the component runs, or has finished. Whether one that is started by hand runs is not known.
    fn is_up(&self) -> bool {
        let runs = self.state() == State::Running || self.is_by_hand();
        // One that was stopped starts with its replacement on a request.
        self.is_at_rest() || runs && self.replacement.is_none()
    }

    /// Changes the component as far as it differs from what runs, or will run when it has stopped. Returns whether it
    /// starts again.
    fn update(&mut self, recipe: &Recipe, scripts: Option<Scripts>) -> bool {
        let before = self.replacement.as_ref().map(|it| &it.scripts).or(self.scripts.as_ref());
        let (Some(before), Some(after)) = (before, &scripts) else {
            self.replace(recipe, scripts, true);
            return self.replacement.is_some();
        };
        let differs = |kind| step(before, kind) != step(after, kind);
        let reinstalls = self.state() == State::Broken
            || self.machine.is_removed()
            || self.version != recipe.version
            || differs(StepKind::Install);
        let others = StepKind::ALL.into_iter().filter(|it| *it != StepKind::Install);
        let starts = reinstalls || others.into_iter().any(differs);
        if starts {
            self.replace(recipe, scripts, reinstalls);
        } else {
            let replaced = self.replacement.as_mut().map(|it| &mut it.dependencies);
            *replaced.unwrap_or(&mut self.dependencies) = dependencies_of(recipe);
        }
        starts && self.replacement.is_some()
    }

    /// Stops the component, and starts it again with other scripts.
    fn replace(&mut self, recipe: &Recipe, scripts: Option<Scripts>, reinstalls: bool) {
        let dependencies = dependencies_of(recipe);
        self.version.clone_from(&recipe.version);
        self.has_recipe |= recipe.source.document.is_some();
        match scripts {
            None => self.dependencies = dependencies,
            Some(_) if self.has_stopped => {}
            Some(scripts) => {
                let reinstalls =
                    reinstalls || self.replacement.as_ref().is_some_and(|it| it.reinstalls);
                self.replacement = Some(Replacement { dependencies, scripts, reinstalls });
                self.handle(Input::Replace);
            }
        }
    }

    /// Starts with the replacement if the component has stopped. Returns whether it has started.
    pub(super) fn start_replacement(&mut self) -> bool {
        if !self.machine.is_replaceable() || self.has_stopped {
            return false;
        }
        let Some(replacement) = self.replacement.take() else { return false };
        let Replacement { dependencies, scripts, reinstalls } = replacement;
        self.machine.replace(&scripts.lifecycle, reinstalls, self.clock.instant());
        self.dependencies = dependencies;
        self.scripts = Some(scripts);
        self.is_ready = false;
        // What is left, such as a daemon of the install step, is killed.
        self.is_ending = false;
        self.processes.clear();
        true
    }
}

/// What makes up a step of a component.
fn step(scripts: &Scripts, kind: StepKind) -> Option<impl PartialEq + use<'_>> {
    let Step { script, timeout, skip_if, environment, .. } = kind.of(&scripts.lifecycle)?;
    Some((script, timeout, skip_if, environment))
}
