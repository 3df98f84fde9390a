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
