//! Deployments of components that are still stopping.

use super::*;
use crate::support::wait_until;

/// Writes the recipe of a component whose shutdown step ends when the file `go` exists.
fn write_slow(folder: &Path, name: &str, version: &str) {
    write(folder, name, version, HOLD, json!({}));
    let script = format!("until test -e {}/go; do sleep 0.01; done", folder.display());
    set(folder, name, version, "/Manifests/0/Lifecycle/Shutdown", json!(script));
}

fn depends(folder: &Path, name: &str, version: &str, on: &str) {
    set(folder, name, version, "/ComponentDependencies", json!({ on: {} }));
}

fn count(core: &LocalCore, component: &str, state: LifecycleState) -> usize {
    core.states(component).into_iter().filter(|it| *it == state).count()
}

#[tokio::test]
async fn components_are_listed_while_a_dependency_turns_round() {
    let folder = tempfile::tempdir().unwrap();
    write_slow(folder.path(), A, "1.0.0");
    depends(folder.path(), A, "1.0.0", B);
    write(folder.path(), B, "1.0.0", HOLD, json!({}));
    let (core, client) = core(&folder, |it| it).await;
    let add = |version| json!({ "rootComponentVersionsToAdd": { A: version, B: version } });
    assert_eq!(deploy(&client, &folder, add("1.0.0")).await, succeeded());
    write(folder.path(), A, "2.0.0", HOLD, json!({}));
    write(folder.path(), B, "2.0.0", HOLD, json!({}));
    depends(folder.path(), B, "2.0.0", A);
    create(&client, &folder, add("2.0.0")).await;
    // The new version of one component runs, and the old one of the other has not stopped.
    wait_until("the start", || count(&core, B, LifecycleState::Running) == 2).await;
    assert_eq!(core.state(A), LifecycleState::Stopping);
    let listed = client.list_components().send().await.unwrap().components.unwrap();
    for name in [A, B] {
        assert_eq!(listed.iter().filter(|it| it.component_name == name).count(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_rollback_restores_a_component_that_is_being_removed() {
    let folder = tempfile::tempdir().unwrap();
    write_slow(folder.path(), A, "1.0.0");
    write(folder.path(), B, "1.0.0", HOLD, json!({}));
    write(folder.path(), B, "2.0.0", "exit 1", json!({}));
    let (core, client) = core(&folder, |it| it).await;
    let add = json!({ "rootComponentVersionsToAdd": { A: "1.0.0", B: "1.0.0" } });
    assert_eq!(deploy(&client, &folder, add).await, succeeded());
    let removed = core.wait_for_state(A, LifecycleState::from("UNINSTALLED"));
    let mut removed = test_util::poll_once(removed).await;
    let change = json!({
        "rootComponentVersionsToAdd": { B: "2.0.0" },
        "rootComponentsToRemove": [A],
        "failureHandlingPolicy": "ROLLBACK",
    });
    let id = create(&client, &folder, change).await;
    let is_restored =
        || count(&core, B, LifecycleState::Broken) > 0 && core.state(B) == LifecycleState::Running;
    wait_until("the rollback", is_restored).await;
    fs::write(folder.path().join("go"), "").unwrap();
    let failed = ("FAILED".to_owned(), "FAILED_ROLLBACK_COMPLETE".to_owned());
    assert_eq!(ended(&client, &id).await, failed);
    in_time("the removal", removed.as_mut()).await.unwrap();
    assert_eq!(core.state(A), LifecycleState::Running);
    let removed = core.wait_for_state(A, LifecycleState::from("UNINSTALLED"));
    let remove = json!({ "rootComponentsToRemove": [A] });
    let (removed, deployed) =
        tokio::join!(in_time("the removal", removed), deploy(&client, &folder, remove));
    removed.unwrap();
    assert_eq!(deployed, succeeded());
}

#[tokio::test]
async fn a_component_that_is_stopped_while_it_changes_starts_with_the_change() {
    let folder = tempfile::tempdir().unwrap();
    write_slow(folder.path(), A, "1.0.0");
    let started = folder.path().join("started");
    let run = format!("touch {}; {HOLD}", started.display());
    write(folder.path(), A, "2.0.0", &run, json!({}));
    let (core, client) = core(&folder, |it| it).await;
    let add = |version| json!({ "rootComponentVersionsToAdd": { A: version } });
    assert_eq!(deploy(&client, &folder, add("1.0.0")).await, succeeded());
    let id = create(&client, &folder, add("2.0.0")).await;
    wait_until("the shutdown", || core.state(A) == LifecycleState::Stopping).await;
    client.stop_component().component_name(A).send().await.unwrap();
    fs::write(folder.path().join("go"), "").unwrap();
    assert_eq!(ended(&client, &id).await, succeeded());
    assert_eq!(core.state(A), LifecycleState::Finished);
    assert!(!started.exists());
    client.restart_component().component_name(A).send().await.unwrap();
    wait_until("the start", || started.exists()).await;
}
