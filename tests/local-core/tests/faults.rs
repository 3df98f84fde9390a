//! What a test or the command line defines in place of the core: answers, faults, a whole service, and the time.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use greengrass_core_ipc::{
    operation::{
        get_secret_value::{
            GetSecretValue, GetSecretValueError, GetSecretValueRequest, GetSecretValueResponse,
        },
        publish_to_topic::PublishToTopic,
        subscribe_to_certificate_updates::SubscribeToCertificateUpdates,
        subscribe_to_component_updates::SubscribeToComponentUpdates,
        subscribe_to_configuration_update::SubscribeToConfigurationUpdate,
        subscribe_to_iot_core::SubscribeToIoTCore,
        subscribe_to_iot_core_connection_status::SubscribeToIoTCoreConnectionStatus,
        subscribe_to_topic::{SubscribeToTopic, SubscribeToTopicError, SubscribeToTopicResponse},
        subscribe_to_validate_configuration_updates::SubscribeToValidateConfigurationUpdates,
    },
    server::{
        GreengrassCoreIpc, OnFull, RequestContext, StreamingRequest, StreamingResponse, event_queue,
    },
    types::{
        BinaryMessage, CertificateOptions, CertificateType, CertificateUpdate,
        CertificateUpdateEvent, ComponentUpdatePolicyEvents, ConfigurationUpdateEvent,
        ConfigurationUpdateEvents, ConnectionStatus, ConnectionStatusEvent,
        IoTCoreConnectionStatusEvent, IoTCoreMessage, LifecycleState, MessageContext, MqttMessage,
        PostComponentUpdateEvent, PreComponentUpdateEvent, Qos, SecretValue,
        SubscriptionResponseMessage, ValidateConfigurationUpdateEvent,
        ValidateConfigurationUpdateEvents,
        error::{ResourceNotFoundError, ServiceError, UnauthorizedError},
    },
};
use greengrass_local_core::{Clock, LocalCore, Reply};
use serde_json::json;
use test_util::in_time;

use crate::support::{Program, Raw};

fn secret(text: &str) -> GetSecretValueResponse {
    let secret = GetSecretValueResponse::builder().secret_id("arn").version_id("1");
    let secret = secret.version_stage(["AWSCURRENT"]);
    secret.secret_value(SecretValue::SecretString(text.to_owned())).build().unwrap()
}

fn message() -> BinaryMessage {
    BinaryMessage::builder().message("x").build()
}

/// The operations of the model.
fn operations() -> Vec<String> {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../model");
    let model = std::fs::read_dir(model).unwrap().map(|it| it.unwrap().path());
    let model = model.into_iter().find(|it| it.extension().is_some_and(|it| it == "json")).unwrap();
    let model: serde_json::Value = serde_json::from_slice(&std::fs::read(model).unwrap()).unwrap();
    let shapes = model["shapes"].as_object().unwrap();
    let operations = shapes.iter().filter(|(_, shape)| shape["type"] == "operation");
    operations.map(|(id, _)| id.rsplit('#').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_function_answers_the_calls_of_an_operation() {
    let core = LocalCore::builder().component("a").component("b").start().await.unwrap();
    let [a, b] = [core.connect("a").await.unwrap(), core.connect("b").await.unwrap()];
    let mut calls = 0;
    core.on(GetSecretValue, move |request, context| {
        calls += 1;
        match &*request.secret_id {
            "missing" => Err(ResourceNotFoundError::builder().message("none").build().into()),
            _ => Ok(secret(&format!("{} {calls}", context.identity().0))),
        }
    });
    assert_eq!(a.get_secret_value().secret_id("s").send().await.unwrap(), secret("a 1"));
    let error = a.get_secret_value().secret_id("missing").send().await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Some("ResourceNotFoundError"), Some("none")));
    assert_eq!(b.get_secret_value().secret_id("s").send().await.unwrap(), secret("b 3"));
    // A definition for the next call is first.
    core.on_next(GetSecretValue).respond(secret("next"));
    assert_eq!(a.get_secret_value().secret_id("s").send().await.unwrap(), secret("next"));
    assert_eq!(a.get_secret_value().secret_id("s").send().await.unwrap(), secret("a 4"));
}

#[tokio::test]
async fn a_function_selects_the_calls_that_fail() {
    let core = LocalCore::builder().component("a").start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    core.on(PublishToTopic, |request, _| match &*request.topic {
        "denied" => Reply::fail(UnauthorizedError::builder().build()),
        "lost" => Reply::disconnect().after(Duration::from_millis(1)),
        _ => Reply::serve(),
    });
    let mut received = client.subscribe_to_topic().topic("t").send().await.unwrap();
    let publish = |topic| client.publish_to_topic().topic(topic).publish_message(message()).send();
    publish("t").await.unwrap();
    assert!(received.next().await.unwrap().is_ok());
    assert_eq!(publish("denied").await.unwrap_err().code(), Some("UnauthorizedError"));
    publish("lost").await.unwrap_err();
    assert!(client.connection().closed().await.is_err());
}

#[tokio::test]
async fn a_function_that_panics_fails_its_call() {
    let core = LocalCore::builder().component("a").start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    core.on(GetSecretValue, |request, _| -> Reply<_> {
        assert_ne!(request.secret_id, "bad");
        Reply::respond(secret("good"))
    });
    client.get_secret_value().secret_id("bad").send().await.unwrap_err();
    client.get_secret_value().secret_id("s").send().await.unwrap();
}

#[tokio::test]
async fn a_function_opens_streams_with_events() {
    let core = LocalCore::builder().component("a").start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    let event = || {
        let event = PreComponentUpdateEvent::builder().deployment_id("d").is_ggc_restarting(false);
        ComponentUpdatePolicyEvents::PreUpdateEvent(event.build().unwrap())
    };
    core.on(SubscribeToComponentUpdates, move |_, _| {
        let (events, reply) = Reply::open(Default::default());
        events.send(&event()).unwrap();
        events.fail(ServiceError::builder().message("over").build());
        reply
    });
    let mut events = client.subscribe_to_component_updates().send().await.unwrap();
    assert_eq!(events.next().await.unwrap().unwrap(), event());
    assert_eq!(events.next().await.unwrap().unwrap_err().message(), Some("over"));
}

#[tokio::test]
async fn every_operation_can_be_defined() {
    let operations = operations();
    assert_eq!(operations.len(), 35);
    let mut builder = LocalCore::builder().component("a");
    for operation in &operations {
        let error = json!({ "shape": "ConflictError", "members": { "message": operation } });
        builder =
            builder.on(operation, json!([{ "error": error }, { "error": {} }, {"response": {}}]));
    }
    let core = builder.start().await.unwrap();
    let mut raw = Raw::connect(&core, "a").await;
    for operation in &operations {
        let error = raw.error(operation, "{}").await;
        assert_eq!((&error["_message"], &error["message"]), (&json!(operation), &json!(operation)));
        assert_eq!(error["_errorCode"], "ConflictError");
        assert_eq!(raw.call(operation, "{}").await, Err("InternalServerError".to_owned()));
        assert_eq!(raw.call(operation, "{}").await, Ok(json!({})), "{operation}");
    }
}

#[tokio::test]
async fn an_operation_that_is_not_in_the_model_has_a_response_and_events() {
    let definition = json!({
        "response": { "a": [1, { "b": null }] },
        "events": [{ "n": 1 }, { "n": 2 }],
        "eventShape": "Count",
    });
    let core = LocalCore::builder().component("a").on("com.example#Follow", definition);
    let core = core.on("Added", json!({ "response": { "x": 1 } })).start().await.unwrap();
    let mut raw = Raw::connect(&core, "a").await;
    assert_eq!(raw.call("Added", "{}").await, Ok(json!({ "x": 1 })));
    let mut messages = Vec::new();
    raw.request("com.example#Follow", "{}").await;
    for _ in 0..3 {
        let received = raw.next().await;
        let shape = received.text("service-model-type").unwrap().to_owned();
        messages.push((shape, received.flags, received.payload()));
    }
    let expected = [
        ("com.example#FollowResponse", r#"{"a":[1,{"b":null}]}"#),
        ("aws.greengrass#Count", r#"{"n":1}"#),
        ("aws.greengrass#Count", r#"{"n":2}"#),
    ];
    assert_eq!(messages, expected.map(|(shape, text)| (shape.to_owned(), 0, text.to_owned())));
}

#[tokio::test]
async fn faulty_definitions_are_refused() {
    for (definition, problem) in [
        (json!(5), "$: it is not an object"),
        (json!({ "reponse": {} }), "$.reponse: unknown field `reponse`"),
        (json!({ "response": ["a"] }), "$.response: invalid type"),
        (json!([{}, { "delay": "1" }]), "$[1].delay: invalid type"),
        (json!([{ "delay": -1 }]), "$[0]: delay: "),
        (json!({ "events": [{}, 5], "delay": 1 }), "$.events[1]: invalid type"),
        (json!({ "error": { "members": {}, "shape": 5 } }), "$.error.shape: invalid type"),
        (json!({ "response": {}, "noAnswer": true }), "only one of response, error"),
        (json!({ "events": [{}] }), "need an eventShape"),
    ] {
        let core = LocalCore::builder().component("a").on("Added", definition).start().await;
        let error = core.unwrap_err().to_string();
        assert!(error.contains("aws.greengrass#Added") && error.contains(problem), "{error}");
    }
}

/// A service with two of the operations.
struct Double;

impl GreengrassCoreIpc for Double {
    async fn get_secret_value(
        &self,
        request: GetSecretValueRequest,
        context: RequestContext,
    ) -> Result<GetSecretValueResponse, GetSecretValueError> {
        Ok(secret(&format!("{} of {}", request.secret_id, context.identity().0)))
    }

    async fn subscribe_to_topic(
        &self,
        request: StreamingRequest<SubscribeToTopic>,
        _: RequestContext,
    ) -> Result<StreamingResponse<SubscribeToTopic>, SubscribeToTopicError> {
        if request.request.topic != "mine" {
            return Err(UnauthorizedError::builder().build().into());
        }
        let (events, reply) = event_queue(1024, OnFull::DropOldest);
        events.send(&SubscriptionResponseMessage::BinaryMessage(message())).unwrap();
        Ok(StreamingResponse::queued(SubscribeToTopicResponse::default(), reply))
    }
}

#[tokio::test]
async fn a_service_replaces_the_operations_that_it_implements() {
    let core = LocalCore::builder().config("a", json!({"k": 1})).service(Double).start().await;
    let core = core.unwrap();
    let client = core.connect("a").await.unwrap();
    let answer = client.get_secret_value().secret_id("s").send().await.unwrap();
    assert_eq!(answer, secret("s of a"));
    let mut mine = client.subscribe_to_topic().topic("mine").send().await.unwrap();
    assert!(mine.next().await.unwrap().is_ok());
    let error = client.subscribe_to_topic().topic("other").send().await.unwrap_err();
    assert_eq!(error.code(), Some("UnauthorizedError"));
    // The core serves the others.
    let configuration = client.get_configuration().key_path(["k"]).send().await.unwrap();
    assert_eq!(configuration.value, Some(json!({"k": 1})));
    drop(client.subscribe_to_configuration_update().key_path(["k"]).send().await.unwrap());
    // Definitions are before the service.
    core.on_next(GetSecretValue).respond(secret("next"));
    let answer = client.get_secret_value().secret_id("s").send().await.unwrap();
    assert_eq!(answer, secret("next"));
}

#[tokio::test]
async fn the_command_line_defines_what_happens_to_calls() {
    let folder = tempfile::tempdir().unwrap();
    let mut args: Vec<_> = ["--component", "a"].map(str::to_owned).into();
    let error = json!({ "shape": "ServiceError", "members": { "message": "no", "n": [1] } });
    for (operation, definition) in [
        ("ListComponents", json!([{ "response": { "components": [] }, "delay": 0.01 }])),
        ("GetSecretValue", json!({ "response": { "secretId": 5 } })),
        ("GetThingShadow", json!({ "error": error })),
        (
            "PublishToTopic",
            json!([{ "delay": 0.01 }, { "noAnswer": true }, { "disconnect": true }]),
        ),
        ("aws.greengrass#Added", json!({ "response": { "x": 1 } })),
        ("GetThingShadows", json!({ "disconnect": true })),
    ] {
        let file = folder.path().join(operation.replace('#', "-"));
        std::fs::write(&file, definition.to_string()).unwrap();
        args.extend(["--on".to_owned(), format!("{operation}={}", file.display())]);
    }
    let mut program = Program::start(&args).await;
    for text in [
        "what is defined as aws.greengrass#GetSecretValueResponse is not as in the model",
        "aws.greengrass#GetThingShadows is not in the model; its definition is used as it is; did you mean \
         aws.greengrass#GetThingShadow?",
    ] {
        in_time(text, async {
            while !program.log.next_line().await.unwrap().unwrap().contains(text) {}
        })
        .await;
    }
    let mut raw = Raw::on(&program.socket, &program.tokens[0]).await;
    assert_eq!(raw.call("ListComponents", "{}").await, Ok(json!({ "components": [] })));
    let components = raw.call("ListComponents", "{}").await.unwrap();
    let mut components = components["components"].as_array().unwrap().iter();
    assert!(components.any(|it| it["componentName"] == "a"));
    assert_eq!(raw.call("GetSecretValue", "{}").await, Ok(json!({ "secretId": 5 })));
    let error = raw.error("GetThingShadow", "{}").await;
    assert_eq!((&error["message"], &error["n"]), (&json!("no"), &json!([1])));
    assert_eq!(raw.call("Added", "{}").await, Ok(json!({ "x": 1 })));
    let publish = r#"{"topic":"t","publishMessage":{"binaryMessage":{"message":"eA=="}}}"#;
    raw.call("PublishToTopic", publish).await.unwrap();
    raw.request("aws.greengrass#PublishToTopic", publish).await;
    // The core answers later calls, and not this one.
    assert_eq!(raw.call("Added", "{}").await, Ok(json!({ "x": 1 })));
    raw.call_refused("PublishToTopic", publish.to_owned()).await;
}

#[tokio::test]
async fn a_test_advances_the_clock() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = folder.path().join("recipe.json");
    let lifecycle = json!({ "Startup": { "Script": "sleep 1000", "Timeout": 3600 } });
    let text = json!({
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": "a",
        "ComponentVersion": "1.0.0",
        "Manifests": [{ "Lifecycle": lifecycle }],
    });
    std::fs::write(&recipe, text.to_string()).unwrap();
    let clock = Clock::manual(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000));
    let core = LocalCore::builder().run_recipe(&recipe).clock(clock.clone()).start().await.unwrap();
    in_time("the start", core.wait_for_state("a", LifecycleState::Starting)).await.unwrap();
    clock.advance(Duration::from_secs(3601));
    in_time("the error", core.wait_for_state("a", LifecycleState::Errored)).await.unwrap();
}

#[tokio::test]
async fn a_test_sends_the_events_of_every_subscription() {
    let core = LocalCore::builder().config("a", json!({ "k": 1 })).start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    macro_rules! check {
        ($subscription:expr, $operation:expr, $event:expr) => {
            let mut events = $subscription.send().await.unwrap();
            let event = $event;
            assert_eq!(core.send_event($operation, "a", &event), 1);
            in_time("an event", async { while events.next().await.unwrap().unwrap() != event {} })
                .await;
        };
    }
    let deployment = || PostComponentUpdateEvent::builder().deployment_id("d").build().unwrap();
    check!(
        client.subscribe_to_component_updates(),
        SubscribeToComponentUpdates,
        ComponentUpdatePolicyEvents::PostUpdateEvent(deployment())
    );
    let changed = ConfigurationUpdateEvent::builder().component_name("a").key_path(["k"]);
    check!(
        client.subscribe_to_configuration_update().key_path(["k"]),
        SubscribeToConfigurationUpdate,
        ConfigurationUpdateEvents::ConfigurationUpdateEvent(changed.build().unwrap())
    );
    let proposed = ValidateConfigurationUpdateEvent::builder().configuration(json!({ "k": 2 }));
    let proposed = proposed.deployment_id("d").build().unwrap();
    check!(
        client.subscribe_to_validate_configuration_updates(),
        SubscribeToValidateConfigurationUpdates,
        ValidateConfigurationUpdateEvents::ValidateConfigurationUpdateEvent(proposed)
    );
    let status = ConnectionStatusEvent::builder().status(ConnectionStatus::Disconnected);
    check!(
        client.subscribe_to_iot_core_connection_status(),
        SubscribeToIoTCoreConnectionStatus,
        IoTCoreConnectionStatusEvent::ConnectionStatusEvent(status.build().unwrap())
    );
    let mqtt = MqttMessage::builder().topic_name("from/the/test").payload("x").build().unwrap();
    check!(
        client.subscribe_to_iot_core().topic_name("t").qos(Qos::AtLeastOnce),
        SubscribeToIoTCore,
        IoTCoreMessage::Message(mqtt)
    );
    check!(
        client.subscribe_to_topic().topic("t"),
        SubscribeToTopic,
        SubscriptionResponseMessage::BinaryMessage(message_on("other"))
    );
    // Without a file of client devices.
    let updates = core.on_next(SubscribeToCertificateUpdates).open(Default::default());
    let options = CertificateOptions::builder().certificate_type(CertificateType::Server).build();
    let subscribe = client.subscribe_to_certificate_updates().certificate_options(options.unwrap());
    let mut received = subscribe.send().await.unwrap();
    let update = CertificateUpdate::builder().certificate("pem").build();
    let update = CertificateUpdateEvent::CertificateUpdate(update);
    updates.send(&update).unwrap();
    assert_eq!(received.next().await.unwrap().unwrap(), update);

    let delta = "$aws/things/thing/shadow/update/delta";
    let mut deltas = client.subscribe_to_topic().topic(delta).send().await.unwrap();
    core.publish_to_topic(delta, message());
    let expected = SubscriptionResponseMessage::BinaryMessage(message_on(delta));
    assert_eq!(in_time("the delta", deltas.next()).await.unwrap().unwrap(), expected);
}

/// The message as it is received on a topic.
fn message_on(topic: &str) -> BinaryMessage {
    let context = MessageContext::builder().topic(topic).build();
    BinaryMessage::builder().message("x").context(context).build()
}
