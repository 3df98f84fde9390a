//! The machine against timelines that were recorded on a Java nucleus, with simulated scripts in virtual time.
//!
//! A timeline has the states of components and the lines of their scripts. The order of each is compared; the times
//! are compared but for the seconds that a device takes to notice the end of a process.

mod rules;
mod scripts;
mod world;

use serde_json::Value;

use self::world::World;
use super::Input;

/// A state or a line of a script with its time in seconds.
type Entry = (f64, String);

const TIMELINES: &str = include_str!("../../tests/data/scenarios/timelines.json");

/// The time within which a device does what it does at once.
const AT_ONCE: f64 = 0.35;

struct Case<'a> {
    id: &'a str,
    /// Pairs of a component and one that it depends on.
    dependencies: &'static [(&'static str, &'static str)],
    inputs: &'a [(f64, &'a str, Input)],
    /// The recorded entries after this time are ignored.
    end: f64,
    /// What is expected of components that differ from a device.
    instead: &'a [(&'a str, &'a [(f64, &'a str)])],
    /// Whether the order of states in the recording depends on the threads of the device.
    is_racy: bool,
}

const PLAIN: Case<'static> =
    Case { id: "", dependencies: &[], inputs: &[], end: 20.0, instead: &[], is_racy: false };

#[track_caller]
fn check(case: &Case<'_>) {
    let timelines: Vec<Value> = serde_json::from_str(TIMELINES).unwrap();
    let timeline = timelines.iter().find(|it| it["id"] == case.id).expect(case.id);
    let mut world = World::new(&timeline["components"], case.dependencies);
    let mut inputs = case.inputs.to_vec();
    inputs.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (time, component, input) in inputs {
        world.run_until(time);
        world.handle(component, input);
    }
    world.run_until(case.end);
    for component in timeline["components"].as_object().unwrap().keys() {
        let name = component.strip_prefix("com.example.").unwrap();
        let recorded = match case.instead.iter().find(|(it, _)| *it == name) {
            Some((_, entries)) => entries.iter().map(|(at, it)| (*at, (*it).to_owned())).collect(),
            None => recorded(&timeline["timeline"], component, case.end),
        };
        compare(component, &recorded, &world.entries_of(component), case.is_racy);
    }
}

fn recorded(timeline: &Value, component: &str, end: f64) -> Vec<Entry> {
    let entries = timeline.as_array().unwrap().iter().filter(|it| it[1] == component);
    let entries = entries.map(|it| (it[0].as_f64().unwrap(), it[2].as_str().unwrap().to_owned()));
    entries.filter(|it| it.0 <= end).collect()
}

#[track_caller]
fn compare(component: &str, recorded: &[Entry], ours: &[Entry], is_racy: bool) {
    let context = format!("{component}\n recorded {recorded:?}\n here     {ours:?}");
    let of = |entries: &[Entry], is_state: bool| {
        let entries = entries.iter().filter(|it| it.1.starts_with("-> ") == is_state);
        let mut entries: Vec<_> = entries.map(|it| it.1.clone()).collect();
        if is_racy {
            entries.sort();
        }
        entries
    };
    assert_eq!(of(recorded, true), of(ours, true), "{context}");
    assert_eq!(of(recorded, false), of(ours, false), "{context}");
    // The entries of one moment come from a log and from files, so their order has no meaning.
    let mut rest = ours;
    let mut ends: Option<(f64, f64)> = None;
    for moment in recorded.chunk_by(|a, b| b.0 - a.0 < 0.15) {
        let (here, after) = rest.split_at(moment.len());
        let sorted = |entries: &[Entry]| {
            let mut texts: Vec<_> = entries.iter().map(|it| it.1.clone()).collect();
            texts.sort();
            texts
        };
        assert_eq!(sorted(moment), sorted(here), "{context}");
        if let Some((end, our_end)) = ends {
            let (gap, our_gap) = (moment[0].0 - end, here[0].0 - our_end);
            let has_waited = (-AT_ONCE..2.2).contains(&(gap - our_gap));
            let follows_sigterm =
                ours[..ours.len() - rest.len()].last().unwrap().1.contains("TERM");
            // Actions have absolute times.
            let is_same =
                [gap - our_gap, moment[0].0 - here[0].0].iter().any(|it| it.abs() < AT_ONCE);
            assert!(is_same || follows_sigterm && has_waited, "{gap} {our_gap} {context}");
        }
        ends = Some((moment.last().unwrap().0, here.last().unwrap().0));
        rest = after;
    }
}

#[test]
fn errors_reported_while_running_restart_and_finally_break() {
    check(&Case {
        id: "lifecycle-state-errored-running",
        inputs: &[
            (0.1, "com.example.X", Input::ReportedErrored),
            (4.1, "com.example.X", Input::ReportedErrored),
            (8.0, "com.example.X", Input::ReportedErrored),
            (12.2, "com.example.X", Input::ReportedRunning),
            (12.5, "com.example.X", Input::Restart),
        ],
        ..PLAIN
    });
}

#[test]
fn an_error_reported_while_starting_restarts() {
    check(&Case {
        id: "lifecycle-state-errored-starting",
        inputs: &[(0.4, "com.example.X", Input::ReportedErrored)],
        ..PLAIN
    });
}

#[test]
fn a_report_after_an_error_is_ignored() {
    check(&Case {
        id: "lifecycle-state-after-error-running",
        inputs: &[
            (0.2, "com.example.X", Input::ReportedErrored),
            (0.2, "com.example.X", Input::ReportedRunning),
        ],
        ..PLAIN
    });
}

#[test]
fn a_finished_component_starts_again_on_request() {
    check(&Case {
        id: "lifecycle-restart-finished",
        inputs: &[(0.4, "com.example.X", Input::Restart)],
        ..PLAIN
    });
}

#[test]
fn a_broken_component_stays_broken() {
    check(&Case {
        id: "lifecycle-restart-broken",
        inputs: &[(0.4, "com.example.X", Input::Restart)],
        ..PLAIN
    });
}

const ON_X: &[(&str, &str)] = &[("com.example.Hard", "com.example.X")];

#[test]
fn components_restart_with_their_hard_dependency() {
    check(&Case {
        id: "lifecycle-restart-dependents",
        dependencies: ON_X,
        inputs: &[(0.5, "com.example.X", Input::Restart)],
        ..PLAIN
    });
}

#[test]
fn components_continue_when_their_dependency_stops() {
    check(&Case {
        id: "lifecycle-stop",
        dependencies: ON_X,
        inputs: &[
            (0.3, "com.example.X", Input::Stop),
            (3.5, "com.example.X", Input::Stop),
            (5.2, "com.example.X", Input::Restart),
        ],
        ..PLAIN
    });
}

#[test]
fn components_restart_when_their_dependency_fails() {
    check(&Case { id: "lifecycle-errored-dependency", dependencies: ON_X, ..PLAIN });
}

#[test]
fn a_stop_runs_the_shutdown_before_processes_end() {
    check(&Case {
        id: "lifecycle-nucleus-stop",
        dependencies: &[("com.example.U3", "com.example.U2"), ("com.example.U2", "com.example.U1")],
        inputs: &[
            (0.4, "com.example.U3", Input::Stop),
            (0.6, "com.example.U2", Input::Stop),
            (1.7, "com.example.U1", Input::Stop),
        ],
        end: 3.0,
        ..PLAIN
    });
}

#[test]
fn steps_run_in_order() {
    check(&Case { id: "lifecycle-steps-order", ..PLAIN });
}

#[test]
fn a_run_that_succeeds_finishes() {
    check(&Case { id: "lifecycle-steps-run-exit-0", ..PLAIN });
}

#[test]
fn a_run_that_fails_three_times_breaks() {
    check(&Case { id: "lifecycle-steps-run-exit-1", ..PLAIN });
    check(&Case { id: "lifecycle-steps-run-killed", is_racy: true, ..PLAIN });
}

#[test]
fn a_startup_over_its_time_limit_breaks() {
    check(&Case { id: "lifecycle-steps-startup-timeout", ..PLAIN });
}

#[test]
fn an_install_that_fails_three_times_breaks() {
    check(&Case { id: "lifecycle-steps-install-fails", ..PLAIN });
}

/// A device does not end the script at its time limit, so its next attempts wait for it.
#[test]
fn an_install_over_its_time_limit_is_ended() {
    let entries = [
        (0.0, "install"),
        (1.0, "-> ERRORED"),
        (1.0, "-> NEW"),
        (1.0, "install"),
        (2.0, "-> ERRORED"),
        (2.0, "-> NEW"),
        (2.0, "install"),
        (3.0, "-> BROKEN"),
    ];
    let instead = &[("It", &entries[..])];
    check(&Case { id: "lifecycle-steps-install-timeout", instead, ..PLAIN });
}

#[test]
fn a_recover_over_its_time_limit_is_ended() {
    check(&Case { id: "lifecycle-steps-recover-timeout", ..PLAIN });
}

#[test]
fn errors_before_a_success_do_not_count() {
    check(&Case {
        id: "lifecycle-steps-recovers",
        is_racy: true,
        inputs: &[(6.8, "com.example.Rc", Input::Restart)],
        ..PLAIN
    });
}

#[test]
fn a_condition_skips_a_step() {
    check(&Case { id: "lifecycle-steps-skipif", ..PLAIN });
}

#[test]
fn scripts_have_several_forms() {
    check(&Case { id: "lifecycle-steps-forms", is_racy: true, ..PLAIN });
    check(&Case { id: "lifecycle-steps-multi-line", ..PLAIN });
    check(&Case { id: "lifecycle-steps-setenv", is_racy: true, ..PLAIN });
    check(&Case { id: "lifecycle-steps-privilege", is_racy: true, ..PLAIN });
}

/// A device kills the processes two seconds later.
#[test]
fn processes_that_ignore_sigterm_are_killed() {
    let entries = [
        (0.0, "-> INSTALLED"),
        (0.0, "-> STARTING"),
        (0.0, "-> RUNNING"),
        (0.0, "run"),
        (0.0, "alive"),
        (1.0, "alive"),
        (2.0, "alive"),
        (2.5, "-> STOPPING"),
        (2.5, "main-TERM"),
        (2.5, "child-TERM"),
        (3.0, "alive"),
        (4.0, "alive"),
        (5.0, "alive"),
        (6.0, "alive"),
        (7.0, "alive"),
        (7.5, "-> FINISHED"),
    ];
    let instead = &[("Ch", &entries[..])];
    let inputs = &[(2.5, "com.example.Ch", Input::Stop)];
    check(&Case { id: "lifecycle-steps-children", inputs, instead, ..PLAIN });
}

/// A device leaves the run process without a signal, and lets the shutdown script run to its end.
#[test]
fn a_shutdown_over_its_time_limit_is_ended() {
    let inputs = &[(3.1, "com.example.Sd", Input::Stop), (3.4, "com.example.Sx", Input::Stop)];
    let instead = |at: f64| {
        [
            (0.0, "-> INSTALLED"),
            (0.0, "-> STARTING"),
            (0.0, "-> RUNNING"),
            (0.0, "run"),
            (at, "-> STOPPING"),
            (at, "shutdown"),
            (at + 1.0, "-> ERRORED"),
            (at + 1.0, "got-TERM"),
            (at + 1.0, "-> FINISHED"),
        ]
    };
    check(&Case {
        id: "lifecycle-steps-shutdown-slow",
        inputs,
        instead: &[("Sx", &instead(3.4))],
        ..PLAIN
    });
    check(&Case {
        id: "lifecycle-steps-shutdown-timeout",
        inputs: &[(0.9, "com.example.Sx", Input::Stop)],
        instead: &[("Sx", &instead(0.9))],
        ..PLAIN
    });
}

/// A device leaves the process running.
#[test]
fn processes_that_a_startup_leaves_are_ended() {
    let entries = [
        (0.0, "-> INSTALLED"),
        (0.0, "-> STARTING"),
        (0.0, "startup"),
        (0.0, "-> RUNNING"),
        (2.6, "-> STOPPING"),
        (2.6, "shutdown"),
        (2.6, "bg-TERM"),
        (2.6, "-> FINISHED"),
    ];
    let instead = &[("Sb", &entries[..])];
    let inputs = &[(2.6, "com.example.Sb", Input::Stop)];
    check(&Case { id: "lifecycle-steps-startup-background", inputs, instead, ..PLAIN });
}

#[test]
fn every_timeline_is_checked() {
    let timelines: Vec<Value> = serde_json::from_str(TIMELINES).unwrap();
    let source = include_str!("tests.rs");
    for timeline in &timelines {
        let id = timeline["id"].as_str().unwrap();
        assert!(source.contains(&format!("\"{id}\"")), "{id}");
    }
}
