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

#[tokio::test]
async fn a_deployment_keeps_what_is_reloaded_while_it_is_prepared() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), A, "1.0.0", HOLD, json!({ "a": "1" }));
    let own = folder.path().join("own");
    write(&own, B, "1.0.0", HOLD, json!({}));
    let recipe = own.join("recipes").join(format!("{B}-1.0.0.json"));
    let (core, client) = core(&folder, |it| it.recipe(&recipe)).await;
    let add = json!({ "rootComponentVersionsToAdd": { A: "1.0.0" } });
    assert_eq!(deploy(&client, &folder, add).await, succeeded());
    let component = core.connect(A).await.unwrap();
    let mut questions =
        component.subscribe_to_validate_configuration_updates().send().await.unwrap();
    let update = json!({ "componentToConfiguration": { A: { "MERGE": { "a": "2" } } } });
    let id = create(&client, &folder, update).await;
    // The deployment is planned again, and asks again.
    for is_first in [true, false] {
        in_time("the question", questions.next()).await.unwrap().unwrap();
        if is_first {
            let text = fs::read_to_string(&recipe).unwrap().replace("1.0.0", "2.0.0");
            fs::write(&recipe, text).unwrap();
            core.reload(B).await.unwrap();
        }
        let report = ConfigurationValidityReport::builder().deployment_id(&id);
        let report = report.status(ConfigurationValidityStatus::Accepted).build().unwrap();
        let call = component.send_configuration_validity_report();
        call.configuration_validity_report(report).send().await.unwrap();
    }
    assert_eq!(ended(&client, &id).await, succeeded());
    assert_eq!(version(&client, B).await.as_deref(), Some("2.0.0"));
    core.stop().await.unwrap();
}
