//! The operations on components.

use std::{fs, path::PathBuf};

use greengrass_core_ipc::{
    Client,
    types::{LifecycleState, RequestStatus},
};
use greengrass_local_core::LocalCore;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use test_util::in_time;

use crate::support::{Raw, wait_until};

const SUPERVISOR: &str = "com.example.Supervisor";
const CLI: &str = "aws.greengrass.Cli";
const LIFECYCLE: &str = "aws.greengrass.ipc.lifecycle";
const HOLD: &str = "while :; do sleep 1000; done";

fn recipe(folder: &TempDir, name: &str, run: &str, dependencies: &[&str]) -> PathBuf {
    let dependencies = dependencies.iter().map(|it| (format!("com.example.{it}"), json!({})));
    let recipe = json!({
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": format!("com.example.{name}"),
        "ComponentVersion": "2.3.4",
        "ComponentConfiguration": { "DefaultConfiguration": { "port": 1883, "_hidden": 1 } },
        "ComponentDependencies": dependencies.collect::<Map<_, _>>(),
        "Manifests": [{ "Lifecycle": { "Run": run } }],
    });
    let path = folder.path().join(format!("{name}.json"));
    fs::write(&path, recipe.to_string()).unwrap();
    path
}

/// A core with a component `com.example.A` that runs a script, and a client that supervises it.
async fn core(folder: &TempDir, run: &str) -> (LocalCore, Client) {
    let core = LocalCore::builder()
        .root(folder.path().join("root"))
        .run_recipe(recipe(folder, "A", run, &[]))
        .allow(SUPERVISOR, CLI, "*", "*")
        .allow(SUPERVISOR, LIFECYCLE, "*", "*");
    let core = core.start().await.unwrap();
    reaches(&core, LifecycleState::Running).await;
    let client = core.connect(SUPERVISOR).await.unwrap();
    (core, client)
}

async fn reaches(core: &LocalCore, state: LifecycleState) {
    in_time("the state", core.wait_for_state("com.example.A", state)).await.unwrap();
}

#[tokio::test]
async fn components_are_listed_after_their_dependencies() {
    let folder = tempfile::tempdir().unwrap();
    let core = LocalCore::builder()
        .root(folder.path().join("root"))
        .run_recipe(recipe(&folder, "A", HOLD, &["C"]))
        .run_recipe(recipe(&folder, "B", HOLD, &["A"]))
        .recipe(recipe(&folder, "C", HOLD, &[]))
        .allow(SUPERVISOR, CLI, "*", "*")
        .component("com.example.Z");
    let core = core.start().await.unwrap();
    let client = core.connect(SUPERVISOR).await.unwrap();
    let mut listed = client.list_components().send().await.unwrap().components.unwrap();
    let services = listed.iter().filter(|it| !it.component_name.starts_with("com.example."));
    assert_eq!(services.count(), 6, "the services of a nucleus are listed too");
    listed.retain(|it| it.component_name.starts_with("com.example."));
    let entries: Vec<_> = listed
        .iter()
        .map(|it| format!("{} {} {}", &it.component_name[12..], it.version, it.state))
        .collect();
    // A component with a recipe runs while it is connected, and its dependents wait for that.
    let expected = [
        "C 2.3.4 INSTALLED",
        "A 2.3.4 INSTALLED",
        "B 2.3.4 INSTALLED",
        "Supervisor 1.0.0 RUNNING",
        "Z 1.0.0 RUNNING",
    ];
    assert_eq!(entries, expected);
    assert_eq!(listed[0].configuration, Some(json!({ "port": 1883 })));
    let details = client.get_component_details().component_name("com.example.A").send().await;
    assert_eq!(details.unwrap().component_details, listed[1]);
    core.stop().await.unwrap();
}

#[tokio::test]
async fn names_are_checked_before_permissions_and_these_before_existence() {
    let core = LocalCore::builder()
        .deny_by_default()
        .component("com.example.A")
        .allow(SUPERVISOR, CLI, "*", "*")
        .allow(SUPERVISOR, LIFECYCLE, "*", "*");
    let core = core.start().await.unwrap();
    let mut with = Raw::connect(&core, SUPERVISOR).await;
    let mut without = Raw::connect(&core, "com.example.A").await;
    for operation in [
        "GetComponentDetails",
        "RestartComponent",
        "StopComponent",
        "PauseComponent",
        "ResumeComponent",
    ] {
        for missing in ["{}", r#"{"componentName":null}"#, r#"{"componentName":""}"#] {
            let error = without.call(operation, missing).await.unwrap_err();
            assert_eq!(error, "InvalidArgumentsError", "{operation} {missing}");
        }
        let request = |name: &str| json!({ "componentName": name }).to_string();
        for name in ["com.example.A", "com.example.Unknown"] {
            let error = without.call(operation, request(name)).await.unwrap_err();
            assert_eq!(error, "UnauthorizedError", "{operation} {name}");
        }
        for name in ["com.example.Unknown", "COM.EXAMPLE.A"] {
            let error = with.error(operation, request(name)).await;
            assert_eq!(error["_errorCode"], "ResourceNotFoundError", "{operation} {name}");
            let is_pause = matches!(operation, "PauseComponent" | "ResumeComponent");
            assert_eq!(error.get("message").is_none_or(Value::is_null), is_pause, "{error}");
        }
    }
    assert_eq!(without.call("ListComponents", "{}").await.unwrap_err(), "UnauthorizedError");
    let error = with.call("ResumeComponent", r#"{"componentName":"com.example.A"}"#).await;
    assert_eq!(error.unwrap_err(), "InvalidArgumentsError");
}

#[tokio::test]
async fn a_component_stops_and_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    let (core, client) = core(&folder, HOLD).await;
    for _ in 0..2 {
        let stop = client.stop_component().component_name("com.example.A").send().await.unwrap();
        assert_eq!(stop.stop_status, RequestStatus::Succeeded);
        reaches(&core, LifecycleState::Finished).await;
    }
    let pause = client.pause_component().component_name("com.example.A").send().await;
    assert_eq!(pause.unwrap_err().code(), Some("InvalidArgumentsError"));
    for _ in 0..2 {
        let restart = client.restart_component().component_name("com.example.A").send().await;
        assert_eq!(restart.unwrap().restart_status, RequestStatus::Succeeded);
        reaches(&core, LifecycleState::Running).await;
    }
    core.stop().await.unwrap();
}

/// Writes the recipe of a component with a shutdown step that ends when a file exists.
fn slow_recipe(folder: &TempDir, run: &str, go: &str) {
    let path = recipe(folder, "A", run, &[]);
    let mut recipe: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let script = format!("until test -e {}/{go}; do sleep 0.01; done", folder.path().display());
    recipe["Manifests"][0]["Lifecycle"]["Shutdown"] = json!(script);
    fs::write(path, recipe.to_string()).unwrap();
}

#[tokio::test]
async fn a_component_that_is_reloaded_and_restarted_starts_with_the_change() {
    let folder = tempfile::tempdir().unwrap();
    let (core, _client) = core(&folder, HOLD).await;
    slow_recipe(&folder, HOLD, "go");
    core.reload("com.example.A").await.unwrap();
    reaches(&core, LifecycleState::Running).await;
    let started = folder.path().join("started");
    recipe(&folder, "A", &format!("touch {}; {HOLD}", started.display()), &[]);
    core.reload("com.example.A").await.unwrap();
    assert_eq!(core.state("com.example.A"), LifecycleState::Stopping);
    core.restart("com.example.A");
    fs::write(folder.path().join("go"), "").unwrap();
    wait_until("the start", || started.exists()).await;
}

#[tokio::test]
async fn a_broken_component_is_awaited_while_it_is_repaired() {
    let folder = tempfile::tempdir().unwrap();
    let (core, _client) = core(&folder, HOLD).await;
    recipe(&folder, "A", "exit 1", &[]);
    core.reload("com.example.A").await.unwrap();
    reaches(&core, LifecycleState::Broken).await;
    slow_recipe(&folder, HOLD, "go");
    core.reload("com.example.A").await.unwrap();
    assert_eq!(core.state("com.example.A"), LifecycleState::Broken);
    let running = core.wait_for_state("com.example.A", LifecycleState::Running);
    let running = test_util::poll_once(running).await;
    fs::write(folder.path().join("go"), "").unwrap();
    in_time("the repair", running).await.unwrap();
}

/// A component that is started by hand keeps its process, whatever others request.
#[tokio::test]
async fn a_component_by_hand_has_the_requested_state() {
    let core = LocalCore::builder().component(SUPERVISOR).component("com.example.A");
    let core = core.start().await.unwrap();
    let client = core.connect(SUPERVISOR).await.unwrap();
    let component = core.connect("com.example.A").await.unwrap();
    let pause = || client.pause_component().component_name("com.example.A").send();
    let resume = || client.resume_component().component_name("com.example.A").send();
    pause().await.unwrap();
    pause().await.unwrap();
    resume().await.unwrap();
    assert_eq!(resume().await.unwrap_err().code(), Some("InvalidArgumentsError"));
    pause().await.unwrap();
    component.stop_component().component_name("com.example.A").send().await.unwrap();
    assert_eq!(core.state("com.example.A"), LifecycleState::Finished);
    assert_eq!(resume().await.unwrap_err().code(), Some("InvalidArgumentsError"));
    let restart = || client.restart_component().component_name("com.example.A").send();
    restart().await.unwrap();
    assert_eq!(core.state("com.example.A"), LifecycleState::Running);
    core.stop().await.unwrap();
}

/// The processes of a component, and whether all of them are stopped.
#[cfg(target_os = "linux")]
mod processes {
    use super::*;

    /// A script that leaves its process group, and writes the ids of its processes.
    fn script(folder: &TempDir) -> String {
        let ids = folder.path().join("ids").display().to_string();
        format!("setsid sh -c 'echo $$ >> {ids}; {HOLD}' & echo $$ >> {ids}; {HOLD}")
    }

    fn ids(folder: &TempDir) -> Vec<String> {
        let text = fs::read_to_string(folder.path().join("ids")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Whether the processes are stopped: `T`, or `D` if the command that a shell starts is stopped before the shell can
    /// continue. `None` if they differ.
    fn are_stopped(folder: &TempDir) -> Option<bool> {
        let stats = ids(folder).into_iter().map(|id| {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            stat.rsplit(") ").next().unwrap_or_default().starts_with(['T', 'D'])
        });
        let stats: Vec<_> = stats.collect();
        stats.iter().all(|it| *it == stats[0]).then(|| stats[0])
    }

    #[tokio::test]
    async fn a_pause_stops_all_processes() {
        let folder = tempfile::tempdir().unwrap();
        let (core, client) = core(&folder, &script(&folder)).await;
        wait_until("both processes", || ids(&folder).len() == 2).await;
        let pause = || client.pause_component().component_name("com.example.A").send();
        let resume = || client.resume_component().component_name("com.example.A").send();
        for _ in 0..2 {
            pause().await.unwrap();
            wait_until("the pause", || are_stopped(&folder) == Some(true)).await;
        }
        assert_eq!(core.state("com.example.A"), LifecycleState::Running);
        resume().await.unwrap();
        wait_until("the end of the pause", || are_stopped(&folder) == Some(false)).await;
        assert_eq!(resume().await.unwrap_err().code(), Some("InvalidArgumentsError"));
        core.stop().await.unwrap();
    }

    #[tokio::test]
    async fn a_stop_ends_a_pause() {
        let folder = tempfile::tempdir().unwrap();
        let ended = folder.path().join("ended");
        let trap = format!("trap 'touch {}; exit' TERM; ", ended.display());
        let run = format!("{trap} touch started; while :; do sleep 1000 & wait $!; done");
        let (core, client) = core(&folder, &run).await;
        let started = folder.path().join("root/work/com.example.A/started");
        wait_until("the trap", || started.exists()).await;
        client.pause_component().component_name("com.example.A").send().await.unwrap();
        client.restart_component().component_name("com.example.A").send().await.unwrap();
        reaches(&core, LifecycleState::Running).await;
        assert!(ended.exists(), "the script has handled SIGTERM");
        let resume = client.resume_component().component_name("com.example.A").send().await;
        assert_eq!(resume.unwrap_err().code(), Some("InvalidArgumentsError"));
        client.pause_component().component_name("com.example.A").send().await.unwrap();
        core.stop().await.unwrap();
    }
}
