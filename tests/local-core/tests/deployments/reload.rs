//! Deployments and recipes that are reloaded.

use super::*;

#[tokio::test]
async fn a_deployment_keeps_a_reloaded_version() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), A, "1.0.0", HOLD, json!({}));
    let recipe = folder.path().join("recipes").join(format!("{A}-1.0.0.json"));
    let (core, client) = core(&folder, |it| it.recipe(&recipe)).await;
    let text = fs::read_to_string(&recipe).unwrap().replace("1.0.0", "2.0.0");
    fs::write(&recipe, text).unwrap();
    core.reload(A).await.unwrap();
    assert_eq!(deploy(&client, &folder, json!({})).await, succeeded());
    assert_eq!(version(&client, A).await.as_deref(), Some("2.0.0"));
}
