//! All operations, called by the unmodified official SDKs.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use greengrass_local_core::{Builder, LocalCore};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use test_util::in_time;
use tokio::task::JoinSet;

use super::official_clients::{Component, Sdk, sdks};

const COMPONENT: &str = "com.example.A";
const STREAM_MANAGER: &str = "aws.greengrass.StreamManager";
/// The file has no more than the look of a certificate.
const LAMP: &str = "-----BEGIN CERTIFICATE-----\nMAMCAAAA\n-----END CERTIFICATE-----\n";

const SERVICES: [&str; 8] = [
    "aws.greengrass.ipc.pubsub",
    "aws.greengrass.ipc.mqttproxy",
    "aws.greengrass.ipc.lifecycle",
    "aws.greengrass.ipc.componentmetric",
    "aws.greengrass.ShadowManager",
    "aws.greengrass.SecretManager",
    "aws.greengrass.clientdevices.Auth",
    "aws.greengrass.Cli",
];

/// The SDKs whose client for any operation there is.
fn tested() -> impl Iterator<Item = Sdk> {
    sdks().into_iter().filter(|it| *it != Sdk::PythonV1)
}

/// The operation that the JavaScript SDK does not have yet.
const NOT_IN_JAVASCRIPT: &str = "SubscribeToIoTCoreConnectionStatus";

/// Whether an SDK has an operation.
fn offers(sdk: Sdk, operation: &str) -> bool {
    sdk != Sdk::JavaScript || operation != NOT_IN_JAVASCRIPT
}

/// The calls of the data file, and the events that are expected between them.
fn steps() -> Vec<Value> {
    serde_json::from_str(include_str!("../../data/operations.json")).unwrap()
}

/// The errors of each operation of the model.
fn model() -> BTreeMap<String, Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../model/greengrass-core-ipc.json");
    let model: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let name = |id: &str| id.rsplit('#').next().unwrap().to_owned();
    let shapes = model["shapes"].as_object().unwrap().iter();
    let operations = shapes.filter(|(_, shape)| shape["type"] == "operation");
    let errors = |shape: &Value| {
        let errors = shape["errors"].as_array().into_iter().flatten();
        errors.map(|it| name(it["target"].as_str().unwrap())).collect()
    };
    operations.map(|(id, shape)| (name(id), errors(shape))).collect()
}

/// A core that has what the calls need, in a folder.
fn builder(folder: &TempDir) -> Builder {
    let write = |name: &str, content: Value| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content.to_string()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    };
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:";
    let secrets = json!([
        { "ARN": format!("{arn}db-AbCdEf"), "Name": "db", "SecretString": "s3cret" },
        { "ARN": format!("{arn}binary-AbCdEf"), "Name": "binary", "SecretBinary": "AAEC" },
    ]);
    let policy = json!({ "operations": ["mqtt:publish"], "resources": ["mqtt:topic:lamp/*"] });
    let devices = json!({
        "devices": [{ "thingName": "lamp", "certificate": LAMP }],
        "deviceGroups": {
            "definitions": { "all": { "selectionRule": "thingName: *", "policyName": "own" } },
            "policies": { "own": { "1": policy } },
        },
        "serverCertificate": {
            "certificate": LAMP,
            "privateKey": "-----BEGIN PRIVATE KEY-----\n",
            "publicKey": "-----BEGIN PUBLIC KEY-----\n",
            "caCertificates": [LAMP],
        },
    });
    let recipe = json!({
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": "com.example.Added",
        "ComponentVersion": "1.0.0",
        "Manifests": [{ "Lifecycle": { "Run": "sleep 1000" } }],
    });
    write("recipes/com.example.Added-1.0.0.json", recipe);
    let builder = LocalCore::builder()
        .deny_by_default()
        .thing_name("thing")
        .notify_components()
        .root(folder.path().join("root"))
        .secrets(write("secrets.json", secrets))
        .client_devices(write("devices.json", devices))
        .config(COMPONENT, json!({ "k": 1 }))
        .component("com.example.B")
        .component(STREAM_MANAGER);
    SERVICES.iter().fold(builder, |builder, service| builder.allow(COMPONENT, service, "*", "*"))
}

/// Replaces texts like `$NAME` by the value with that name.
fn replaced(value: &Value, values: &HashMap<String, Value>) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix('$') {
            Some(name) => values[name].clone(),
            None => value.clone(),
        },
        Value::Array(items) => items.iter().map(|it| replaced(it, values)).collect(),
        Value::Object(members) => {
            let members = members.iter().map(|(name, it)| (name.clone(), replaced(it, values)));
            Value::Object(members.collect())
        }
        other => other.clone(),
    }
}

/// Whether a value has what is expected: the same members, in a list items like the expected ones, and any value for
/// `<any>`.
fn has(value: &Value, expected: &Value) -> bool {
    match (value, expected) {
        (value, Value::String(text)) if text == "<any>" => !value.is_null(),
        (Value::Number(value), Value::Number(expected)) => value.as_f64() == expected.as_f64(),
        (Value::Array(values), Value::Array(expected)) => {
            expected.iter().all(|expected| values.iter().any(|it| has(it, expected)))
        }
        (Value::Object(_), Value::Object(expected)) => {
            expected.iter().all(|(name, expected)| has(&value[name], expected))
        }
        (value, expected) => value == expected,
    }
}

/// The components of one SDK, each with a process that starts at its first step.
struct Components<'c> {
    sdk: Sdk,
    core: &'c LocalCore,
    started: HashMap<String, Component>,
}

impl<'c> Components<'c> {
    fn new(sdk: Sdk, core: &'c LocalCore) -> Self {
        Self { sdk, core, started: HashMap::new() }
    }

    async fn get(&mut self, name: &str) -> &mut Component {
        let component = match name {
            "StreamManager" => STREAM_MANAGER.to_owned(),
            name => format!("com.example.{name}"),
        };
        if !self.started.contains_key(name) {
            let environment = self.core.environment(&component);
            let mut component = Component::start(self.sdk, "operations", environment).await;
            component.next("connected").await;
            self.started.insert(name.to_owned(), component);
        }
        self.started.get_mut(name).unwrap()
    }

    /// Makes the call of a step.
    async fn call(&mut self, operation: &str, component: &str, request: Value) -> Value {
        let command = json!({ "operation": operation, "request": request });
        self.get(component).await.run(command).await
    }
}

#[tokio::test]
async fn every_operation_answers_every_sdk() {
    let steps = steps();
    for sdk in tested() {
        let folder = tempfile::tempdir().unwrap();
        let core = Arc::new(builder(&folder).start().await.unwrap());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        let mut values = HashMap::from([
            ("NOW".to_owned(), json!(now)),
            ("LONG".to_owned(), json!("a/".repeat(1001))),
            ("LAMP".to_owned(), json!(LAMP)),
            ("AUTH".to_owned(), json!(core.auth_token(COMPONENT))),
            ("RECIPES".to_owned(), json!(folder.path().join("recipes"))),
            ("ROOT".to_owned(), json!(folder.path().join("root"))),
        ]);
        let mut components = Components::new(sdk, &core);
        let mut problems = Vec::new();
        let mut proposed = JoinSet::new();
        for step in &steps {
            let component = step["as"].as_str().unwrap();
            let expected = replaced(step.get("is").unwrap_or(&step["response"]), &values);
            let (result, is_expected) = if let Some(operation) = step["call"].as_str() {
                if !offers(sdk, operation) {
                    continue;
                }
                let request = replaced(&step["request"], &values);
                let result = components.call(operation, component, request).await;
                let is_expected = match step["error"].as_str() {
                    Some(error) => result["failed"] == error,
                    None => has(&result["response"], &expected),
                };
                (result["response"].clone(), is_expected)
            } else if let Some(operation) = step["event"].as_str() {
                if !offers(sdk, operation) {
                    continue;
                }
                let event = components.get(component).await.next("event").await;
                let is_expected = event["event_of"] == operation && has(&event["event"], &expected);
                (event["event"].clone(), is_expected)
            } else {
                let (core, values) = (Arc::clone(&core), step["propose"].clone());
                proposed.spawn(async move { core.propose_config(COMPONENT, values).await });
                continue;
            };
            if !is_expected {
                problems.push(format!("{sdk:?} {step}\n  {result}"));
            }
            for (name, pointer) in step["save"].as_object().unwrap_or(&Map::new()) {
                let saved = result.pointer(pointer.as_str().unwrap()).cloned();
                values.insert(name.clone(), saved.unwrap_or_default());
            }
        }
        assert!(problems.is_empty(), "{}", problems.join("\n"));
        let accepted = in_time("the accepted proposal", proposed.join_next()).await;
        assert!(matches!(accepted, Some(Ok(Ok(())))), "{accepted:?}");
    }
    let called = steps.iter().filter(|it| it.get("response").is_some());
    let called: BTreeSet<_> = called.map(|it| it["call"].as_str().unwrap().to_owned()).collect();
    let missing: Vec<_> = model().into_keys().filter(|it| !called.contains(it)).collect();
    assert_eq!(missing, Vec::<String>::new(), "operations without a call that succeeds");
}

#[tokio::test]
async fn every_sdk_reads_each_error_of_each_operation() {
    let steps = steps();
    let model = model();
    for sdk in tested() {
        let mut builder = LocalCore::builder().component(COMPONENT);
        for (operation, errors) in &model {
            let calls = errors.iter().map(|error| {
                let members = json!({ "message": format!("{error} of {operation}") });
                json!({ "error": { "shape": error, "members": members } })
            });
            builder = builder.on(operation, calls.collect::<Vec<_>>());
        }
        let core = builder.start().await.unwrap();
        let mut components = Components::new(sdk, &core);
        for (operation, errors) in model.iter().filter(|it| offers(sdk, it.0)) {
            let step = steps.iter().find(|it| it["call"] == **operation).unwrap();
            // Values that other calls return.
            let values = [
                "NOW",
                "LONG",
                "LAMP",
                "AUTH",
                "RECIPES",
                "ROOT",
                "TOKEN",
                "DEPLOYMENT",
                "PROPOSAL",
            ];
            let values =
                values.map(|it| (it.to_owned(), if it == "NOW" { json!(1) } else { json!("x") }));
            let request = replaced(&step["request"], &values.into());
            for error in errors {
                let result = components.call(operation, "A", request.clone()).await;
                let message = format!("{error} of {operation}");
                let expected = json!({ "failed": error, "message": message });
                assert_eq!(result, expected, "{sdk:?}");
            }
        }
    }
}
