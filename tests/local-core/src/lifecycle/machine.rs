//! The state machine.

mod stop;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{Input, Next, Outcome, Output, State, StepKind, Wait, errors::Errors};
use crate::recipe::Lifecycle;

/// The time after SIGKILL in which the system must have removed the processes.
const KILL_TIME: Duration = Duration::from_secs(1);
/// The state machine of a component.
#[derive(Debug)]
pub(crate) struct Machine {
    state: State,
    wait: Wait,
    next: Next,
    deadline: Option<Instant>,
    /// The steps that exist, with their time limits.
    steps: Vec<(StepKind, Option<Duration>)>,
    are_dependencies_ready: bool,
    is_by_hand: bool,
    is_installed: bool,
    /// The state of the last error, until the component starts or finishes.
    failed_in: Option<State>,
    errors: Errors,
    outputs: VecDeque<Output>,
}

impl Machine {
    /// Starts the lifecycle of a component, whose dependencies are not ready yet.
    pub(crate) fn new(lifecycle: &Lifecycle, now: Instant) -> Self {
        let mut machine = Self {
            state: State::New,
            wait: Wait::Nothing,
            next: Next::Start,
            deadline: None,
            steps: steps(lifecycle),
            are_dependencies_ready: false,
            is_by_hand: false,
            is_installed: false,
            failed_in: None,
            errors: Errors::default(),
            outputs: VecDeque::new(),
        };
        machine.install(now);
        machine
    }

    /// A component that is started by hand: it is `RUNNING` while it is connected.
    pub(crate) fn by_hand(now: Instant) -> Self {
        let mut machine = Self::new(&Lifecycle::default(), now);
        machine.is_by_hand = true;
        machine
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Whether components that depend on this one may run.
    pub(crate) fn satisfies_dependents(&self) -> bool {
        match self.state {
            State::Running | State::Finished => true,
            State::Stopping => self.failed_in.is_none(),
            _ => false,
        }
    }

    /// Whether the component is broken for good.
    pub(crate) fn is_broken(&self) -> bool {
        self.state == State::Broken
            && matches!(self.next, Next::Start | Next::Finish | Next::Remove)
    }

    /// Whether nothing happens until a new request arrives.
    pub(crate) fn is_at_rest(&self) -> bool {
        let rests = matches!(self.state, State::Finished | State::Broken | State::Uninstalled);
        rests && self.wait == Wait::Nothing
    }

    /// Takes the next output.
    pub(crate) fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The time at which to call [`Self::time_out`].
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Handles an event.
    pub(crate) fn handle(&mut self, input: Input, now: Instant) {
        match input {
            Input::Stop | Input::Restart | Input::Replace if self.next == Next::Remove => {}
            Input::DependenciesReady(are_ready) => {
                self.are_dependencies_ready = are_ready;
                if are_ready {
                    self.start_if_ready(now);
                } else if !self.is_by_hand {
                    self.restart_if_started(now);
                }
            }
            Input::Started(StepKind::Run) if self.wait == Wait::Step(StepKind::Run) => {
                self.set_running();
            }
            Input::Started(_) => {}
            Input::Ended(kind, outcome) if self.wait == Wait::Step(kind) => {
                self.ended(kind, outcome, now);
            }
            Input::Ended(..) => {}
            Input::ReportedRunning => self.reported_running(),
            Input::ReportedErrored => self.reported_errored(now),
            Input::ProcessesEnded => self.processes_ended(now),
            Input::Connected(is_connected) => self.connected(is_connected),
            Input::Stop => self.stop(Next::Finish, now),
            Input::Replace => self.stop(Next::Replace, now),
            Input::Remove => self.stop(Next::Remove, now),
            Input::Restart => self.restart(now),
        }
    }

    /// Handles the end of a time limit, if it is over.
    pub(crate) fn time_out(&mut self, now: Instant) {
        if self.deadline.is_none_or(|it| now < it) {
            return;
        }
        self.deadline = None;
        match self.wait {
            Wait::Nothing => {}
            Wait::Processes { are_killed: false } => {
                self.outputs.push_back(Output::Kill);
                self.wait = Wait::Processes { are_killed: true };
                self.deadline = Some(now + KILL_TIME);
            }
            Wait::Processes { are_killed: true } => {
                self.warn("processes are left, although they were killed");
                self.processes_ended(now);
            }
            Wait::Step(kind) => {
                self.step_timed_out(kind, now);
            }
        }
    }

    fn step_timed_out(&mut self, kind: StepKind, now: Instant) {
        let limit = self.steps.iter().find(|it| it.0 == kind).and_then(|it| it.1);
        self.outputs.push_back(Output::TimedOut(kind, limit.unwrap_or_default()));
        match kind {
            StepKind::Install | StepKind::Startup | StepKind::Run => {
                if kind == StepKind::Install {
                    self.warn(
                        "a device does not end the script, and the next attempt waits for it",
                    );
                }
                self.fail(now);
            }
            StepKind::Recover => self.recovered(now),
            StepKind::Uninstall => self.uninstalled(),
            StepKind::Shutdown if self.state == State::Broken => self.terminate(now),
            StepKind::Shutdown => {
                self.warn("a device leaves the processes of the component running");
                self.fail(now);
            }
        }
    }

    fn ended(&mut self, kind: StepKind, outcome: Outcome, now: Instant) {
        self.wait = Wait::Nothing;
        self.deadline = None;
        match (kind, outcome) {
            (StepKind::Recover, _) => self.recovered(now),
            (StepKind::Uninstall, _) => self.uninstalled(),
            // As on a device, the component stops even if its shutdown fails.
            (StepKind::Shutdown, _) => self.terminate(now),
            (_, Outcome::Failed) => self.fail(now),
            (StepKind::Install, _) => self.installed(now),
            (StepKind::Startup, Outcome::Succeeded) => self.set_running(),
            (StepKind::Startup, Outcome::Skipped) => self.start_run(now),
            (StepKind::Run, Outcome::Succeeded) => {
                self.set_running();
                self.next = Next::Finish;
                self.stop_steps(now);
            }
            (StepKind::Run, Outcome::Skipped) => self.finish_without_run(now),
        }
    }

    fn install(&mut self, now: Instant) {
        if !self.start_step(StepKind::Install, now) {
            self.installed(now);
        }
    }

    fn installed(&mut self, now: Instant) {
        self.is_installed = true;
        self.enter(State::Installed);
        self.start_if_ready(now);
    }

    fn start_if_ready(&mut self, now: Instant) {
        if self.state != State::Installed || self.is_by_hand {
            return;
        }
        if self.next != Next::Start {
            self.finish(now);
        } else if self.are_dependencies_ready {
            self.enter(State::Starting);
            if !self.start_step(StepKind::Startup, now) {
                self.start_run(now);
            }
        }
    }

    fn start_run(&mut self, now: Instant) {
        if !self.start_step(StepKind::Run, now) {
            self.finish_without_run(now);
        }
    }

    /// A component with nothing to run has finished before its shutdown, and again after it.
    fn finish_without_run(&mut self, now: Instant) {
        self.enter(State::Finished);
        self.next = Next::Finish;
        self.stop_steps(now);
    }

    fn set_running(&mut self) {
        if self.state == State::Starting {
            self.enter(State::Running);
        }
    }

    fn reported_running(&mut self) {
        match self.state {
            State::Starting => {
                // The time limit is that of the startup.
                self.deadline = None;
                self.enter(State::Running);
            }
            State::Running => {}
            _ => self.ignore("RUNNING"),
        }
    }

    fn reported_errored(&mut self, now: Instant) {
        match self.state {
            State::Running if self.is_by_hand => {
                self.enter(State::Errored);
                self.warn("a device stops the component now and starts it again");
            }
            State::New | State::Starting | State::Running | State::Stopping => self.fail(now),
            _ => self.ignore("ERRORED"),
        }
    }

    fn ignore(&mut self, report: &str) {
        self.warn(format!("the reported state {report} is ignored in {}", self.state));
    }

    fn connected(&mut self, is_connected: bool) {
        match self.state {
            _ if !self.is_by_hand => {}
            State::Installed if is_connected => self.enter(State::Running),
            State::Running | State::Errored if !is_connected => self.enter(State::Installed),
            _ => {}
        }
    }

    /// An error in the present state.
    fn fail(&mut self, now: Instant) {
        let state = self.state;
        self.failed_in = Some(state);
        if self.errors.add(state, now) {
            self.enter(State::Broken);
            if self.next == Next::Start {
                self.next = Next::Finish;
            }
            self.warn("does not start again, after three errors, until it is reloaded or the core restarts");
            let has_started = matches!(state, State::Starting | State::Running);
            if !has_started || !self.start_step(StepKind::Shutdown, now) {
                self.terminate(now);
            }
            return;
        }
        self.enter(State::Errored);
        if state == State::Stopping {
            self.terminate(now);
        } else if !self.start_step(StepKind::Recover, now) {
            self.recovered(now);
        }
    }

    fn recovered(&mut self, now: Instant) {
        if self.failed_in == Some(State::New) {
            self.terminate(now);
        } else {
            self.stop_steps(now);
        }
    }

    /// Starts a step. Returns whether the component has it.
    fn start_step(&mut self, kind: StepKind, now: Instant) -> bool {
        let Some((_, limit)) = self.steps.iter().find(|(it, _)| *it == kind) else { return false };
        self.deadline = limit.and_then(|it| now.checked_add(it));
        self.wait = Wait::Step(kind);
        self.outputs.push_back(Output::Start(kind));
        true
    }

    fn enter(&mut self, state: State) {
        let left = self.state;
        if !matches!(state, State::Errored | State::Broken) {
            self.errors.clear(left);
        }
        if matches!(state, State::Starting | State::Finished) {
            self.failed_in = None;
        }
        self.state = state;
        self.outputs.push_back(Output::State(state));
    }

    fn warn(&mut self, text: impl Into<String>) {
        self.outputs.push_back(Output::Warning(text.into()));
    }
}

/// The steps that exist, with their time limits.
fn steps(lifecycle: &Lifecycle) -> Vec<(StepKind, Option<Duration>)> {
    let limit = |kind: StepKind| {
        let step = kind.of(lifecycle)?;
        Some((kind, step.timeout.or(kind.default_timeout())))
    };
    StepKind::ALL.into_iter().filter_map(limit).collect()
}
