//! A component of a core: its state machine and its processes.

use std::{
    collections::HashMap,
    io,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::Weak,
    time::Instant,
};

use tokio::{sync::mpsc, task::JoinSet};

use super::{
    LOG_TARGET, NO_VERSION, Supervisor, dependencies_of,
    history::History,
    process::{Event, Signal, attend},
    update::Replacement,
};
use crate::{
    artifacts,
    clock::Clock,
    lifecycle::{self, Input, Machine, Outcome, State, StepKind},
    process::{Output, Process, Script},
    recipe::{Lifecycle, Place, Recipe, SkipIf, Step, Test},
};

/// The variable with the version of a component that is uninstalled.
const VERSION_VARIABLE: &str = "GREENGRASS_COMPONENT_VERSION";

/// A component of a core.
#[derive(Debug)]
pub(super) struct Instance {
    name: String,
    pub(super) dependencies: Dependencies,
    pub(super) machine: Machine,
    /// That of the recipe, or that of all components without one.
    pub(super) version: String,
    pub(super) scripts: Option<Scripts>,
    pub(super) connections: usize,
    pub(super) processes: HashMap<u64, Attended>,
    pub(super) is_paused: bool,
    next_process: u64,
    /// Whether the machine waits for the end of the processes.
    pub(super) is_ending: bool,
    pub(super) is_ready: bool,
    pub(super) has_stopped: bool,
    /// Whether its states are of interest.
    pub(super) has_recipe: bool,
    pub(super) history: History,
    /// The broken component that this one waits for.
    waits_for: Option<String>,
    /// What the component starts with after it has stopped.
    pub(super) replacement: Option<Replacement>,
    pub(super) clock: Clock,
}

/// The names of components, and whether the dependency on each is hard.
pub(super) type Dependencies = Vec<(String, bool)>;

/// The scripts of a component and what they need.
#[derive(Debug)]
pub(crate) struct Scripts {
    /// The file that they come from.
    pub(super) recipe: PathBuf,
    /// Without recipe variables.
    pub(super) lifecycle: Lifecycle,
    pub(super) environment: Vec<(String, String)>,
    pub(super) folder: PathBuf,
    /// The folder of the artifacts.
    pub(super) artifacts: PathBuf,
    pub(super) output: Output,
}

/// A process that has a task.
#[derive(Debug)]
pub(super) struct Attended {
    kind: StepKind,
    pub(super) signals: mpsc::UnboundedSender<Signal>,
}

impl Instance {
    /// A component with a recipe. It is started by hand if it has no scripts.
    pub(super) fn new(recipe: &Recipe, scripts: Option<Scripts>, clock: &Clock) -> Self {
        let machine = match &scripts {
            Some(scripts) => Machine::new(&scripts.lifecycle, clock.instant()),
            None => Machine::by_hand(clock.instant()),
        };
        let version = recipe.version.clone();
        let dependencies = dependencies_of(recipe);
        Self { scripts, version, ..Self::with(&recipe.component, dependencies, machine, clock) }
    }

    /// A component without a recipe.
    pub(super) fn without_recipe(name: &str, clock: &Clock) -> Self {
        let machine = Machine::by_hand(clock.instant());
        Self { has_recipe: false, ..Self::with(name, Vec::new(), machine, clock) }
    }

    fn with(name: &str, dependencies: Dependencies, machine: Machine, clock: &Clock) -> Self {
        Self {
            name: name.to_owned(),
            dependencies,
            machine,
            version: NO_VERSION.to_owned(),
            scripts: None,
            connections: 0,
            processes: HashMap::new(),
            is_paused: false,
            next_process: 0,
            is_ending: false,
            is_ready: false,
            has_stopped: false,
            has_recipe: true,
            history: History::default(),
            waits_for: None,
            replacement: None,
            clock: clock.clone(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn dependencies(&self) -> impl Iterator<Item = (&str, bool)> {
        self.dependencies.iter().map(|(name, is_hard)| (&**name, *is_hard))
    }

    pub(super) fn state(&self) -> State {
        self.machine.state()
    }

    pub(super) fn history(&self) -> &History {
        &self.history
    }

    pub(super) fn satisfies_dependents(&self) -> bool {
        self.machine.satisfies_dependents()
    }

    pub(super) fn is_broken(&self) -> bool {
        self.machine.is_broken()
    }

    pub(super) fn is_at_rest(&self) -> bool {
        self.machine.is_at_rest()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.machine.deadline()
    }

    pub(super) fn handle(&mut self, input: Input) {
        self.machine.handle(input, self.clock.instant());
    }

    pub(super) fn time_out(&mut self) {
        self.machine.time_out(self.clock.instant());
    }

    /// Tells whether the dependencies are ready. Returns whether that has changed.
    pub(super) fn set_ready(&mut self, is_ready: bool) -> bool {
        let has_changed = self.is_ready != is_ready;
        if has_changed {
            self.is_ready = is_ready;
            self.handle(Input::DependenciesReady(is_ready));
        }
        has_changed
    }

    /// Tells which dependency is broken. Logs if the component waits for it.
    pub(super) fn set_broken_dependency(&mut self, broken: Option<&str>) {
        let broken = broken.filter(|_| self.state() == State::Installed && !self.is_by_hand());
        if self.waits_for.as_deref() != broken {
            self.waits_for = broken.map(str::to_owned);
            if let Some(broken) = broken {
                let name = &self.name;
                tracing::warn!(target: LOG_TARGET, "{name} waits for {broken}, which is BROKEN");
            }
        }
    }

    pub(super) fn is_by_hand(&self) -> bool {
        self.scripts.is_none()
    }

    /// Stops the component for good. Returns whether that is new.
    pub(super) fn stop(&mut self) -> bool {
        let is_new = !std::mem::replace(&mut self.has_stopped, true);
        if is_new {
            self.handle(Input::Stop);
        }
        is_new
    }

    pub(super) fn connected(&mut self, is_connected: bool) {
        self.connections = match is_connected {
            true => self.connections + 1,
            false => self.connections.saturating_sub(1),
        };
        self.handle(Input::Connected(self.connections > 0));
    }

    pub(super) fn process_changed(&mut self, process: u64, event: Event) {
        let Some(Attended { kind, .. }) = self.processes.get(&process) else { return };
        let kind = *kind;
        match event {
            Event::Exited(status) => {
                let outcome = self.outcome(kind, status);
                self.handle(Input::Ended(kind, outcome));
            }
            Event::Ended => {
                self.processes.remove(&process);
            }
        }
    }

    fn outcome(&self, kind: StepKind, status: io::Result<ExitStatus>) -> Outcome {
        let end = match status {
            Ok(status) if status.success() => return Outcome::Succeeded,
            // The signal is that of this core.
            _ if self.is_ending => return Outcome::Failed,
            Ok(status) => match (status.code(), status.signal()) {
                (Some(code), _) => self.end_with(kind, code),
                (None, Some(signal)) => format!("was ended by signal {signal}"),
                (None, None) => "failed".to_owned(),
            },
            Err(error) => format!("failed: {error}"),
        };
        let (name, place) = (&self.name, self.place(kind));
        tracing::warn!(target: LOG_TARGET, "{name}: {kind:?}{place} {end}");
        Outcome::Failed
    }

    /// Where the recipe has a step: ` (FILE:LINE:COLUMN)`.
    fn place(&self, kind: StepKind) -> String {
        let place = self.scripts.as_ref().and_then(|it| {
            let position = kind.of(&it.lifecycle)?.position;
            Some(Place { file: it.recipe.clone(), position })
        });
        place.map(|it| format!(" ({it})")).unwrap_or_default()
    }

    /// Describes the end of a script that failed.
    fn end_with(&self, kind: StepKind, code: i32) -> String {
        let reason = self.scripts.as_ref().and_then(|it| {
            let text = kind.of(&it.lifecycle)?.script.as_ref().ok()?;
            artifacts::explain(code, text, &it.folder, &it.artifacts)
        });
        let reason = reason.map(|it| format!(": {it}"));
        format!("exited with status {code}{}", reason.unwrap_or_default())
    }

    /// Performs an output of the machine. Returns whether anything has changed.
    pub(super) fn perform(
        &mut self,
        tasks: &mut JoinSet<()>,
        supervisor: &Weak<Supervisor>,
    ) -> bool {
        while tasks.try_join_next().is_some() {}
        if self.is_ending && self.processes.is_empty() {
            self.is_ending = false;
            self.handle(Input::ProcessesEnded);
            return true;
        }
        let name = &self.name;
        match self.machine.next_output() {
            None => return self.start_replacement(),
            Some(lifecycle::Output::State(state)) => {
                self.history.add(name, state, self.has_recipe);
                // Paused processes would not end.
                self.set_paused(false);
                let has_ended = matches!(state, State::New | State::Installed | State::Finished);
                if has_ended && self.is_ending {
                    // Processes that could not be killed no longer matter.
                    self.is_ending = false;
                    self.processes.clear();
                }
            }
            Some(lifecycle::Output::TimedOut(kind, limit)) => {
                let (place, limit) = (self.place(kind), limit.as_secs_f64());
                let text = format!("has not ended within its Timeout of {limit} s");
                tracing::warn!(target: LOG_TARGET, "{name}: {kind:?}{place} {text}");
            }
            Some(lifecycle::Output::Warning(text)) => {
                tracing::warn!(target: LOG_TARGET, "{name}: {text}");
            }
            Some(lifecycle::Output::Start(kind)) => {
                let input = self.start(kind, tasks, supervisor);
                self.handle(input);
            }
            Some(lifecycle::Output::Terminate) => {
                self.is_ending = true;
                self.signal(|| Signal::Terminate);
            }
            Some(lifecycle::Output::Kill) => self.signal(|| Signal::Kill),
        }
        true
    }

    fn signal(&self, signal: impl Fn() -> Signal) {
        for process in self.processes.values() {
            // An error means that the task has ended.
            let _ = process.signals.send(signal());
        }
    }

    fn start(
        &mut self,
        kind: StepKind,
        tasks: &mut JoinSet<()>,
        supervisor: &Weak<Supervisor>,
    ) -> Input {
        let Some(scripts) = &self.scripts else { return Input::Ended(kind, Outcome::Skipped) };
        let Some(step) = kind.of(&scripts.lifecycle) else {
            return Input::Ended(kind, Outcome::Skipped);
        };
        let version = (kind == StepKind::Uninstall).then_some(&*self.version);
        let process = match scripts.start(&self.name, step, version) {
            Ok(Some(process)) => process,
            Ok(None) => return Input::Ended(kind, Outcome::Skipped),
            Err(error) => {
                let (name, place) = (&self.name, self.place(kind));
                tracing::error!(target: LOG_TARGET, "{name}: {kind:?}{place} failed: {error}");
                return Input::Ended(kind, Outcome::Failed);
            }
        };
        if matches!(kind, StepKind::Install | StepKind::Shutdown | StepKind::Recover) {
            // No state tells that these begin.
            let (name, place) = (&self.name, self.place(kind));
            tracing::info!(target: LOG_TARGET, "{name}: {kind:?}{place} runs");
        }
        let (signals, received) = mpsc::unbounded_channel();
        let id = self.next_process;
        self.next_process += 1;
        self.processes.insert(id, Attended { kind, signals });
        tasks.spawn(attend(process, received, supervisor.clone(), self.name.clone(), kind, id));
        Input::Started(kind)
    }
}

impl Scripts {
    /// Starts the script of a step. Returns `None` if there is nothing to do.
    fn start(
        &self,
        component: &str,
        step: &Step,
        version: Option<&str>,
    ) -> Result<Option<Process>, String> {
        let text = step.script.as_ref()?;
        if let Some(condition) = step.skip_if.as_ref().filter(|it| is_met(it, &self.folder)) {
            let name = &step.name;
            tracing::info!(target: LOG_TARGET, "{component}: {name} is skipped: {condition}");
            return Ok(None);
        }
        if text.trim().is_empty() {
            return Ok(None);
        }
        let mut environment = self.environment.clone();
        environment.extend(version.map(|it| (VERSION_VARIABLE.to_owned(), it.to_owned())));
        environment.extend(step.environment.iter().cloned());
        let (folder, environment) = (&*self.folder, &*environment);
        let script = Script { component, step: &step.name, text, environment, folder };
        Process::start(&script, &self.output).map(Some).map_err(|it| it.to_string())
    }
}

fn is_met(condition: &SkipIf, folder: &Path) -> bool {
    let is_true = match &condition.test {
        Test::OnPath(program) => artifacts::is_on_path(program),
        Test::Exists(path) => folder.join(path).exists(),
    };
    is_true != condition.is_negated
}
