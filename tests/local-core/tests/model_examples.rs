//! The examples of the model, each as a raw request to a core of its own.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, time::SystemTime};

use greengrass_core_ipc::types::LifecycleState;
use greengrass_local_core::LocalCore;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_util::in_time;

use crate::support::Raw;

const SENSOR: &str = "com.example.Sensor";
const CAMERA: &str = "com.example.Camera";
const METRICS: &str = "aws.example.Metrics";
const STREAM_MANAGER: &str = "aws.greengrass.StreamManager";

/// The services of the policies that the sensor has.
const SERVICES: [&str; 7] = [
    "aws.greengrass.Cli",
    "aws.greengrass.SecretManager",
    "aws.greengrass.ShadowManager",
    "aws.greengrass.clientdevices.Auth",
    "aws.greengrass.ipc.lifecycle",
    "aws.greengrass.ipc.mqttproxy",
    "aws.greengrass.ipc.pubsub",
];

/// A core on which every example works.
struct World {
    core: LocalCore,
    folder: TempDir,
}

impl World {
    async fn start(certificate: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:sensor-database-AbCdEf";
        let secrets = json!([{ "ARN": secret, "Name": "sensor-database", "SecretString": "s" }]);
        let devices = json!({
            "devices": [{ "thingName": "lamp", "certificate": certificate }],
            "serverCertificate": {
                "certificate": certificate,
                "privateKey": "-----BEGIN PRIVATE KEY-----\n",
                "publicKey": "-----BEGIN PUBLIC KEY-----\n",
                "caCertificates": [certificate],
            },
        });
        let write = |name: &str, content: &Value| {
            let path = folder.path().join(name);
            fs::write(&path, content.to_string()).unwrap();
            // The core refuses secrets that other users can read.
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            path
        };
        let recipe = |name: &str| -> PathBuf {
            let recipe = json!({
                "RecipeFormatVersion": "2020-01-25",
                "ComponentName": name,
                "ComponentVersion": "1.0.0",
                "ComponentConfiguration": {
                    "DefaultConfiguration": { "sampling": { "intervalSeconds": 10 } },
                },
                "Manifests": [{ "Lifecycle": { "Run": "while :; do sleep 1000; done" } }],
            });
            write(&format!("{name}.json"), &recipe)
        };
        let builder = LocalCore::builder()
            .root(folder.path().join("root"))
            .cli_login()
            .notify_components()
            .run_recipe(recipe(SENSOR))
            .run_recipe(recipe(CAMERA))
            .component(METRICS)
            .component(STREAM_MANAGER)
            .client_devices(write("devices.json", &devices))
            .secrets(write("secrets.json", &secrets));
        let allowed =
            SERVICES.iter().fold(builder, |it, service| it.allow(SENSOR, service, "*", "*"));
        let allowed = allowed.allow(METRICS, "aws.greengrass.ipc.componentmetric", "*", "*");
        let core = allowed.start().await.unwrap();
        for name in [SENSOR, CAMERA] {
            let running = core.wait_for_state(name, LifecycleState::Running);
            in_time("the state", running).await.unwrap();
        }
        Self { core, folder }
    }

    /// A connection of the component that may call an operation.
    async fn caller(&self, operation: &str) -> Raw {
        let login = || self.core.components().find(|it| it.starts_with("greengrass-cli#")).unwrap();
        let component = match operation {
            "CancelLocalDeployment" | "CreateLocalDeployment" => login(),
            "PutComponentMetric" => METRICS.to_owned(),
            "ValidateAuthorizationToken" => STREAM_MANAGER.to_owned(),
            _ => SENSOR.to_owned(),
        };
        Raw::connect(&self.core, &component).await
    }

    /// Makes a call that must succeed.
    async fn call(&self, operation: &str, request: &Value) -> Value {
        let mut raw = self.caller(operation).await;
        let answer = in_time(operation, raw.call(operation, request.to_string())).await;
        answer.unwrap_or_else(|error| panic!("{operation} {request}: {error}"))
    }

    /// Creates a deployment. Returns its ID.
    async fn deploy(&self, request: &Value) -> Value {
        self.call("CreateLocalDeployment", request).await["deploymentId"].clone()
    }

    /// Calls the operation of an example with its input, after the calls that the operation requires. What a program
    /// reads while it runs is replaced: the ID of a deployment, a token, the time.
    async fn run(&self, operation: &str, mut input: Value, input_of: impl Fn(&str) -> Value) {
        let mut raw = self.caller(operation).await;
        match operation {
            "UpdateConfiguration" => {
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
                input["timestamp"] = now.as_secs_f64().into();
            }
            "DeferComponentUpdate" => {
                raw.call("SubscribeToComponentUpdates", "{}").await.unwrap();
                input["deploymentId"] = self.deploy(&json!({})).await;
                in_time("the announcement", raw.next()).await;
            }
            "SendConfigurationValidityReport" => {
                raw.call("SubscribeToValidateConfigurationUpdates", "{}").await.unwrap();
                let changes =
                    json!({ SENSOR: { "MERGE": { "sampling": { "intervalSeconds": 0 } } } });
                let id = self.deploy(&json!({ "componentToConfiguration": changes })).await;
                in_time("the question", raw.next()).await;
                input["configurationValidityReport"]["deploymentId"] = id;
            }
            "CancelLocalDeployment" | "GetLocalDeploymentStatus" => {
                input["deploymentId"] = self.deploy(&json!({})).await;
            }
            "ValidateAuthorizationToken" => input["token"] = self.core.auth_token(SENSOR).into(),
            "GetThingShadow" | "DeleteThingShadow" => {
                self.call("UpdateThingShadow", &input_of("UpdateThingShadow")).await;
            }
            "ResumeComponent" => {
                self.call("PauseComponent", &input_of("PauseComponent")).await;
            }
            "AuthorizeClientDeviceAction" => {
                let log_in = "GetClientDeviceAuthToken";
                let response = self.call(log_in, &input_of(log_in)).await;
                input["clientDeviceAuthToken"] = response["clientDeviceAuthToken"].clone();
            }
            _ => {}
        }
        let answer = in_time(operation, raw.call(operation, input.to_string())).await;
        assert!(answer.is_ok(), "{operation} {input}: {answer:?}");
    }
}

#[tokio::test]
async fn every_example_of_the_model_works() {
    let model = include_str!("../../../model/greengrass-core-ipc.json");
    let model: Value = serde_json::from_str(model).unwrap();
    let examples = |operation: &str| -> Vec<Value> {
        let traits = &model["shapes"][format!("aws.greengrass#{operation}")]["traits"];
        let examples = traits["smithy.api#examples"].as_array();
        let examples = examples.unwrap_or_else(|| panic!("{operation} has no example"));
        let input = |it: &Value| it.get("input").cloned().unwrap_or(json!({}));
        examples.iter().map(input).collect()
    };
    let first = |operation: &str| examples(operation).swap_remove(0);
    let certificate = first("VerifyClientDeviceIdentity");
    let certificate = &certificate["credential"]["clientDeviceCertificate"];
    let operations = model["shapes"].as_object().unwrap().iter();
    let operations = operations.filter(|it| it.1["type"] == "operation");
    let mut count = 0;
    for (id, _) in operations {
        let operation = id.trim_start_matches("aws.greengrass#");
        for input in examples(operation) {
            let world = World::start(certificate).await;
            world.run(operation, input, first).await;
            world.core.stop().await.unwrap();
            drop(world.folder);
            count += 1;
        }
    }
    assert!(count >= 35, "{count} examples");
}
