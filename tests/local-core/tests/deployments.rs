//! Local deployments and component updates, as components and the command line tool see them.

mod overlaps;
mod reload;
mod restart;

use std::{fs, path::Path, time::Duration};

use greengrass_core_ipc::{
    Client,
    operation::{
        create_local_deployment::CreateLocalDeploymentRequest,
        subscribe_to_component_updates::SubscribeToComponentUpdates,
    },
    primitives::Timestamp,
    types::{
        ComponentUpdatePolicyEvents, ConfigurationValidityReport, ConfigurationValidityStatus,
        LifecycleState,
    },
};
use greengrass_local_core::{Builder, LocalCore};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_util::in_time;

use crate::support::Raw;

/// Writes the recipe of a component with a script into the folder of recipes.
fn write(folder: &Path, name: &str, version: &str, run: &str, configuration: Value) {
    let recipe = json!({
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": name,
        "ComponentVersion": version,
        "ComponentConfiguration": { "DefaultConfiguration": configuration },
        "Manifests": [{ "Lifecycle": { "Run": run } }],
    });
    let recipes = folder.join("recipes");
    fs::create_dir_all(&recipes).unwrap();
    fs::write(recipes.join(format!("{name}-{version}.json")), recipe.to_string()).unwrap();
}

/// Sets a member of the recipe of a component.
fn set(folder: &Path, name: &str, version: &str, pointer: &str, value: Value) {
    let file = folder.join("recipes").join(format!("{name}-{version}.json"));
    let mut recipe: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    recipe.pointer_mut(parent).unwrap()[member] = value;
    fs::write(file, recipe.to_string()).unwrap();
}

/// Gives a component a step that does not end.
fn hold(folder: &Path, name: &str, version: &str, step: &str) {
    set(folder, name, version, &format!("/Manifests/0/Lifecycle/{step}"), json!(HOLD));
}

const HOLD: &str = "while :; do sleep 1000; done";
const A: &str = "com.example.A";
const B: &str = "com.example.B";
const BY_HAND: &str = "com.example.ByHand";

/// A core with the login of the command line tool.
async fn core(folder: &TempDir, with: impl FnOnce(Builder) -> Builder) -> (LocalCore, Client) {
    let builder = LocalCore::builder().root(folder.path().join("root")).cli_login();
    let core = with(builder).start().await.unwrap();
    let login = core.components().find(|it| it.starts_with("greengrass-cli#")).unwrap();
    let client = core.connect(&login).await.unwrap();
    (core, client)
}

/// Creates a deployment. Returns its id.
async fn create(client: &Client, folder: &TempDir, request: Value) -> String {
    let mut request = request;
    request["recipeDirectoryPath"] = json!(folder.path().join("recipes"));
    let request: CreateLocalDeploymentRequest = serde_json::from_value(request).unwrap();
    let call = client
        .create_local_deployment()
        .set_component_to_configuration(request.component_to_configuration);
    let call = call.set_root_component_versions_to_add(request.root_component_versions_to_add);
    let call = call.set_root_components_to_remove(request.root_components_to_remove);
    let call = call.set_recipe_directory_path(request.recipe_directory_path);
    let call = call.set_failure_handling_policy(request.failure_handling_policy);
    call.send().await.unwrap().deployment_id.unwrap()
}

/// Waits until a deployment has ended. Returns its status and details.
async fn ended(client: &Client, id: &str) -> (String, String) {
    let polls = async {
        loop {
            let status = client.get_local_deployment_status().deployment_id(id).send().await;
            let deployment = status.unwrap().deployment;
            let status = deployment.status.as_str().to_owned();
            if !["QUEUED", "IN_PROGRESS"].contains(&&*status) {
                let details = deployment.deployment_status_details.unwrap();
                return (status, details.detailed_deployment_status.as_str().to_owned());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    in_time("the end of the deployment", polls).await
}

async fn deploy(client: &Client, folder: &TempDir, request: Value) -> (String, String) {
    let id = create(client, folder, request).await;
    ended(client, &id).await
}

fn succeeded() -> (String, String) {
    ("SUCCEEDED".to_owned(), "SUCCESSFUL".to_owned())
}

async fn version(client: &Client, component: &str) -> Option<String> {
    let details = client.get_component_details().component_name(component).send().await.ok()?;
    Some(details.component_details.version)
}

#[tokio::test]
async fn components_are_added_changed_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), A, "1.0.0", HOLD, json!({ "a": 1 }));
    write(folder.path(), A, "1.1.0", HOLD, json!({ "a": 1, "b": 2 }));
    let (core, client) = core(&folder, |it| it.component("com.example.ByHand")).await;
    let add = |version: &str| json!({ "rootComponentVersionsToAdd": { A: version } });
    assert_eq!(deploy(&client, &folder, add("1.0.0")).await, succeeded());
    assert_eq!(core.state(A), LifecycleState::Running);
    let component = core.connect(A).await.unwrap();
    let mut update = add("1.1.0");
    update["componentToConfiguration"] = json!({ A: { "MERGE": { "a": 5 } } });
    assert_eq!(deploy(&client, &folder, update).await, succeeded());
    assert_eq!(version(&client, A).await.as_deref(), Some("1.1.0"));
    let value = component.get_configuration().key_path([""; 0]).send().await.unwrap().value;
    assert_eq!(value, Some(json!({ "a": 5.0, "b": 2 })));
    let remove = json!({ "rootComponentsToRemove": [A] });
    assert_eq!(deploy(&client, &folder, remove).await, succeeded());
    assert_eq!(version(&client, A).await, None);
    assert_eq!(version(&client, "com.example.ByHand").await.as_deref(), Some("1.0.0"));
    assert!(core.components().all(|it| it != A), "it has no token");
    let call = component.update_configuration().key_path([""; 0]).timestamp(Timestamp::now());
    let error = call.value_to_merge(json!({ "a": 6 })).send().await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidArgumentsError"));
    core.stop().await.unwrap();
}

#[tokio::test]
async fn a_failed_deployment_is_rolled_back_on_request() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), A, "1.0.0", HOLD, json!({ "a": 1 }));
    write(folder.path(), A, "2.0.0", "exit 1", json!({ "b": 1 }));
    write(folder.path(), "com.example.B", "1.0.0", HOLD, json!({}));
    let (core, client) = core(&folder, |it| it).await;
    let add = json!({ "rootComponentVersionsToAdd": { A: "1.0.0" } });
    assert_eq!(deploy(&client, &folder, add).await, succeeded());
    let broken = json!({
        "rootComponentVersionsToAdd": { A: "2.0.0", "com.example.B": "1.0.0" },
        "failureHandlingPolicy": "ROLLBACK",
    });
    let failed = |details: &str| ("FAILED".to_owned(), details.to_owned());
    let found = deploy(&client, &folder, broken.clone()).await;
    assert_eq!(found, failed("FAILED_ROLLBACK_COMPLETE"));
    assert_eq!(version(&client, A).await.as_deref(), Some("1.0.0"));
    assert_eq!(version(&client, "com.example.B").await, None);
    let value = core
        .connect(A)
        .await
        .unwrap()
        .get_configuration()
        .key_path([""; 0])
        .send()
        .await
        .unwrap()
        .value;
    assert_eq!(value, Some(json!({ "a": 1 })));
    let mut kept = broken;
    kept["failureHandlingPolicy"] = json!("DO_NOTHING");
    assert_eq!(deploy(&client, &folder, kept).await, failed("FAILED_ROLLBACK_NOT_REQUESTED"));
    assert_eq!(core.state(A), LifecycleState::Broken);
    assert_eq!(core.state("com.example.B"), LifecycleState::Running);
    // A deployment that does not name it tries it again.
    assert_eq!(deploy(&client, &folder, json!({})).await, failed("FAILED_ROLLBACK_NOT_REQUESTED"));
    core.stop().await.unwrap();
}

#[tokio::test]
async fn requests_are_checked_and_deployments_can_be_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), A, "1.0.0", HOLD, json!({}));
    hold(folder.path(), A, "1.0.0", "Install");
    let (core, client) = core(&folder, |it| it.deny_by_default()).await;
    let login = core.components().find(|it| it.starts_with("greengrass-cli#")).unwrap();
    let mut raw = Raw::connect(&core, &login).await;
    let root = folder.path().join("root");
    for (request, error) in [
        (json!({ "groupName": "a:b" }), "InvalidArgumentsError"),
        (json!({ "artifactsDirectoryPath": root }), "InvalidArtifactsDirectoryPathError"),
        (json!({ "recipeDirectoryPath": "a\0" }), "ServiceError"),
        (json!({ "componentToConfiguration": { A: { "MERGE": [] } } }), "ServiceError"),
        (json!({ "componentToConfiguration": { A: { "RESET": "/a" } } }), "ServiceError"),
        (json!({ "componentToConfiguration": { A: null } }), "ServiceError"),
        (json!({ "groupName": [] }), "InternalServerError"),
    ] {
        let found = raw.call("CreateLocalDeployment", request.to_string()).await;
        assert_eq!(found, Err(error.to_owned()), "{request}");
    }
    let unknown = json!({ "deploymentId": "01234567-89ab-cdef-0123-456789abcdef" }).to_string();
    for operation in ["GetLocalDeploymentStatus", "CancelLocalDeployment"] {
        let found = raw.call(operation, unknown.clone()).await;
        assert_eq!(found, Err("ResourceNotFoundError".to_owned()), "{operation}");
    }
    let add = json!({ "rootComponentVersionsToAdd": { A: "1.0.0" } });
    let running = create(&client, &folder, add).await;
    let queued = create(&client, &folder, json!({})).await;
    let cancel = |id: &str| client.cancel_local_deployment().deployment_id(id).send();
    cancel(&queued).await.unwrap();
    let status = client.get_local_deployment_status().deployment_id(&queued).send().await;
    assert_eq!(status.unwrap_err().code(), Some("ResourceNotFoundError"));
    // It waits for the installation of the component.
    in_time("the component", async {
        while version(&client, A).await.is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    cancel(&running).await.unwrap();
    assert_eq!(ended(&client, &running).await.0, "CANCELED");
    assert_eq!(core.state(A), LifecycleState::New);
    let message = cancel(&running).await.unwrap().message.unwrap();
    assert!(message.contains("already finished"), "{message}");
    let listed = client.list_local_deployments().send().await.unwrap().local_deployments.unwrap();
    assert_eq!(listed.iter().map(|it| &*it.deployment_id).collect::<Vec<_>>(), [&running]);
}

#[tokio::test]
async fn components_defer_an_update() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), A, "1.0.0", HOLD, json!({}));
    let (core, client) =
        core(&folder, |it| it.component("com.example.B").notify_components()).await;
    let component = core.connect("com.example.B").await.unwrap();
    let mut updates = component.subscribe_to_component_updates().send().await.unwrap();
    let add = json!({ "rootComponentVersionsToAdd": { A: "1.0.0" } });
    let id = create(&client, &folder, add).await;
    let next = async |updates: &mut greengrass_core_ipc::client::Subscription<
        SubscribeToComponentUpdates,
    >| { in_time("an event", updates.next()).await.unwrap().unwrap() };
    let defer = |millis| {
        let call = component.defer_component_update().deployment_id(&id);
        call.recheck_after_ms(millis).send()
    };
    for millis in [1, 0] {
        let event = next(&mut updates).await;
        let ComponentUpdatePolicyEvents::PreUpdateEvent(event) = event else { panic!("{event:?}") };
        assert_eq!(event.deployment_id, id);
        assert!(core.components().all(|it| it != A), "nothing has changed");
        defer(millis).await.unwrap();
    }
    assert_eq!(ended(&client, &id).await, succeeded());
    let event = next(&mut updates).await;
    assert!(matches!(event, ComponentUpdatePolicyEvents::PostUpdateEvent(_)), "{event:?}");
    assert_eq!(defer(0).await.unwrap_err().code(), Some("ServiceError"));
    let mut other = Raw::connect(&core, A).await;
    let request = json!({ "deploymentId": id }).to_string();
    let found = other.call("DeferComponentUpdate", request).await;
    assert_eq!(found, Err("InvalidArgumentsError".to_owned()));
}

/// Creates a deployment that changes the configuration of `asked`, and writes values of `asked` and of a component that
/// it does not touch while `asked` is asked for its agreement. Returns the end of the deployment and the configurations of
/// both.
async fn deploy_beside_writes(
    core: &LocalCore,
    client: &Client,
    folder: &TempDir,
    asked: &str,
    request: Value,
) -> ((String, String), [Value; 2]) {
    let components = [core.connect(asked).await.unwrap(), core.connect(BY_HAND).await.unwrap()];
    let mut questions =
        components[0].subscribe_to_validate_configuration_updates().send().await.unwrap();
    let id = create(client, folder, request).await;
    in_time("the question", questions.next()).await.unwrap().unwrap();
    for it in &components {
        let values = json!({ "mine": "kept" }).as_object().unwrap().clone();
        let call = it.update_configuration().key_path([""; 0]).timestamp(Timestamp::now());
        call.value_to_merge(values).send().await.unwrap();
    }
    let report = ConfigurationValidityReport::builder().deployment_id(&id);
    let report = report.status(ConfigurationValidityStatus::Accepted).build().unwrap();
    let call = components[0].send_configuration_validity_report();
    call.configuration_validity_report(report).send().await.unwrap();
    let end = ended(client, &id).await;
    let mut values = [Value::Null, Value::Null];
    for (component, value) in components.iter().zip(&mut values) {
        let response = component.get_configuration().key_path([""; 0]).send().await.unwrap();
        *value = response.value.unwrap();
    }
    (end, values)
}

#[tokio::test]
async fn a_deployment_keeps_what_is_written_while_it_is_prepared() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), A, "1.0.0", HOLD, json!({ "a": "1" }));
    let (core, client) = core(&folder, |it| it.component(BY_HAND)).await;
    let add = json!({ "rootComponentVersionsToAdd": { A: "1.0.0" } });
    assert_eq!(deploy(&client, &folder, add).await, succeeded());
    let update = json!({ "componentToConfiguration": { A: { "MERGE": { "a": "2" } } } });
    let (end, values) = deploy_beside_writes(&core, &client, &folder, A, update).await;
    assert_eq!(end, succeeded());
    assert_eq!(values, [json!({ "a": "2", "mine": "kept" }), json!({ "mine": "kept" })]);
    core.stop().await.unwrap();
}

#[tokio::test]
async fn a_rollback_keeps_what_components_have_written() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), A, "1.0.0", "exit 1", json!({}));
    write(folder.path(), B, "1.0.0", HOLD, json!({ "b": "1" }));
    let (core, client) = core(&folder, |it| it.component(BY_HAND)).await;
    let add = json!({ "rootComponentVersionsToAdd": { B: "1.0.0" } });
    assert_eq!(deploy(&client, &folder, add).await, succeeded());
    let broken = json!({
        "rootComponentVersionsToAdd": { A: "1.0.0" },
        "componentToConfiguration": { B: { "MERGE": { "b": "2", "c": "2" } } },
        "failureHandlingPolicy": "ROLLBACK",
    });
    let (end, values) = deploy_beside_writes(&core, &client, &folder, B, broken).await;
    assert_eq!(end, ("FAILED".to_owned(), "FAILED_ROLLBACK_COMPLETE".to_owned()));
    assert_eq!(values, [json!({ "b": "1", "mine": "kept" }), json!({ "mine": "kept" })]);
    assert!(core.components().all(|it| it != A), "it has no token");
    core.stop().await.unwrap();
}

#[tokio::test]
async fn deployments_follow_a_cancelled_one() {
    follow_a_cancelled_one(|_| ()).await;
    // The first version is still stopping then.
    follow_a_cancelled_one(|folder| hold(folder, A, "1.0.0", "Shutdown")).await;
}

async fn follow_a_cancelled_one(change_first: fn(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), A, "1.0.0", HOLD, json!({}));
    change_first(folder.path());
    write(folder.path(), B, "1.0.0", HOLD, json!({}));
    let (core, client) = core(&folder, |it| it).await;
    let add = json!({ "rootComponentVersionsToAdd": { A: "1.0.0", B: "1.0.0" } });
    assert_eq!(deploy(&client, &folder, add).await, succeeded());
    fs::remove_dir_all(folder.path().join("recipes")).unwrap();
    write(folder.path(), A, "2.0.0", HOLD, json!({}));
    hold(folder.path(), A, "2.0.0", "Install");
    let change = json!({
        "rootComponentVersionsToAdd": { A: "2.0.0" },
        "rootComponentsToRemove": [B],
    });
    let id = create(&client, &folder, change).await;
    in_time("the installation", async {
        while version(&client, A).await.as_deref() != Some("2.0.0") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    client.cancel_local_deployment().deployment_id(&id).send().await.unwrap();
    assert_eq!(ended(&client, &id).await.0, "CANCELED");
    assert_eq!(deploy(&client, &folder, json!({})).await, succeeded());
    assert_eq!(version(&client, A).await.as_deref(), Some("2.0.0"));
    assert!(core.components().all(|it| it != B), "it has no token");
}
