//! How a component stops, and what follows.

use std::time::{Duration, Instant};

use super::{Errors, Machine, Next, Output, State, StepKind, Wait, steps};
use crate::recipe::Lifecycle;

/// The time between SIGTERM and SIGKILL.
const TERMINATE_TIME: Duration = Duration::from_secs(5);

impl Machine {
    /// Starts the lifecycle that replaces the present one, when [`Self::is_replaceable`] is true.
    pub(crate) fn replace(&mut self, lifecycle: &Lifecycle, reinstalls: bool, now: Instant) {
        self.steps = steps(lifecycle);
        self.errors = Errors::default();
        self.failed_in = None;
        self.is_by_hand = false;
        if self.state == State::Broken {
            self.next = Next::Reinstall;
            if !self.start_step(StepKind::Shutdown, now) {
                self.terminate(now);
            }
        } else if reinstalls || !self.is_installed {
            self.reinstall(now);
        } else {
            self.next = Next::Start;
            self.installed(now);
        }
    }

    /// Whether the component has stopped after [`Input::Replace`], or is uninstalled.
    pub(crate) fn is_replaceable(&self) -> bool {
        let has_stopped = self.next == Next::Replace || self.state == State::Uninstalled;
        has_stopped && self.wait == Wait::Nothing
    }

    /// Whether the component is or will be uninstalled.
    pub(crate) fn is_removed(&self) -> bool {
        self.next == Next::Remove
    }

    pub(super) fn stop(&mut self, next: Next, now: Instant) {
        self.next = next;
        match self.state {
            State::New if matches!(self.wait, Wait::Step(_)) => self.terminate(now),
            State::Running | State::Errored if self.is_by_hand => self.finish(now),
            State::Starting | State::Running => self.stop_steps(now),
            State::Errored if self.wait == Wait::Step(StepKind::Recover) => self.recovered(now),
            _ if self.wait == Wait::Nothing => self.finish(now),
            _ => {}
        }
    }

    /// The component has stopped, and does not start again by itself.
    pub(super) fn finish(&mut self, now: Instant) {
        match self.next {
            Next::Replace => {}
            _ if matches!(self.state, State::Finished | State::Broken) => {}
            _ => self.enter(State::Finished),
        }
        if self.next == Next::Remove {
            self.enter(State::Uninstalling);
            if !self.start_step(StepKind::Uninstall, now) {
                self.uninstalled();
            }
        }
    }

    pub(super) fn uninstalled(&mut self) {
        self.wait = Wait::Nothing;
        self.is_installed = false;
        self.enter(State::Uninstalled);
    }

    pub(super) fn reinstall(&mut self, now: Instant) {
        self.next = Next::Start;
        self.is_installed = false;
        self.enter(State::New);
        self.install(now);
    }

    pub(super) fn restart(&mut self, now: Instant) {
        match self.state {
            // As on a device. A new machine is the remedy.
            State::Broken if self.wait == Wait::Nothing => {
                self.warn("stays BROKEN, as on a device");
                self.next = Next::Finish;
                if !self.start_step(StepKind::Shutdown, now) {
                    self.terminate(now);
                }
            }
            State::Broken if self.next == Next::Reinstall => {}
            State::Broken => self.next = Next::Start,
            _ if self.is_by_hand && self.state != State::Finished => {
                self.warn("is started by hand, so it is not restarted");
            }
            State::Finished if !self.is_installed => self.reinstall(now),
            State::Finished => {
                self.next = Next::Start;
                self.installed(now);
            }
            _ => {
                self.next = Next::Start;
                self.restart_if_started(now);
            }
        }
    }

    pub(super) fn restart_if_started(&mut self, now: Instant) {
        if let State::Starting | State::Running = self.state {
            self.next = Next::Start;
            self.stop_steps(now);
        }
    }

    pub(super) fn stop_steps(&mut self, now: Instant) {
        self.enter(State::Stopping);
        if !self.start_step(StepKind::Shutdown, now) {
            self.terminate(now);
        }
    }

    pub(super) fn terminate(&mut self, now: Instant) {
        self.outputs.push_back(Output::Terminate);
        self.wait = Wait::Processes { are_killed: false };
        self.deadline = Some(now + TERMINATE_TIME);
    }

    pub(super) fn processes_ended(&mut self, now: Instant) {
        let Wait::Processes { .. } = self.wait else { return };
        self.wait = Wait::Nothing;
        self.deadline = None;
        match (self.state, self.next) {
            (State::Broken, Next::Reinstall) => self.reinstall(now),
            (_, Next::Finish | Next::Replace | Next::Remove) => self.finish(now),
            (State::New, Next::Start) => self.install(now),
            (State::Errored, Next::Start) if self.failed_in == Some(State::New) => {
                self.enter(State::New);
                self.install(now);
            }
            (State::Errored, Next::Start) => {
                self.enter(State::Finished);
                self.installed(now);
            }
            (State::Stopping, Next::Start) => self.installed(now),
            (State::Broken, Next::Start) => self.restart(now),
            _ => {}
        }
    }
}
