//! The official SDKs, unmodified, as components of the local core.

use conformance::official::{self, Tool};
use std::{path::Path, process::Stdio};

use greengrass_core_ipc::{
    Subscription,
    operation::{
        list_components::ListComponents, publish_to_topic::PublishToTopic,
        subscribe_to_topic::SubscribeToTopic,
    },
    types::{
        BinaryMessage, JsonMessage, PublishMessage, SubscriptionResponseMessage,
        error::{ServiceError, UnauthorizedError},
    },
};
use greengrass_local_core::LocalCore;
use serde_json::{Value, json};
use test_util::TIMEOUT;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

/// A client of an official SDK. Each test runs with all of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sdk {
    PythonV1,
    PythonV2,
    JavaScript,
}

/// The SDKs whose tools are installed.
pub(super) fn sdks() -> Vec<Sdk> {
    let mut sdks = Vec::new();
    if official::has(Tool::Python) {
        sdks.extend([Sdk::PythonV1, Sdk::PythonV2]);
    }
    if official::has(Tool::Node) {
        sdks.push(Sdk::JavaScript);
    }
    sdks
}

/// A component that runs as a separate process.
pub(super) struct Component {
    sdk: Sdk,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    process: Child,
    /// Output that was read while waiting for other output.
    pending: Vec<Value>,
}

impl Component {
    /// Starts the script `PROGRAM.py` or `PROGRAM.js`.
    pub(super) async fn start(sdk: Sdk, program: &str, environment: [(&str, String); 2]) -> Self {
        let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
        let mut command = match sdk {
            Sdk::PythonV1 | Sdk::PythonV2 => {
                let mut command = Command::new("python3");
                command.env("PYTHONPATH", official::python_folder().unwrap());
                command.arg(clients.join(program).with_extension("py"));
                command.arg(if sdk == Sdk::PythonV1 { "v1" } else { "v2" });
                command
            }
            Sdk::JavaScript => {
                let mut command = Command::new("node");
                let modules = official::node_folder().unwrap().join("node_modules");
                command.env("NODE_PATH", modules).arg(clients.join(program).with_extension("js"));
                command
            }
        };
        let mut process = command
            .envs(environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("Python 3 and Node.js are installed");
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { sdk, input, output, process, pending: Vec::new() }
    }

    async fn connect(sdk: Sdk, core: &LocalCore, name: &str) -> Self {
        let mut component = Self::start(sdk, "component", core.environment(name)).await;
        assert_eq!(component.next("connected").await, json!({"connected": true}));
        component
    }

    /// The next output that has one of these members. Other output is kept for later calls.
    async fn any(&mut self, keys: &[&str]) -> Value {
        let matches = |output: &Value| keys.iter().any(|key| output.get(key).is_some());
        if let Some(index) = self.pending.iter().position(matches) {
            return self.pending.remove(index);
        }
        loop {
            let line = tokio::time::timeout(TIMEOUT, self.output.next_line()).await;
            let line = line.unwrap_or_else(|_| {
                panic!("{:?} does not print {keys:?}, but {:?}", self.sdk, self.pending)
            });
            let Some(line) = line.unwrap() else {
                panic!("{:?} exited without {keys:?}, after {:?}", self.sdk, self.pending)
            };
            let value: Value = serde_json::from_str(&line).unwrap();
            if matches(&value) {
                return value;
            }
            self.pending.push(value);
        }
    }

    pub(super) async fn next(&mut self, key: &str) -> Value {
        self.any(&[key]).await
    }

    /// Executes a command and returns its result.
    pub(super) async fn run(&mut self, command: Value) -> Value {
        self.input.write_all(format!("{command}\n").as_bytes()).await.unwrap();
        self.any(&["done", "failed"]).await
    }

    #[track_caller]
    fn assert_done(&self, result: &Value) {
        assert!(result.get("done").is_some(), "{:?}: {result}", self.sdk);
    }

    async fn done(&mut self, command: Value) -> Value {
        let result = self.run(command).await;
        self.assert_done(&result);
        result["result"].clone()
    }

    async fn close(mut self) {
        self.done(json!({"do": "close"})).await;
        drop(self.input);
        let status = tokio::time::timeout(TIMEOUT, self.process.wait()).await;
        assert!(status.expect("the process ends in time").unwrap().success());
    }
}

async fn core() -> LocalCore {
    LocalCore::builder()
        .exact_numbers()
        .config("com.example.A", json!({"a": 1, "b": {"c": "x"}}))
        .component("com.example.B")
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_rejected_token_is_an_error_in_every_sdk() {
    let core = core().await;
    let [(path_name, path), (token_name, _)] = core.environment("com.example.A");
    for sdk in sdks() {
        let environment = [(path_name, path.clone()), (token_name, "AAAAAAAAAAAAAAAA".to_owned())];
        let mut component = Component::start(sdk, "component", environment).await;
        let failed = component.next("connect_failed").await;
        let expected = match sdk {
            Sdk::PythonV1 | Sdk::PythonV2 => "AccessDeniedError",
            Sdk::JavaScript => "Error",
        };
        assert_eq!(failed["connect_failed"], expected, "{sdk:?}");
    }
}

/// Messages to publish, each with the event that subscribers receive.
fn messages() -> [(Value, Value); 4] {
    [
        (json!({"kind": "binary", "message": "AAEC//79"}), json!("AAEC//79")),
        (json!({"kind": "binary", "message": ""}), json!("")),
        (json!({"kind": "json", "message": {}}), json!({})),
        (
            json!({"kind": "json", "message": {"a": [1, 2.5, null, true], "": "\u{e9}\u{1F600}"}}),
            json!({"a": [1, 2.5, null, true], "": "\u{e9}\u{1F600}"}),
        ),
    ]
}

fn publish(message: &Value, topic: &str) -> Value {
    let mut command = message.clone();
    command["do"] = json!("publish");
    command["topic"] = json!(topic);
    command
}

#[tokio::test]
async fn messages_are_delivered_from_every_sdk_to_every_other() {
    let core = core().await;
    let rust = core.connection("com.example.B").connect().await.unwrap();
    let rust = greengrass_core_ipc::Client::new(rust);
    let mut rust_receives = rust.subscribe_to_topic().topic("from/#").send().await.unwrap();
    let mut components = Vec::new();
    for sdk in sdks() {
        let mut component = Component::connect(sdk, &core, "com.example.A").await;
        // Filters with wildcards would not receive the messages of their own component.
        for from in ["PythonV1", "PythonV2", "JavaScript", "Rust"] {
            component.done(json!({"do": "subscribe", "topic": format!("from/{from}")})).await;
        }
        components.push(component);
    }
    for sender in 0..components.len() {
        let topic = format!("from/{:?}", components[sender].sdk);
        for (message, expected) in messages() {
            components[sender].done(publish(&message, &topic)).await;
            assert_eq!(next(&mut rust_receives).await, (topic.clone(), expected.clone()));
            for receiver in &mut components {
                let event = receiver.next("event").await;
                assert_eq!(event["event"], expected, "{topic} to {:?}", receiver.sdk);
                assert_eq!((&event["topic"], &event["kind"]), (&json!(topic), &message["kind"]));
            }
        }
    }
    for (message, expected) in messages() {
        let sent: PublishMessage = match message["kind"].as_str().unwrap() {
            "json" => JsonMessage::builder().message(message["message"].clone()).build().into(),
            _ if message["message"] == "" => BinaryMessage::builder().message("").build().into(),
            _ => BinaryMessage::builder().message(&[0, 1, 2, 255, 254, 253]).build().into(),
        };
        rust.publish_to_topic().topic("from/Rust").publish_message(sent).send().await.unwrap();
        for receiver in &mut components {
            assert_eq!(receiver.next("event").await["event"], expected, "{:?}", receiver.sdk);
        }
    }
    for component in components {
        component.close().await;
    }
}

/// The topic and content of the next message, in the form that the components report.
async fn next(subscription: &mut Subscription<SubscribeToTopic>) -> (String, Value) {
    let event =
        tokio::time::timeout(TIMEOUT, subscription.next()).await.expect("an event arrives in time");
    match event.unwrap().unwrap() {
        SubscriptionResponseMessage::JsonMessage(event) => {
            (event.context.unwrap().topic.unwrap(), event.message.unwrap())
        }
        event @ SubscriptionResponseMessage::BinaryMessage(_) => {
            use eventstream_rpc::json::Shape;
            let event: Value = serde_json::from_str(&event.to_json().unwrap()).unwrap();
            let event = &event["binaryMessage"];
            (event["context"]["topic"].as_str().unwrap().to_owned(), event["message"].clone())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_sdk_reads_updates_and_watches_configuration() {
    for sdk in sdks() {
        let core = core().await;
        let mut component = Component::connect(sdk, &core, "com.example.A").await;
        let get = |path: Value| json!({"do": "get", "path": path});
        assert_eq!(component.done(get(json!(["b", "c"]))).await, json!({"c": "x"}), "{sdk:?}");
        assert_eq!(component.done(get(json!([]))).await, json!({"a": 1, "b": {"c": "x"}}));
        component.done(json!({"do": "watch", "path": ["b"]})).await;
        let update =
            json!({"do": "update", "path": ["b"], "value": {"c": "y", "n": [1, {"z": null}]}});
        component.done(update).await;
        let mut changed = [component.next("changed").await, component.next("changed").await];
        if sdk == Sdk::PythonV2 {
            // The SDK calls handlers on a pool of threads, which may reorder events.
            changed.sort_by_key(Value::to_string);
        }
        let expected =
            ["c", "n"].map(|name| json!({"changed": ["b", name], "component": "com.example.A"}));
        assert_eq!(changed, expected, "{sdk:?}");
        let expected = json!({"c": "y", "n": [1, {"z": null}]});
        assert_eq!(component.done(get(json!(["b"]))).await, expected, "{sdk:?}");
        component.close().await;
    }
}

#[tokio::test]
async fn every_sdk_reports_errors_of_each_kind() {
    for sdk in sdks() {
        let core = core().await;
        let mut component = Component::connect(sdk, &core, "com.example.A").await;
        let message = json!({"kind": "json", "message": {}});
        let failed = |result: Value| {
            (result["failed"].as_str().unwrap_or_default().to_owned(), result["message"].clone())
        };
        let modelled =
            |name: &str| if sdk == Sdk::JavaScript { "service" } else { name }.to_owned();

        core.on_next(PublishToTopic).fail(UnauthorizedError::builder().message("not you").build());
        let result = failed(component.run(publish(&message, "t")).await);
        assert_eq!(result, (modelled("UnauthorizedError"), json!("not you")), "{sdk:?}");

        let result = failed(component.run(json!({"do": "get", "path": ["zzz"]})).await);
        assert_eq!(result, (modelled("ResourceNotFoundError"), json!("Key not found")), "{sdk:?}");

        core.on_next(ListComponents).fail(ServiceError::builder().message("no list").build());
        let result = failed(component.run(json!({"do": "list"})).await);
        assert_eq!(result, (modelled("ServiceError"), json!("no list")), "{sdk:?}");

        // An error that the model does not declare only fails the call.
        core.on_next(PublishToTopic).fail_unmodelled();
        core.on_next(ListComponents).unsupported();
        let (kind, _) = failed(component.run(publish(&message, "t")).await);
        let (unsupported, _) = failed(component.run(json!({"do": "list"})).await);
        let expected = match sdk {
            Sdk::PythonV1 | Sdk::PythonV2 => "StreamClosedError",
            Sdk::JavaScript => "RpcError",
        };
        assert_eq!((&*kind, &*unsupported), (expected, expected), "{sdk:?}");
        component.done(publish(&message, "t")).await;
        component.close().await;
    }
}

#[tokio::test]
async fn streams_end_by_either_side_and_with_the_core() {
    for sdk in sdks() {
        let core = core().await;
        let mut component = Component::connect(sdk, &core, "com.example.A").await;
        component.done(json!({"do": "subscribe", "topic": "t"})).await;
        component.done(json!({"do": "unsubscribe"})).await;
        component.next("stream_closed").await;

        // The core ends the stream.
        let events = core.on_next(SubscribeToTopic).open(Default::default());
        component.done(json!({"do": "subscribe", "topic": "t"})).await;
        events.end();
        component.next("stream_closed").await;

        // The core ends the stream with an error.
        let events = core.on_next(SubscribeToTopic).open(Default::default());
        component.done(json!({"do": "subscribe", "topic": "t"})).await;
        events.fail(UnauthorizedError::builder().message("no more").build());
        component.next("stream_error").await;
        component.next("stream_closed").await;

        // The core stops.
        component.done(json!({"do": "subscribe", "topic": "t"})).await;
        core.stop().await.unwrap();
        component.next("stream_closed").await;
        let result = component.run(json!({"do": "get", "path": []})).await;
        assert!(result.get("failed").is_some(), "{sdk:?}: {result}");
    }
}
