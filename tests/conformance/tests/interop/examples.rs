//! The examples work as processes that are connected to the local core.

use conformance::official::{self, Tool};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use greengrass_core_ipc::{
    Client, Subscription,
    operation::{publish_to_topic::PublishToTopic, subscribe_to_topic::SubscribeToTopic},
    types::{
        BinaryMessage, SubscriptionResponseMessage,
        error::{InvalidArgumentsError, ServiceError, UnauthorizedError},
    },
};
use greengrass_local_core::LocalCore;
use serde_json::{Value, json};
use test_util::TIMEOUT;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

const COMPONENT: &str = "com.example.HelloRust";

const OTHER: &str = "com.example.Other";

const PUBSUB: &str = "aws.greengrass.ipc.pubsub";

/// A core with the recipe of the component, and another component, which may use all topics.
fn core_of_recipe() -> greengrass_local_core::Builder {
    LocalCore::builder().recipe(path("recipe.json")).allow(OTHER, PUBSUB, "*", "*")
}

/// A core on which the component may use all topics, for examples other than that of the recipe.
async fn core() -> LocalCore {
    core_of_recipe().allow(COMPONENT, PUBSUB, "*", "*").start().await.unwrap()
}

fn path(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../generated/examples/component");
    Path::new(folder).join(name)
}

/// A running example.
struct Example {
    process: Child,
    output: Option<Lines<BufReader<ChildStdout>>>,
}

impl Example {
    fn start(program: &Path, core: &LocalCore, args: &[&str]) -> Self {
        Self::spawn(Command::new(program).args(args), core)
    }

    fn spawn(command: &mut Command, core: &LocalCore) -> Self {
        let command = command.envs(core.environment(COMPONENT)).stdout(Stdio::piped());
        let mut process = command.kill_on_drop(true).spawn().unwrap();
        let output = process.stdout.take().map(|it| BufReader::new(it).lines());
        Self { process, output }
    }

    async fn line(&mut self) -> String {
        let output = self.output.as_mut().expect("the output is open");
        let line = tokio::time::timeout(TIMEOUT, output.next_line()).await;
        line.expect("a line is printed in time").unwrap().expect("the output is open")
    }

    /// Closes the reading end of the example's standard output.
    fn close_output(&mut self) {
        self.output = None;
    }

    async fn code(&mut self) -> Option<i32> {
        let status = tokio::time::timeout(TIMEOUT, self.process.wait()).await;
        status.expect("the process ends in time").unwrap().code()
    }

    async fn status(&mut self) -> bool {
        self.code().await == Some(0)
    }

    fn terminate(&self) {
        test_util::signal(self.process.id().unwrap(), "TERM");
    }
}

fn example(name: &str) -> PathBuf {
    official::example(name).unwrap()
}

fn binary(text: &str) -> BinaryMessage {
    BinaryMessage::builder().message(text).build()
}

async fn publish(client: &Client, topic: &str, text: &str) {
    client.publish_to_topic().topic(topic).publish_message(binary(text)).send().await.unwrap();
}

/// The next message of a subscription, which is a text.
async fn next_text(subscription: &mut Subscription<SubscribeToTopic>) -> String {
    let event = tokio::time::timeout(TIMEOUT, subscription.next()).await;
    let event = event.expect("a message arrives").unwrap().unwrap();
    let SubscriptionResponseMessage::BinaryMessage(message) = event else { panic!("{event:?}") };
    String::from_utf8(message.message.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn publish_and_subscribe_print_both_kinds_of_messages() {
    let core = core().await;
    let mut subscriber = Example::start(&example("subscribe"), &core, &["a/+"]);
    assert_eq!(subscriber.line().await, "subscribed to a/+");
    // The subscriber receives messages of its own component although the filter has a wildcard.
    let mut publisher = Example::start(&example("publish"), &core, &["a/b", "hi"]);
    assert_eq!(publisher.line().await, "published two messages to a/b");
    assert!(publisher.status().await);
    assert_eq!(subscriber.line().await, r#"a/b: {"text":"hi"}"#);
    assert_eq!(subscriber.line().await, "a/b: 2 bytes: hi");
    let client = core.connect(OTHER).await.unwrap();
    publish(&client, "a/c", "from another").await;
    assert_eq!(subscriber.line().await, "a/c: 12 bytes: from another");
    let json = greengrass_core_ipc::types::JsonMessage::builder().message(json!({"x": 1})).build();
    client.publish_to_topic().topic("a/d").publish_message(json).send().await.unwrap();
    assert_eq!(subscriber.line().await, r#"a/d: {"x":1.0}"#);
    // The example exits when the core stops.
    core.stop().await.unwrap();
    assert!(subscriber.status().await, "the end of the stream is not an error");
}

#[tokio::test]
async fn a_handler_makes_calls() {
    let core = core().await;
    // Connects as the component of the example itself.
    let client = core.connect(COMPONENT).await.unwrap();
    let mut answers = client.subscribe_to_topic().topic("answers").send().await.unwrap();
    let mut example = Example::start(&example("subscribe_handler"), &core, &[]);
    assert_eq!(example.line().await, "answering");
    for text in ["one", "two"] {
        publish(&client, "requests", text).await;
        assert_eq!(next_text(&mut answers).await, text.to_uppercase());
    }
    core.disconnect_all().await;
    assert_eq!(example.line().await, "the subscription has ended");
    assert!(!example.status().await, "a failed component is restarted by the nucleus");
}

#[tokio::test]
async fn the_blocking_examples_work() {
    let core = core().await;
    let client = core.connect(COMPONENT).await.unwrap();
    let mut answers = client.subscribe_to_topic().topic("answers").send().await.unwrap();
    let (program, handler) = (example("blocking"), example("blocking_handler"));
    let mut example = Example::start(&program, &core, &[]);
    assert_eq!(example.line().await, "answering");
    for text in ["one", "two"] {
        publish(&client, "requests", text).await;
        assert_eq!(next_text(&mut answers).await, text.to_uppercase());
    }
    let mut readings = client.subscribe_to_topic().topic("readings").send().await.unwrap();
    let mut handler = Example::start(&handler, &core, &["+", "readings", "3"]);
    for number in 1..=3 {
        assert_eq!(handler.line().await, format!("received: reading {number}"));
    }
    for number in 1..=3 {
        assert_eq!(next_text(&mut readings).await, format!("reading {number}"));
    }
    publish(&client, "commands", "stop").await;
    assert_eq!(handler.line().await, "received: stop");
    core.stop().await.unwrap();
    assert!(!handler.status().await, "a failed component is restarted by the nucleus");
    assert_eq!(example.line().await, "the subscription has ended");
    assert!(example.status().await);
}

#[tokio::test]
async fn the_lifecycle_is_reported() {
    // The example needs no configuration.
    let core = LocalCore::builder().component(COMPONENT).start().await.unwrap();
    let mut command = Command::new(example("lifecycle"));
    let mut example = Example::spawn(command.stderr(Stdio::piped()), &core);
    let mut errors = BufReader::new(example.process.stderr.take().unwrap()).lines();
    assert_eq!(example.line().await, "connected");
    core.disconnect_all().await;
    assert_eq!(example.line().await, "disconnected: the nucleus has stopped");
    assert!(!example.status().await);
    let error = errors.next_line().await.unwrap().unwrap();
    assert_eq!(error, "Error: the other side closed the connection", "no call has failed");
}

#[tokio::test]
async fn errors_are_distinguished() {
    let core = core().await;
    let program = example("errors");
    let run = || async {
        let mut example = Example::start(&program, &core, &["a/b"]);
        let line = example.line().await;
        (line, example.status().await)
    };
    assert_eq!(run().await, ("published to a/b".to_owned(), true));
    let next = || core.on_next(PublishToTopic);
    next().fail(UnauthorizedError::builder().message("no").build());
    assert!(run().await.0.starts_with("denied; the recipe's accessControl must allow a/b: "));
    next().fail(ServiceError::builder().message("disk full").build());
    assert_eq!(run().await, ("the nucleus failed: ServiceError: disk full".to_owned(), false));
    next().fail(InvalidArgumentsError::builder().message("bad").build());
    assert!(run().await.0.starts_with("a/b is not a topic to publish to: "));
    next().ignore();
    assert!(run().await.0.starts_with("no answer in time"));
    next().disconnect();
    assert!(run().await.0.starts_with("the connection was lost"));
}

#[tokio::test]
async fn a_graceful_stop_says_goodbye() {
    let core = core().await;
    let client = core.connect(OTHER).await.unwrap();
    let mut goodbyes = client.subscribe_to_topic().topic("goodbye").send().await.unwrap();
    let mut example = Example::start(&example("graceful_stop"), &core, &[]);
    assert_eq!(example.line().await, "subscribed");
    example.terminate();
    assert!(goodbyes.next().await.unwrap().is_ok());
    assert_eq!(example.line().await, "stopped");
    assert!(example.status().await);
}

#[tokio::test]
async fn a_component_exits_when_its_connection_is_closed() {
    let core = core().await;
    let client = core.connect(OTHER).await.unwrap();
    let mut answers = client.subscribe_to_topic().topic("answers").send().await.unwrap();
    let program = example("exit_when_closed");
    let mut example = Example::start(&program, &core, &[]);
    assert_eq!(example.line().await, "serving");
    publish(&client, "requests", "request").await;
    assert!(answers.next().await.unwrap().is_ok());
    core.disconnect_all().await;
    assert_eq!(example.line().await, "exiting: the other side closed the connection");
    assert!(!example.status().await, "a failed component is restarted by the nucleus");

    let mut example = Example::start(&program, &core, &[]);
    assert_eq!(example.line().await, "serving");
    example.terminate();
    assert_eq!(example.line().await, "stopped");
    assert!(example.status().await);
}

#[tokio::test]
async fn programs_exit_without_a_standard_output() {
    let core = core().await;
    let component = official::binary("hello-component").unwrap();
    for (program, first) in [
        (example("exit_when_closed"), "serving"),
        (component, "serving"),
        (example("graceful_stop"), "subscribed"),
    ] {
        let mut example = Example::start(&program, &core, &[]);
        assert_eq!(example.line().await, first);
        example.close_output();
        example.terminate();
        assert_eq!(example.code().await, Some(0), "{program:?}");
    }
    let mut example = Example::start(&example("exit_when_closed"), &core, &[]);
    assert_eq!(example.line().await, "serving");
    example.close_output();
    core.disconnect_all().await;
    assert_eq!(example.code().await, Some(1));
}

#[tokio::test]
async fn a_process_reconnects_until_its_token_is_rejected() {
    let core = core().await;
    let mut example = Example::start(&example("reconnect"), &core, &[]);
    assert_eq!(example.line().await, "subscribed");
    for _ in 0..3 {
        core.disconnect_all().await;
        assert_eq!(example.line().await, "disconnected");
        assert_eq!(example.line().await, "subscribed again");
        let client = core.connect(OTHER).await.unwrap();
        publish(&client, "my/topic", "again").await;
        assert!(example.line().await.starts_with("event: "));
    }
    core.refuse_tokens(true);
    core.disconnect_all().await;
    assert_eq!(example.line().await, "disconnected");
    assert!(example.line().await.starts_with("the subscription failed: "));
    assert_eq!(
        example.line().await,
        "refused: the server refused the connection: is the token valid?"
    );
    assert!(!example.status().await);
}

#[tokio::test]
async fn the_component_answers_until_it_or_the_core_is_stopped() {
    let program = official::binary("hello-component").unwrap();
    let core = core_of_recipe().start().await.unwrap();
    let client = core.connect(OTHER).await.unwrap();
    let mut answers = client.subscribe_to_topic().topic("hello/answers").send().await.unwrap();
    let mut component = Example::start(&program, &core, &[]);
    assert_eq!(component.line().await, "serving");
    publish(&client, "hello/requests", "Rust").await;
    assert_eq!(next_text(&mut answers).await, "Hello, Rust!");
    component.terminate();
    assert_eq!(component.line().await, "stopped");
    assert!(component.status().await);

    let mut component = Example::start(&program, &core, &[]);
    assert_eq!(component.line().await, "serving");
    core.disconnect_all().await;
    assert!(!component.status().await, "a failed component is restarted by the nucleus");
}

#[test]
fn both_recipes_agree_and_authorise_the_topics_of_the_component() {
    if !official::has(Tool::Node) {
        return;
    }
    let text = |name| std::fs::read_to_string(path(name)).unwrap();
    let json: Value = serde_json::from_str(&text("recipe.json")).unwrap();
    let script =
        "console.log(JSON.stringify(require('js-yaml').load(require('fs').readFileSync(0))))";
    let mut node = std::process::Command::new("node")
        .args(["-e", script])
        .env("NODE_PATH", official::node_folder().unwrap().join("node_modules"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = node.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, text("recipe.yaml").as_bytes()).unwrap();
    drop(input);
    let yaml: Value = serde_json::from_slice(&node.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(yaml, json);

    let manifest = &json["Manifests"][0];
    assert_eq!(manifest["Lifecycle"]["Run"], "\"{artifacts:path}/hello-component\"");
    assert_eq!(manifest["Artifacts"][0]["Permission"]["Execute"], "ALL");
    let source = text("src/main.rs");
    let policies = &json["ComponentConfiguration"]["DefaultConfiguration"]["accessControl"]["aws.greengrass.ipc.pubsub"];
    for policy in policies.as_object().unwrap().values() {
        let topic = policy["resources"][0].as_str().unwrap();
        assert!(source.contains(&format!("\"{topic}\"")), "{topic} is not used");
    }
}
