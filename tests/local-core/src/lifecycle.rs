//! The lifecycle of one component: a state machine without processes and without a clock.
//!
//! [`Machine::handle`] takes an event, [`Machine::next_output`] returns what to do, and [`Machine::deadline`] returns
//! when to call [`Machine::time_out`]. The rules are those of the Java nucleus; [`Output::Warning`] tells where a device
//! behaves in another way.

mod errors;
mod machine;
#[cfg(test)]
mod tests;

use std::{fmt, time::Duration};

use greengrass_core_ipc::types::LifecycleState;

pub(crate) use self::machine::Machine;
use crate::recipe::{Lifecycle, Step};

/// The state of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    New,
    Installed,
    Starting,
    Running,
    Stopping,
    Errored,
    Broken,
    Finished,
    Uninstalling,
    Uninstalled,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(LifecycleState::from(*self).as_str())
    }
}

impl From<State> for LifecycleState {
    fn from(state: State) -> Self {
        match state {
            State::New => Self::New,
            State::Installed => Self::Installed,
            State::Starting => Self::Starting,
            State::Running => Self::Running,
            State::Stopping => Self::Stopping,
            State::Errored => Self::Errored,
            State::Broken => Self::Broken,
            State::Finished => Self::Finished,
            // The model does not have these.
            State::Uninstalling => Self::from("UNINSTALLING"),
            State::Uninstalled => Self::from("UNINSTALLED"),
        }
    }
}

/// A step of a lifecycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepKind {
    Install,
    Startup,
    Run,
    Shutdown,
    Recover,
    Uninstall,
}

impl StepKind {
    pub(crate) const ALL: [Self; 6] =
        [Self::Install, Self::Startup, Self::Run, Self::Shutdown, Self::Recover, Self::Uninstall];

    /// The step of a lifecycle.
    pub(crate) fn of(self, lifecycle: &Lifecycle) -> Option<&Step> {
        match self {
            Self::Install => lifecycle.install.as_ref(),
            Self::Startup => lifecycle.startup.as_ref(),
            Self::Run => lifecycle.run.as_ref(),
            Self::Shutdown => lifecycle.shutdown.as_ref(),
            Self::Recover => lifecycle.recover.as_ref(),
            Self::Uninstall => lifecycle.uninstall.as_ref(),
        }
    }

    fn default_timeout(self) -> Option<Duration> {
        match self {
            Self::Install | Self::Startup | Self::Uninstall => Some(Duration::from_secs(120)),
            Self::Shutdown => Some(Duration::from_secs(15)),
            Self::Recover => Some(Duration::from_secs(60)),
            Self::Run => None,
        }
    }
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Succeeded,
    Failed,
    /// There was nothing to do.
    Skipped,
}

/// An event for a [`Machine`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// Whether the hard dependencies allow the component to run.
    DependenciesReady(bool),
    /// The script of a step was started.
    Started(StepKind),
    Ended(StepKind, Outcome),
    /// The component has called `UpdateState` with `RUNNING` or `ERRORED`.
    ReportedRunning,
    ReportedErrored,
    /// No process is left after [`Output::Terminate`].
    ProcessesEnded,
    /// Whether a component that is started by hand has a connection.
    Connected(bool),
    Stop,
    Restart,
    /// Stop until [`Machine::replace`] is called.
    Replace,
    /// Stop and uninstall.
    Remove,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// The component has entered a state.
    State(State),
    /// Start a step.
    Start(StepKind),
    /// Ask all processes of the component to end.
    Terminate,
    /// Kill all processes of the component.
    Kill,
    /// A step has not ended within its time limit.
    TimedOut(StepKind, Duration),
    Warning(String),
}

/// What a machine waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Nothing,
    Step(StepKind),
    Processes { are_killed: bool },
}

/// What follows when the component has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Start,
    Finish,
    /// The lifecycle is replaced.
    Replace,
    /// The component is installed again, after it was broken.
    Reinstall,
    Remove,
}
