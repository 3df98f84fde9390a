//! Timelines of a Java nucleus with real processes: components enter the same states and their scripts write the same
//! lines. Timelines of time limits that a device does not keep, of the end of the nucleus, and of scripts that must have
//! set a trap within a time, are played with the state machine alone.

use std::{fs, path::Path};

use greengrass_core_ipc::types::{LifecycleState, ReportedLifecycleState};
use greengrass_local_core::LocalCore;
use serde_json::{Map, Value, json};
use test_util::in_time;
use tokio::task::JoinSet;

use crate::support::wait_until;

const TIMELINES: &str = include_str!("data/scenarios/timelines.json");

/// The ids, and whether the recorded order of states has a meaning.
const PLAYED: [(&str, bool); 17] = [
    ("lifecycle-state-errored-running", true),
    ("lifecycle-state-after-error-running", true),
    ("lifecycle-restart-finished", true),
    ("lifecycle-restart-broken", true),
    ("lifecycle-restart-dependents", true),
    ("lifecycle-stop", true),
    ("lifecycle-steps-order", true),
    ("lifecycle-steps-run-exit-0", true),
    ("lifecycle-steps-run-exit-1", true),
    ("lifecycle-steps-run-killed", false),
    ("lifecycle-steps-startup-timeout", true),
    ("lifecycle-steps-install-fails", true),
    ("lifecycle-steps-recover-timeout", true),
    ("lifecycle-steps-skipif", true),
    ("lifecycle-steps-forms", false),
    ("lifecycle-steps-multi-line", true),
    ("lifecycle-steps-setenv", false),
];

/// The component that restarts and stops others.
const SUPERVISOR: &str = "com.example.Supervisor";

#[tokio::test(flavor = "multi_thread")]
async fn components_behave_as_on_a_nucleus() {
    let timelines: Vec<Value> = serde_json::from_str(TIMELINES).unwrap();
    let mut players = JoinSet::new();
    for (id, is_ordered) in PLAYED {
        let timeline = timelines.iter().find(|it| it["id"] == id).unwrap().clone();
        players.spawn(async move { play(id, &timeline, is_ordered).await });
    }
    while let Some(played) = players.join_next().await {
        played.unwrap();
    }
}

async fn play(id: &str, timeline: &Value, is_ordered: bool) {
    let folder = tempfile::tempdir().unwrap();
    let components = timeline["components"].as_object().unwrap();
    let mut builder = LocalCore::builder().root(folder.path().join("root"));
    builder = builder.allow(SUPERVISOR, "aws.greengrass.Cli", "*", "*");
    for (name, lifecycle) in components {
        builder = builder.run_recipe(recipe(folder.path(), name, lifecycle));
    }
    let core = builder.start().await.unwrap();
    for action in timeline["actions"].as_array().unwrap() {
        act(&core, action, folder.path()).await;
    }
    let expected = |name: &str| {
        let entries = timeline["timeline"].as_array().unwrap().iter().filter(|it| it[1] == *name);
        let entries = entries.map(|it| it[2].as_str().unwrap());
        // Whether the script writes this line depends on the order of signals to a shell and its child.
        let entries = entries.filter(|it| *it != "recover-end");
        let (states, lines): (Vec<_>, Vec<_>) = entries.partition(|it| it.starts_with("-> "));
        (states.iter().map(|it| it[3..].to_owned()).collect::<Vec<_>>(), lines)
    };
    for name in components.keys() {
        let (mut states, lines) = expected(name);
        let found = || {
            let all = core.states(name);
            (all.iter().map(ToString::to_string).collect::<Vec<_>>(), written(folder.path(), name))
        };
        let what = format!("{id} {name}: {states:?} {lines:?}");
        wait_until(&what, || {
            let found = found();
            found.0.len() >= states.len() && found.1.len() >= lines.len()
        })
        .await;
        let (mut found, found_lines) = found();
        if !is_ordered {
            states.sort();
            found.sort();
        }
        assert_eq!(
            (found, found_lines),
            (states, lines.iter().map(ToString::to_string).collect()),
            "{id} {name}"
        );
    }
    core.stop().await.unwrap();
}

/// Performs an action: a report of `RUNNING` at once, others after the component has come to rest.
async fn act(core: &LocalCore, action: &Value, folder: &Path) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (component, state) = match action["call"].as_str() {
        Some("RestartComponent" | "StopComponent") => {
            (text(&action["request"]["componentName"]), String::new())
        }
        Some("UpdateState") => (text(&action["as"]), text(&action["request"]["state"])),
        _ if action["wait"].is_object() => {
            let state = LifecycleState::from(&*text(&action["wait"]["state"]));
            let component = text(&action["wait"]["component"]);
            // An error means that the state is BROKEN.
            let _ = in_time("the state", core.wait_for_state(&component, state)).await;
            return;
        }
        _ => return,
    };
    let rests = [LifecycleState::Running, LifecycleState::Broken, LifecycleState::Finished];
    let is_at_rest = |component: &str| {
        let started = core.states(component);
        let started = started.iter().filter(|it| **it == LifecycleState::Running).count();
        let lines = written(folder, component);
        let has_run = lines.iter().filter(|it| *it == "run").count() == started;
        has_run && rests.contains(&core.state(component))
    };
    let components: Vec<_> = core.components().filter(|it| *it != SUPERVISOR).collect();
    wait_until("the components to rest", || {
        state == "RUNNING" || components.iter().all(|it| is_at_rest(it))
    })
    .await;
    if state.is_empty() {
        let client = core.connect(SUPERVISOR).await.unwrap();
        if action["call"] == "StopComponent" {
            client.stop_component().component_name(component).send().await.unwrap();
        } else {
            client.restart_component().component_name(component).send().await.unwrap();
        }
        return;
    }
    let client = core.connect(&component).await.unwrap();
    client.update_state().state(ReportedLifecycleState::from(&*state)).send().await.unwrap();
}

/// Writes the recipe of a component, whose scripts write lines into a file.
fn recipe(folder: &Path, name: &str, lifecycle: &Value) -> std::path::PathBuf {
    let mut dependencies = Map::new();
    if name == "com.example.Hard" {
        dependencies.insert("com.example.X".to_owned(), json!({}));
    }
    let recipe = json!({
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": name,
        "ComponentVersion": "1.0.0",
        "ComponentDependencies": dependencies,
        "Manifests": [{ "Lifecycle": lifecycle }],
    });
    let script = folder.join("event");
    let events = folder.display();
    fs::write(&script, format!("name=$1; shift; echo \"$*\" >> {events}/$name.events")).unwrap();
    let text = recipe.to_string().replace("$EV", &format!("sh {}", script.display()));
    let text = text.replace("$HOLD", "while :; do sleep 1000; done");
    let path = folder.join(format!("{name}.json"));
    fs::write(&path, text).unwrap();
    path
}

fn written(folder: &Path, name: &str) -> Vec<String> {
    let text = fs::read_to_string(folder.join(format!("{name}.events"))).unwrap_or_default();
    let lines = text.lines().filter(|it| *it != "recover-end");
    lines.map(str::to_owned).collect()
}
