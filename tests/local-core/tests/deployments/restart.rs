//! Deployments and their effects after a restart of the core.

use super::*;

#[tokio::test]
async fn the_recipes_of_an_earlier_start_are_no_roots() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), B, "1.0.0", HOLD, json!({}));
    let (state, own) = (folder.path().join("state"), folder.path().join("own"));
    write(&own, A, "1.0.0", HOLD, json!({}));
    let recipe = own.join("recipes").join(format!("{A}-1.0.0.json"));
    let (first, client) = core(&folder, |it| it.recipe(&recipe).state(&state)).await;
    let add = json!({ "rootComponentVersionsToAdd": { B: "1.0.0" } });
    assert_eq!(deploy(&client, &folder, add).await, succeeded());
    first.stop().await.unwrap();
    let (second, client) = core(&folder, |it| it.state(&state)).await;
    assert_eq!(deploy(&client, &folder, json!({})).await, succeeded());
    assert_eq!(version(&client, B).await.as_deref(), Some("1.0.0"));
    second.stop().await.unwrap();
}

#[tokio::test]
async fn a_deployment_merges_over_the_values_of_an_earlier_start() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), A, "1.0.0", HOLD, json!({ "a": "1" }));
    let state = folder.path().join("state");
    let (first, _) = core(&folder, |it| it.component(A).state(&state)).await;
    let component = first.connect(A).await.unwrap();
    let call = component.update_configuration().key_path([""; 0]).timestamp(Timestamp::now());
    call.value_to_merge(json!({ "a": "2", "mine": "kept" })).send().await.unwrap();
    first.stop().await.unwrap();
    let (second, client) = core(&folder, |it| it.state(&state)).await;
    let add = json!({
        "rootComponentVersionsToAdd": { A: "1.0.0" },
        "componentToConfiguration": { A: { "MERGE": { "a": "3" } } },
    });
    assert_eq!(deploy(&client, &folder, add).await, succeeded());
    let component = second.connect(A).await.unwrap();
    let value = component.get_configuration().key_path([""; 0]).send().await.unwrap().value;
    assert_eq!(value, Some(json!({ "a": "3", "mine": "kept" })));
    second.stop().await.unwrap();
}

#[tokio::test]
async fn a_restart_changes_no_configuration() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), A, "1.0.0", HOLD, json!({ "a": 1, "b": { "c": 1 }, "d": { "e": 1 } }));
    write(folder.path(), A, "2.0.0", HOLD, json!({ "a": 2, "b": { "f": 1 }, "d": 1 }));
    let state = folder.path().join("state");
    let (first, client) = core(&folder, |it| it.state(&state)).await;
    for version in ["1.0.0", "2.0.0"] {
        let add = json!({ "rootComponentVersionsToAdd": { A: version } });
        assert_eq!(deploy(&client, &folder, add).await, succeeded());
    }
    let value = async |core: &LocalCore| {
        let component = core.connect(A).await.unwrap();
        component.get_configuration().key_path([""; 0]).send().await.unwrap().value.unwrap()
    };
    let expected = json!({ "a": 1, "b": { "c": 1, "f": 1 }, "d": { "e": 1 } });
    assert_eq!(value(&first).await, expected);
    first.stop().await.unwrap();
    let (second, _) = core(&folder, |it| it.state(&state)).await;
    assert_eq!(value(&second).await, expected);
    second.stop().await.unwrap();
}
