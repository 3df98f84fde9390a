//! The states that components enter, and the lines that their scripts write.

use std::panic::{AssertUnwindSafe, catch_unwind};

use greengrass_core_ipc::types::LifecycleState;
use serde_json::{Value, json};

use super::player::Player;

/// What a component did: its states, and the lines of its scripts.
type Entries = (Vec<String>, Vec<String>);

/// The timeline of a core in the form of a recording, with the states of a component before the lines. A part of the
/// timeline that the step leaves out is left out.
pub(super) fn of(player: &Player<'_>, step: &Value, recorded: &Value) -> Value {
    let names = step["only"].as_array().unwrap().iter().map(|it| it.as_str().unwrap());
    let found = names.flat_map(|name| {
        let (states, lines) = recorded_entries(recorded, name);
        // A component that was removed has states too, but none that was never there.
        let all = catch_unwind(AssertUnwindSafe(|| player.core.states(name))).unwrap_or_default();
        let past = player.past.get(name).cloned().unwrap_or_default();
        let stops = [LifecycleState::Stopping, LifecycleState::Finished];
        let is_left_out =
            |it: &&LifecycleState| player.world.needs("restart") && stops.contains(it);
        let mut found_states: Vec<_> = past
            .iter()
            .chain(&all)
            .filter(|it| !is_left_out(it))
            .map(ToString::to_string)
            .collect();
        let mut found_lines = without_chance(player.world.lines(name));
        if step["after"].is_string() {
            found_states.drain(..found_states.len().saturating_sub(states.len()));
            found_lines.retain(|it| lines.contains(it));
        }
        entries(name, (found_states, found_lines))
    });
    json!({ "kind": "timeline", "body": found.collect::<Vec<_>>() })
}

/// A recorded timeline in the order of [`of`], without times.
pub(super) fn sorted(step: &Value, recorded: &Value) -> Value {
    let names = step["only"].as_array().unwrap().iter().map(|it| it.as_str().unwrap());
    let body = names.flat_map(|name| entries(name, recorded_entries(recorded, name)));
    json!({ "kind": "timeline", "body": body.collect::<Vec<_>>() })
}

fn recorded_entries(recorded: &Value, name: &str) -> Entries {
    let entries = recorded["body"].as_array().into_iter().flatten().filter(|it| it[1] == name);
    let entries = entries.map(|it| it[2].as_str().unwrap().to_owned());
    let (states, lines): (Vec<_>, Vec<_>) = entries.partition(|it| it.starts_with("-> "));
    let states = states.iter().map(|it| it[3..].to_owned()).collect();
    (states, without_chance(lines))
}

/// Leaves out what depends on chance: how often a script writes a line that is killed soon.
fn without_chance(mut lines: Vec<String>) -> Vec<String> {
    lines.retain(|it| it != "recover-end");
    lines.sort();
    lines.dedup();
    lines
}

/// Leaves out the states of components that stop from a scenario in which the core stops, because they are not seen
/// then. The lines of their scripts are.
pub(super) fn leave_out_stops(scenario: &mut Value) {
    if !scenario["needs"].as_array().is_some_and(|it| it.iter().any(|it| it == "restart")) {
        return;
    }
    for step in scenario["recorded"].as_array_mut().unwrap() {
        if let Some(body) = step["reply"]["body"].as_array_mut() {
            body.retain(|it| it[2] != "-> STOPPING" && it[2] != "-> FINISHED");
        }
    }
}

/// The order of states is that of threads of the nucleus, so they are sorted.
fn entries(name: &str, (mut states, lines): Entries) -> Vec<Value> {
    states.sort();
    let states = states.into_iter().map(|it| json!([name, format!("-> {it}")]));
    states.chain(lines.into_iter().map(|it| json!([name, it]))).collect()
}
