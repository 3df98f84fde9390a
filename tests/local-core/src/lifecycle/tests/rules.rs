//! Rules of the machine that no timeline shows.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::{
    lifecycle::{Input, Machine, Outcome, Output, State, StepKind},
    recipe::{Lifecycle, Position, Step},
};

/// A machine with a component that has these steps, and the time.
struct Player {
    machine: Machine,
    now: Instant,
}

impl Player {
    fn new(steps: &[StepKind]) -> Self {
        Self::with_timeout(steps, None)
    }

    fn with_timeout(steps: &[StepKind], timeout: Option<Duration>) -> Self {
        let step = |kind| {
            steps.contains(&kind).then(|| Step {
                name: format!("{kind:?}"),
                script: Ok("true".to_owned()),
                timeout,
                skip_if: None,
                environment: Vec::new(),
                requires_privilege: false,
                position: Position { line: 1, column: 1 },
            })
        };
        let lifecycle = Lifecycle {
            install: step(Install),
            startup: step(Startup),
            run: step(Run),
            shutdown: step(Shutdown),
            recover: step(Recover),
            uninstall: step(Uninstall),
            source: None,
        };
        let now = Instant::now();
        Self { machine: Machine::new(&lifecycle, now), now }
    }

    /// A component that runs.
    fn running(steps: &[StepKind]) -> Self {
        let mut player = Self::new(steps);
        player.handle(Input::DependenciesReady(true));
        player.handle(Input::Started(Run));
        assert_eq!(player.machine.state(), State::Running);
        player.outputs();
        player
    }

    fn handle(&mut self, input: Input) -> String {
        self.machine.handle(input, self.now);
        self.outputs()
    }

    /// Waits until the next time limit.
    fn time_out(&mut self) -> String {
        self.now = self.machine.deadline().unwrap();
        self.machine.time_out(self.now);
        self.outputs()
    }

    fn outputs(&mut self) -> String {
        let outputs = std::iter::from_fn(|| self.machine.next_output());
        let texts = outputs.filter_map(|it| match it {
            Output::State(state) => Some(state.to_string()),
            Output::Start(kind) => Some(format!("{kind:?}")),
            Output::Terminate => Some("terminate".to_owned()),
            Output::Kill => Some("kill".to_owned()),
            Output::TimedOut(..) | Output::Warning(_) => None,
        });
        texts.collect::<Vec<_>>().join(" ")
    }
}

use StepKind::{Install, Recover, Run, Shutdown, Startup, Uninstall};

#[test]
fn a_time_limit_after_the_end_of_the_clock_is_none() {
    let mut player = Player::with_timeout(&[Run], Some(Duration::MAX));
    assert_eq!(player.handle(Input::DependenciesReady(true)), "INSTALLED STARTING Run");
    assert_eq!(player.machine.deadline(), None);
}

#[test]
fn a_stop_ends_the_install_step() {
    let mut player = Player::new(&[Install, Run, Shutdown]);
    assert_eq!(player.outputs(), "Install");
    assert_eq!(player.handle(Input::Stop), "terminate");
    assert_eq!(player.handle(Input::Ended(Install, Outcome::Failed)), "");
    assert_eq!(player.handle(Input::ProcessesEnded), "FINISHED");
    assert_eq!(player.handle(Input::DependenciesReady(true)), "");
}

#[test]
fn a_component_whose_installation_was_interrupted_is_installed_again() {
    let mut player = Player::new(&[Install, Run]);
    player.handle(Input::Stop);
    assert_eq!(player.handle(Input::ProcessesEnded), "FINISHED");
    assert_eq!(player.handle(Input::Restart), "NEW Install");
    player.handle(Input::Replace);
    player.handle(Input::ProcessesEnded);
    assert!(player.machine.is_replaceable());
    let lifecycle = Lifecycle::default();
    player.machine.replace(&lifecycle, false, player.now);
    assert_eq!(player.outputs(), "NEW INSTALLED");
    player.handle(Input::Replace);
    player.machine.replace(&lifecycle, false, player.now);
    assert_eq!(player.outputs(), "INSTALLED");
}

#[test]
fn a_stop_ends_the_wait_for_dependencies() {
    let mut player = Player::new(&[Run, Shutdown]);
    assert_eq!(player.outputs(), "INSTALLED");
    assert_eq!(player.handle(Input::Stop), "FINISHED");
}

#[test]
fn a_stop_does_not_wait_for_the_recover_step() {
    let mut player = Player::running(&[Run, Recover, Shutdown]);
    assert_eq!(player.handle(Input::Ended(Run, Outcome::Failed)), "ERRORED Recover");
    assert_eq!(player.handle(Input::Stop), "STOPPING Shutdown");
    assert_eq!(player.handle(Input::Ended(Shutdown, Outcome::Failed)), "terminate");
    assert_eq!(player.handle(Input::ProcessesEnded), "FINISHED");
}

#[test]
fn a_component_that_starts_restarts_without_its_dependency() {
    let mut player = Player::new(&[Startup]);
    assert_eq!(player.handle(Input::DependenciesReady(true)), "INSTALLED STARTING Startup");
    assert_eq!(player.handle(Input::DependenciesReady(false)), "STOPPING terminate");
    assert_eq!(player.handle(Input::ProcessesEnded), "INSTALLED");
    assert_eq!(player.handle(Input::DependenciesReady(true)), "STARTING Startup");
}

#[test]
fn errors_are_accepted_before_the_start_and_during_the_stop() {
    let mut player = Player::new(&[Install, Run]);
    player.outputs();
    assert_eq!(player.handle(Input::ReportedErrored), "ERRORED terminate");
    assert_eq!(player.handle(Input::ProcessesEnded), "NEW Install");
    let mut player = Player::running(&[Run, Shutdown]);
    assert_eq!(player.handle(Input::Stop), "STOPPING Shutdown");
    assert_eq!(player.handle(Input::ReportedErrored), "ERRORED terminate");
    assert_eq!(player.handle(Input::ReportedErrored), "");
    assert_eq!(player.handle(Input::ProcessesEnded), "FINISHED");
}

#[test]
fn a_report_ends_the_time_limit_of_the_startup() {
    let mut player = Player::new(&[Startup]);
    player.handle(Input::DependenciesReady(true));
    assert_eq!(player.machine.deadline(), Some(player.now + Duration::from_secs(120)));
    assert_eq!(player.handle(Input::ReportedRunning), "RUNNING");
    assert_eq!(player.machine.deadline(), None);
    assert_eq!(player.handle(Input::Ended(Startup, Outcome::Succeeded)), "");
}

#[test]
fn errors_count_within_an_hour() {
    let mut player = Player::running(&[Run]);
    for minutes in [59, 61, 59, 59] {
        assert_eq!(player.handle(Input::ReportedErrored), "ERRORED STOPPING terminate");
        assert_eq!(player.handle(Input::ProcessesEnded), "INSTALLED STARTING Run");
        player.handle(Input::Started(Run));
        player.now += Duration::from_secs(60 * minutes);
    }
    assert_eq!(player.handle(Input::ReportedErrored), "BROKEN terminate");
}

#[test]
fn processes_are_killed_and_then_given_up() {
    let mut player = Player::running(&[Run]);
    let start = player.now;
    assert_eq!(player.handle(Input::Stop), "STOPPING terminate");
    assert_eq!(player.time_out(), "kill");
    assert_eq!(player.now - start, Duration::from_secs(5));
    assert_eq!(player.time_out(), "FINISHED");
    assert_eq!(player.now - start, Duration::from_secs(6));
}

#[test]
fn a_component_by_hand_ignores_restarts() {
    let now = Instant::now();
    let mut player = Player { machine: Machine::by_hand(now), now };
    assert_eq!(player.handle(Input::Connected(true)), "INSTALLED RUNNING");
    assert_eq!(player.handle(Input::DependenciesReady(false)), "");
    assert_eq!(player.handle(Input::Restart), "");
    assert_eq!(player.handle(Input::Stop), "FINISHED");
    assert_eq!(player.handle(Input::Connected(false)), "");
    assert_eq!(player.handle(Input::Restart), "INSTALLED");
    assert_eq!(player.handle(Input::Stop), "FINISHED");
}

fn any_input() -> impl Strategy<Value = Input> {
    let step = prop::sample::select(vec![Install, Startup, Run, Shutdown, Recover]);
    let outcome = prop::sample::select(vec![Outcome::Succeeded, Outcome::Failed, Outcome::Skipped]);
    prop_oneof![
        any::<bool>().prop_map(Input::DependenciesReady),
        step.clone().prop_map(Input::Started),
        (step, outcome).prop_map(|(step, outcome)| Input::Ended(step, outcome)),
        Just(Input::ReportedRunning),
        Just(Input::ReportedErrored),
        Just(Input::ProcessesEnded),
        any::<bool>().prop_map(Input::Connected),
        Just(Input::Restart),
    ]
}

proptest! {
    /// After anything that happened, a stop takes no longer than two time limits of steps and the end of processes
    /// after each.
    #[test]
    fn a_stop_ends_in_time(
        steps in prop::sample::subsequence(vec![Install, Startup, Run, Shutdown, Recover], 0..=5),
        inputs in prop::collection::vec(any_input(), 0..40),
    ) {
        let mut player = Player::new(&steps);
        for input in inputs {
            player.handle(input);
        }
        player.handle(Input::Stop);
        let start = player.now;
        while !player.machine.is_at_rest() {
            player.time_out();
        }
        prop_assert!(player.now - start <= Duration::from_secs(15 + 6 + 6));
    }
}
