//! Permissions: which calls are allowed, when a change takes effect, and the explanation of a denial.

use crate::support::{Program, Raw};
use greengrass_core_ipc::{Client, types::BinaryMessage};
use greengrass_local_core::{Builder, LocalCore};
use serde_json::{Map, Value, json};

const PUBSUB: &str = "aws.greengrass.ipc.pubsub";
const PUBLISH: &str = "aws.greengrass#PublishToTopic";

fn cases(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

/// An `accessControl` with one policy for local topics.
fn pubsub(id: &str, topics: &[&str]) -> Value {
    let policy = json!({ "operations": ["*"], "resources": topics });
    json!({ "accessControl": { PUBSUB: { id: policy } } })
}

/// A request of an operation that is checked for a resource.
fn request(operation: &str, resource: &str) -> Value {
    let shadow = resource.strip_prefix("$aws/things/").unwrap_or_default();
    let (thing, shadow) = shadow.split_once("/shadow").unwrap_or_default();
    let shadow = shadow.trim_start_matches("/name/");
    match operation {
        "PublishToTopic" => json!({
            "topic": resource, "publishMessage": { "binaryMessage": { "message": "" } }
        }),
        "SubscribeToTopic" => json!({ "topic": resource }),
        "PublishToIoTCore" => json!({ "topicName": resource, "qos": "0", "payload": "" }),
        "SubscribeToIoTCore" => json!({ "topicName": resource, "qos": "0" }),
        "UpdateThingShadow" => json!({ "thingName": thing, "shadowName": shadow, "payload": "" }),
        "GetThingShadow" => json!({ "thingName": thing, "shadowName": shadow }),
        "ListNamedShadowsForThing" => json!({ "thingName": resource }),
        "CancelLocalDeployment" => json!({ "deploymentId": "1-2-3-4-5" }),
        "PutComponentMetric" => json!({
            "metrics": [{ "name": resource, "unit": "Count", "value": 1 }]
        }),
        _ => json!({ "componentName": resource }),
    }
}

/// Whether a call is authorized. It may fail for another reason.
async fn is_allowed(raw: &mut Raw, operation: &str, resource: &str) -> bool {
    let request = request(operation, resource).to_string();
    raw.call(operation, request).await != Err("UnauthorizedError".to_owned())
}

async fn publish(client: &Client, topic: &str) -> Result<(), Option<String>> {
    let message = BinaryMessage::builder().message("x").build();
    let publishing = client.publish_to_topic().topic(topic).publish_message(message).send();
    publishing.await.map(drop).map_err(|error| error.code().map(str::to_owned))
}

fn unauthorized() -> Result<(), Option<String>> {
    Err(Some("UnauthorizedError".to_owned()))
}

#[tokio::test]
async fn policies_match_as_the_nucleus_s_do() {
    let mut count = 0;
    for case in cases(include_str!("data/authz-cases.json")) {
        let text = |member: &str| case[member].as_str().unwrap();
        let operation = text("request_operation").trim_start_matches("aws.greengrass#");
        if ["GetSecretValue", "AuthorizeClientDeviceAction"].contains(&operation) {
            // Not served, so that permissions are not checked, as in a nucleus without the plugin.
            continue;
        }
        let policy = json!({ "operations": case["operations"], "resources": case["resources"] });
        let configuration = json!({ "accessControl": { text("service"): { "p": policy } } });
        let core = LocalCore::builder().config("aws.x", configuration).start().await.unwrap();
        let mut raw = Raw::connect(&core, "aws.x").await;
        let is_allowed = is_allowed(&mut raw, operation, text("request_resource")).await;
        assert_eq!(is_allowed, case["java"] == "allow", "{case}");
        count += 1;
    }
    assert_eq!(count, 51);
}

#[tokio::test]
async fn policies_are_loaded_as_the_nucleus_does() {
    for case in cases(include_str!("data/access-control.json")) {
        let mut builder = LocalCore::builder().deny_by_default();
        for (name, access_controls) in case["components"].as_object().unwrap() {
            let access_control = access_controls.as_array().unwrap().first();
            let access_control = access_control.map(|it| ("accessControl".to_owned(), it.clone()));
            builder = builder.config(name, Map::from_iter(access_control));
        }
        let core = builder.start().await.unwrap();
        for request in case["requests"].as_array().unwrap() {
            let text = |at: usize| request[at].as_str().unwrap();
            let mut raw = Raw::connect(&core, text(0)).await;
            let is_allowed = is_allowed(&mut raw, text(1), text(2)).await;
            assert_eq!(Value::from(is_allowed), request[3], "{request} of {case}");
        }
    }
}

/// Whether components `a` and `b` may publish to `t`.
async fn publish_to_t(builder: Builder) -> (bool, bool) {
    let core = builder.component("a").component("b").start().await.unwrap();
    let (a, b) = (core.connect("a").await.unwrap(), core.connect("b").await.unwrap());
    (publish(&a, "t").await.is_ok(), publish(&b, "t").await.is_ok())
}

#[tokio::test]
async fn authorization_is_on_for_all_as_soon_as_one_component_has_policies() {
    let builder = LocalCore::builder;
    assert_eq!(publish_to_t(builder()).await, (true, true));
    assert_eq!(publish_to_t(builder().deny_by_default()).await, (false, false));
    assert_eq!(publish_to_t(builder().config("a", pubsub("p", &["t"]))).await, (true, false));
    let empty = json!({ "AccessControl": {} });
    assert_eq!(publish_to_t(builder().config("a", empty)).await, (false, false));
    assert_eq!(publish_to_t(builder().allow("b", PUBSUB, PUBLISH, "t")).await, (false, true));
    // An authorizer replaces them.
    let hook = builder().deny_by_default().authorizer(|it| it.component == "a");
    assert_eq!(publish_to_t(hook).await, (true, false));
}

#[tokio::test]
async fn allow_adds_policies_to_the_configuration() {
    let core = LocalCore::builder()
        .allow("a", PUBSUB, "*", "x/*")
        .allow("a", PUBSUB, PUBLISH, "y")
        .config("a", pubsub("A:pubsub:2", &["z"]))
        .start()
        .await
        .unwrap();
    let client = core.connect("a").await.unwrap();
    for topic in ["x/1", "y", "z"] {
        assert_eq!(publish(&client, topic).await, Ok(()), "{topic}");
    }
    assert_eq!(publish(&client, "t").await, unauthorized());
    let path = ["accessControl", PUBSUB];
    let value = client.get_configuration().key_path(path).send().await.unwrap().value.unwrap();
    let ids: Vec<_> = value.as_object().unwrap().keys().collect();
    assert_eq!(ids, ["A:pubsub:2", "a:pubsub:1", "a:pubsub:3"]);
    assert_eq!(value["a:pubsub:3"], json!({ "operations": [PUBLISH], "resources": ["y"] }));

    for (service, operation, resource, expected) in [
        ("pubsub", PUBLISH, "t", "is not a service identifier"),
        (PUBSUB, "PublishToTopic", "t", "did you mean aws.greengrass#PublishToTopic?"),
        (PUBSUB, PUBLISH, "t?", "? is reserved"),
        (PUBSUB, PUBLISH, "", "the resource is blank"),
    ] {
        let core = LocalCore::builder().allow("a", service, operation, resource);
        let error = core.start().await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let text = json!({ "accessControl": "{}" });
    let core = LocalCore::builder().config("a", text).allow("a", PUBSUB, PUBLISH, "t");
    let error = core.start().await.unwrap_err();
    assert!(error.to_string().contains("cannot add a policy to the accessControl of a"), "{error}");
}

#[tokio::test]
async fn a_change_applies_to_later_calls_and_leaves_subscriptions_open() {
    let core = LocalCore::builder()
        .config("a", pubsub("p", &["t", "u"]))
        .config("b", json!({ "AccessControl": pubsub("p", &["t"])["accessControl"] }))
        .start()
        .await
        .unwrap();
    let (a, b) = (core.connect("a").await.unwrap(), core.connect("b").await.unwrap());
    let mut subscription = b.subscribe_to_topic().topic("t").send().await.unwrap();
    assert_eq!(publish(&b, "u").await, unauthorized());

    // Another policy is added to what is there.
    core.merge_config("b", pubsub("q", &["u"]));
    assert_eq!(publish(&b, "u").await, Ok(()));
    assert_eq!(publish(&b, "t").await, Ok(()));
    // A list is replaced as a whole, and the other component keeps its permissions.
    core.merge_config("b", pubsub("P", &["v"]));
    assert_eq!(publish(&b, "t").await, unauthorized());
    assert_eq!(publish(&b, "v").await, Ok(()));
    assert!(b.subscribe_to_topic().topic("t").send().await.is_err());
    assert_eq!(publish(&a, "t").await, Ok(()));
    for _ in 0..2 {
        subscription.next().await.unwrap().unwrap();
    }
    // Other keys change no permissions.
    core.merge_config("b", json!({ "greeting": "hi" }));
    assert_eq!(publish(&b, "v").await, Ok(()));
    // An invalid accessControl removes the permissions of its component until it is corrected.
    core.merge_config("b", json!({ "accessControl": { PUBSUB: { "q": { "effect": "allow" } } } }));
    assert_eq!(publish(&b, "v").await, unauthorized());
    assert_eq!(publish(&a, "t").await, Ok(()));
    core.merge_config("b", json!({ "accessControl": null }));
    core.merge_config("b", pubsub("q", &["v"]));
    assert_eq!(publish(&b, "v").await, Ok(()));

    // A component cannot change its own policies.
    for key in ["accessControl", "AccessControl"] {
        let own = json!({ key: pubsub("own", &["*"])["accessControl"] });
        let update = b.update_configuration().key_path(Vec::<String>::new()).value_to_merge(own);
        let update = update.timestamp(greengrass_core_ipc::primitives::Timestamp::now());
        assert_eq!(update.send().await.unwrap_err().code(), Some("InvalidArgumentsError"));
        assert_eq!(publish(&b, "w").await, unauthorized());
    }
}

#[tokio::test]
async fn a_core_without_policies_checks_from_the_first_one_on() {
    let core = LocalCore::builder().component("a").component("b").start().await.unwrap();
    let b = core.connect("b").await.unwrap();
    assert_eq!(publish(&b, "t").await, Ok(()));
    core.merge_config("a", pubsub("p", &["t"]));
    assert_eq!(publish(&b, "t").await, unauthorized());
}

#[tokio::test]
async fn arguments_and_permissions_are_checked_in_the_nucleus_s_order() {
    let all = json!({ "p": { "operations": ["*"], "resources": ["*"] } });
    let subscribes = json!({ "operations": ["aws.greengrass#SubscribeToTopic"] });
    let core = LocalCore::builder()
        .deny_by_default()
        .component("none")
        .config("some", json!({ "accessControl": { PUBSUB: { "p": subscribes } } }))
        .config(
            "all",
            json!({ "accessControl": {
            PUBSUB: all, "aws.greengrass.ipc.mqttproxy": all, "aws.greengrass.Cli": all,
        } }),
        )
        .start()
        .await
        .unwrap();
    let message = r#""publishMessage":{"binaryMessage":{"message":""}}"#;
    let no_topic = format!("{{{message}}}");
    let blank = format!(r#"{{"topic":"  ",{message}}}"#);
    let (invalid, denied, failed) = ("InvalidArgumentsError", "UnauthorizedError", "ServiceError");
    for (component, operation, request, expected) in [
        // Without a topic, any policy for the operation allows the call, which then fails.
        ("none", "PublishToTopic", &*no_topic, denied),
        ("some", "PublishToTopic", &no_topic, denied),
        ("some", "SubscribeToTopic", "{}", invalid),
        ("all", "PublishToTopic", &no_topic, invalid),
        ("all", "PublishToTopic", &blank, denied),
        ("all", "SubscribeToTopic", r#"{"topic":""}"#, denied),
        // These arguments are checked before permissions.
        ("none", "PublishToIoTCore", r#"{"qos":"1","payload":""}"#, invalid),
        ("all", "PublishToIoTCore", r#"{"topicName":"","qos":"1","payload":""}"#, denied),
        ("none", "GetLocalDeploymentStatus", "{}", failed),
        ("none", "CancelLocalDeployment", "{}", failed),
        ("none", "CancelLocalDeployment", r#"{"deploymentId":"d"}"#, invalid),
        // These are checked after permissions.
        ("none", "PublishToIoTCore", r#"{"topicName":"t"}"#, denied),
        ("all", "PublishToIoTCore", r#"{"topicName":"t","qos":"1"}"#, invalid),
        ("all", "PublishToIoTCore", r#"{"topicName":"t","payload":""}"#, invalid),
        ("all", "PublishToIoTCore", r#"{"topicName":"t","qos":"2","payload":""}"#, invalid),
        ("none", "SubscribeToIoTCore", r#"{"topicName":"t","qos":"2"}"#, denied),
        ("all", "SubscribeToIoTCore", r#"{"topicName":"t","qos":"2"}"#, invalid),
        ("all", "SubscribeToIoTCore", r#"{"topicName":"t"}"#, invalid),
        ("all", "PublishToTopic", r#"{"topic":"+"}"#, failed),
        ("all", "PublishToTopic", r#"{"publishMessage":{"binaryMessage":{}}}"#, failed),
        ("all", "PublishToTopic", r#"{"topic":"+","publishMessage":{"jsonMessage":{}}}"#, failed),
        ("all", "PublishToTopic", r#"{"topic":"+","publishMessage":{}}"#, invalid),
        ("none", "PublishToTopic", r#"{"topic":"+","publishMessage":{}}"#, denied),
        // Decoding comes first.
        ("none", "PublishToTopic", r#"{"topic":["t"]}"#, "InternalServerError"),
        (
            "none",
            "PublishToTopic",
            r#"{"topic":"t","publishMessage":{"jsonMessage":{"context":1}}}"#,
            "InternalServerError",
        ),
        ("none", "SubscribeToTopic", "", failed),
        ("none", "SubscribeToTopic", " null\n", failed),
        ("all", "SubscribeToIoTCore", r#"{"topicName":"","qos":"1"}"#, denied),
        ("none", "PauseComponent", "{}", invalid),
        ("none", "RestartComponent", r#"{"componentName":""}"#, invalid),
        ("none", "RestartComponent", r#"{"componentName":"x"}"#, denied),
        ("none", "GetThingShadow", "{}", invalid),
        ("none", "GetLocalDeploymentStatus", r#"{"deploymentId":"d"}"#, invalid),
        ("none", "GetLocalDeploymentStatus", r#"{"deploymentId":"1-2-3-4-5"}"#, denied),
        (
            "all",
            "GetLocalDeploymentStatus",
            r#"{"deploymentId":"1-2-3-4-5"}"#,
            "ResourceNotFoundError",
        ),
        // These are only for components of AWS.
        ("all", "PutComponentMetric", r#"{"metrics":[]}"#, denied),
        ("all", "ValidateAuthorizationToken", r#"{"token":"x"}"#, denied),
        // These require no permission.
        ("none", "GetSecretValue", r#"{"secretId":"x"}"#, failed),
    ] {
        let mut raw = Raw::connect(&core, component).await;
        let answer = raw.call(operation, request).await;
        assert_eq!(answer, Err(expected.to_owned()), "{component} {operation} {request}");
    }
}

/// Reads the log up to the JSON of the next denial: what is before it, and the JSON.
async fn next_denial(program: &mut Program) -> (String, Value) {
    let (mut text, mut json) = (String::new(), String::new());
    loop {
        let line = program.log.next_line().await.unwrap().expect("a denial is logged");
        let target = if json.is_empty() && line != "{" { &mut text } else { &mut json };
        target.push_str(&line);
        target.push('\n');
        if line == "}" {
            return (text, serde_json::from_str(&json).unwrap());
        }
    }
}

#[tokio::test]
async fn a_denied_call_is_explained_in_the_log_with_the_policy_that_allows_it() {
    let mut configuration = pubsub("com.example.Hello:pubsub:1", &["test/topic"]);
    let args = |configuration: &Value| {
        ["--config".to_owned(), format!("com.example.Hello={configuration}")]
    };
    let mut program = Program::start(&args(&configuration)).await;
    let client = program.client(0).await;
    assert_eq!(publish(&client, "test/topic").await, Ok(()));
    assert_eq!(publish(&client, "test/other").await, unauthorized());
    let (text, snippet) = next_denial(&mut program).await;
    for expected in [
        "com.example.Hello may not call aws.greengrass#PublishToTopic on test/other",
        r#"policy "com.example.Hello:pubsub:1" has the operation, but other resources: "test/topic""#,
    ] {
        assert!(text.contains(expected), "{text}");
    }
    let policy = json!({ "operations": [PUBLISH], "resources": ["test/other"] });
    let added = json!({ PUBSUB: { "com.example.Hello:pubsub:2": policy } });
    assert_eq!(snippet, json!({ "accessControl": added }));

    // The policy allows the call, in a running core and in the configuration of the next one.
    let core = LocalCore::builder().config("com.example.Hello", configuration.clone());
    let core = core.start().await.unwrap();
    let other = core.connect("com.example.Hello").await.unwrap();
    assert_eq!(publish(&other, "test/other").await, unauthorized());
    core.merge_config("com.example.Hello", snippet);
    assert_eq!(publish(&other, "test/other").await, Ok(()));

    let policies = &mut configuration["accessControl"][PUBSUB];
    policies["com.example.Hello:pubsub:2"] = added[PUBSUB]["com.example.Hello:pubsub:2"].clone();
    drop(program);
    let program = Program::start(&args(&configuration)).await;
    let client = program.client(0).await;
    for topic in ["test/topic", "test/other"] {
        assert_eq!(publish(&client, topic).await, Ok(()), "{topic}");
    }
    assert_eq!(publish(&client, "test/other/1").await, unauthorized());
}

#[tokio::test]
async fn the_program_denies_by_default_and_reports_faulty_policies() {
    let args = ["--deny-by-default", "--component", "a", "--config"].map(str::to_owned);
    let faulty = json!({ "accessControl": { PUBSUB: { "p": { "resources": "t" } } } });
    let mut program = Program::start(&[&args[..], &[format!("b={faulty}")]].concat()).await;
    let line = program.log.next_line().await.unwrap().unwrap();
    let expected =
        r#"b: accessControl."aws.greengrass.ipc.pubsub"."p".resources: must be a list of strings"#;
    assert!(line.contains("WARN") && line.contains(expected), "{line}");
    let a = program.client(0).await;
    assert_eq!(publish(&a, "t").await, unauthorized());
    let (text, snippet) = next_denial(&mut program).await;
    assert!(text.contains("a may not call") && !text.contains("resources: must be"), "{text}");
    assert_eq!(snippet["accessControl"][PUBSUB]["a:pubsub:1"]["resources"], json!(["t"]));
    // An equal call is not explained again.
    assert_eq!(publish(&a, "t").await, unauthorized());
    let line = program.log.next_line().await.unwrap().unwrap();
    assert!(line.contains("a may not call") && line.ends_with("as explained above"), "{line}");
    let b = program.client(1).await;
    assert_eq!(publish(&b, "t").await, unauthorized());
    for expected in ["b may not call", expected, "Correct this first"] {
        let line = program.log.next_line().await.unwrap().unwrap();
        assert!(line.contains(expected), "{line}");
    }
    test_util::signal(program.child.id().unwrap(), "TERM");
    assert!(program.child.wait().await.unwrap().success());
}
