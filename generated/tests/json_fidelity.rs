//! Comparison of the JSON of the generated types with that of the official SDKs.
//!
//! `data/python-requests.json` contains payloads that the Python SDK sent, `data/java-json.json` payloads that the JSON
//! layer of the Java SDK writes and reads. Each payload is deserialized and serialized again. The result must be equal,
//! with numbers compared by value.

use eventstream_rpc::json::{Shape, from_slice};
use greengrass_core_ipc::{operation::*, primitives::Document, types::error::*, types::*};
use serde_json::Value;

/// Deserializes a payload and serializes it again. The error says why this is not possible.
type RoundTrip = fn(&[u8]) -> Result<Value, String>;

fn round_trip<S: Shape>(payload: &[u8]) -> Result<Value, String> {
    let shape: S = from_slice(payload).map_err(|it| format!("read: {it}"))?;
    let json = shape.to_json().map_err(|it| format!("write: {it}"))?;
    serde_json::from_str(&json).map_err(|it| it.to_string())
}

/// Every shape that occurs in the data.
fn round_trip_of(shape: &str) -> RoundTrip {
    macro_rules! find {
        ($($shape:ty),* $(,)?) => {
            match shape {
                $(<$shape as Shape>::ID => round_trip::<$shape>,)*
                _ => panic!("no type for {shape}"),
            }
        };
    }
    find!(
        create_debug_password::CreateDebugPasswordRequest,
        create_debug_password::CreateDebugPasswordResponse,
        create_local_deployment::CreateLocalDeploymentRequest,
        defer_component_update::DeferComponentUpdateRequest,
        get_configuration::GetConfigurationRequest,
        get_configuration::GetConfigurationResponse,
        get_secret_value::GetSecretValueRequest,
        get_secret_value::GetSecretValueResponse,
        get_thing_shadow::GetThingShadowRequest,
        get_thing_shadow::GetThingShadowResponse,
        list_components::ListComponentsRequest,
        list_components::ListComponentsResponse,
        list_named_shadows_for_thing::ListNamedShadowsForThingRequest,
        list_named_shadows_for_thing::ListNamedShadowsForThingResponse,
        publish_to_iot_core::PublishToIoTCoreRequest,
        publish_to_topic::PublishToTopicRequest,
        publish_to_topic::PublishToTopicResponse,
        put_component_metric::PutComponentMetricRequest,
        subscribe_to_component_updates::SubscribeToComponentUpdatesRequest,
        subscribe_to_component_updates::SubscribeToComponentUpdatesResponse,
        subscribe_to_configuration_update::SubscribeToConfigurationUpdateRequest,
        subscribe_to_iot_core::SubscribeToIoTCoreRequest,
        subscribe_to_topic::SubscribeToTopicRequest,
        subscribe_to_topic::SubscribeToTopicResponse,
        update_configuration::UpdateConfigurationRequest,
        update_state::UpdateStateRequest,
        update_thing_shadow::UpdateThingShadowRequest,
        validate_authorization_token::ValidateAuthorizationTokenRequest,
        validate_authorization_token::ValidateAuthorizationTokenResponse,
        ConfigurationUpdateEvents,
        InvalidArgumentsError,
        IoTCoreMessage,
        Metric,
        MqttMessage,
        ResourceNotFoundError,
        ServiceError,
        SubscriptionResponseMessage,
        UnauthorizedError,
    )
}

fn cases(json: &str, key: &str) -> Vec<Value> {
    let data: Value = serde_json::from_str(json).unwrap();
    data[key].as_array().unwrap().clone()
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap()
}

/// Equal as JSON, with numbers compared by value: `1` is `1.0`.
fn is_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| is_equal(a, b)))
        }
        (a, b) => a == b,
    }
}

/// An exception from the rule that a payload stays equal.
enum Instead {
    /// The result is this JSON, for the reason in the comment beside it.
    Becomes(&'static str),
    /// Reading or writing fails with an error that begins with this text.
    Fails(&'static str),
    /// The shape belongs to another service.
    OtherService,
}

use Instead::{Becomes, Fails, OtherService};

/// Checks a case. Returns a description of the failure.
fn check(name: &str, shape: &str, json: &str, exceptions: &[(&str, Instead)]) -> Option<String> {
    let exception = exceptions.iter().find(|(case, _)| *case == name).map(|(_, it)| it);
    if let Some(OtherService) = exception {
        return shape.starts_with("aws.greengrass#").then(|| format!("{name} is of this service"));
    }
    let result = round_trip_of(shape)(json.as_bytes());
    let expected = match exception {
        Some(Fails(expected)) => Err(*expected),
        Some(Becomes(expected)) => Ok(*expected),
        _ => Ok(json),
    };
    match (result, expected) {
        (Ok(value), Ok(expected)) => {
            let is_same = is_equal(&value, &serde_json::from_str(expected).unwrap());
            (!is_same).then(|| format!("{name}: {value} instead of {expected}"))
        }
        (Err(error), Err(expected)) => {
            (!error.starts_with(expected)).then(|| format!("{name}: {error} instead of {expected}"))
        }
        (Ok(value), Err(expected)) => Some(format!("{name}: {value} instead of {expected}")),
        (Err(error), Ok(_)) => Some(format!("{name}: {error}")),
    }
}

#[track_caller]
fn check_all(cases: &[Value], json_key: &str, exceptions: &[(&str, Instead)]) {
    let check = |case: &Value| {
        check(text(case, "name"), text(case, "shape"), text(case, json_key), exceptions)
    };
    let wrong: Vec<_> = cases.iter().filter_map(check).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    for (name, _) in exceptions {
        assert!(cases.iter().any(|it| text(it, "name") == *name), "there is no case {name}");
    }
}

#[test]
fn requests_are_those_of_the_python_sdk() {
    let exceptions = [
        // A union must have one member. Python does not check this; a nucleus rejects it.
        ("python/publish_union_two#1", Fails("read: a union with two members")),
        // The model requires the path. The nucleus reads a missing path as an empty one, as the generated type does.
        ("python/get_configuration_empty#1", Becomes(r#"{"keyPath": []}"#)),
        // NaN and infinities are not JSON.
        ("python/put_component_metric_nan#1", Fails("read: expected value")),
        // The echo crate has a separate test for these.
        ("python/echo_all_types#1", OtherService),
        ("python/echo_empty#1", OtherService),
        ("python/echo_edge_empty_collections#1", OtherService),
        ("python/echo_time_epoch0#1", OtherService),
        ("python/echo_time_negative#1", OtherService),
        ("python/echo_stream#1", OtherService),
        ("python/echo_stream#2", OtherService),
        ("python/echo_stream#3", OtherService),
    ];
    check_all(&cases(include_str!("data/python-requests.json"), "cases"), "payload", &exceptions);
}

#[test]
fn what_the_java_sdk_writes_is_read() {
    let exceptions = [
        // Java's classes have no required members. Missing required members are read as zero values.
        (
            "update_configuration_nanos",
            Becomes(r#"{"timestamp": 1709210096.1234567, "valueToMerge": null}"#),
        ),
        ("update_configuration_epoch0", Becomes(r#"{"timestamp": 0.0, "valueToMerge": null}"#)),
        ("update_configuration_negative", Becomes(r#"{"timestamp": -1.5, "valueToMerge": null}"#)),
        (
            "put_component_metric",
            Becomes(
                r#"{"metrics": [{"name": "m1", "unit": "COUNT", "value": 1.0},
                    {"name": "m2", "unit": "BYTES", "value": 1e300},
                    {"name": "m3", "unit": "", "value": 0.1}, {"name": "m4", "unit": "", "value": -0.0}]}"#,
            ),
        ),
        (
            "get_secret_response_union",
            Becomes(
                r#"{"secretId": "s", "versionId": "", "versionStage": [],
                    "secretValue": {"secretString": "x"}}"#,
            ),
        ),
        (
            "list_components_unknown_enum_string",
            Becomes(
                r#"{"components": [{"componentName": "c", "version": "", "state": "HIBERNATING"}]}"#,
            ),
        ),
        // Java writes null for absent members of a structure inside a map, which other implementations reject.
        (
            "create_local_deployment_map_of_structs",
            Becomes(
                r#"{"groupName": "grp", "rootComponentVersionsToAdd": {"com.a": "1.0.0"},
                    "componentToConfiguration": {"com.a": {"MERGE": {"x": 1}}},
                    "componentToRunWithInfo": {"com.b": {}, "com.a": {"posixUser": "u:g",
                        "systemResourceLimits": {"memory": 1024, "cpus": 1.5}}},
                    "failureHandlingPolicy": "DO_NOTHING"}"#,
            ),
        ),
        // An event without a member is read as unknown, which cannot be written.
        ("event_empty_union", Fails("write: an unknown member")),
        // Members that are not in the model: the runtime reads and writes them beside those of the error.
        ("error_ServiceError", Becomes(r#"{"message": "boom"}"#)),
        ("error_ServiceError_null_message", Becomes("{}")),
        ("error_ServiceError_no_args", Becomes("{}")),
        (
            "error_ServiceError_context",
            Becomes(r#"{"message": "boom", "context": {"reasonCode": 135}}"#),
        ),
        (
            "error_ServiceError_context_null",
            Becomes(r#"{"message": "boom", "context": {"reasonString": null}}"#),
        ),
        (
            "error_UnauthorizedError",
            Becomes(
                r#"{"message": "Principal x is not authorized to perform aws.greengrass.ipc.pubsub:aws.greengrass#PublishToTopic on resource t"}"#,
            ),
        ),
        (
            "error_ResourceNotFound_setters",
            Becomes(
                r#"{"message": "Component with given name not found", "resourceType": "Component",
                    "resourceName": "c"}"#,
            ),
        ),
        ("error_ResourceNotFound_ctor", Becomes(r#"{"message": "Key not found"}"#)),
        ("error_InvalidArguments", Becomes(r#"{"message": "m"}"#)),
    ];
    check_all(&cases(include_str!("data/java-json.json"), "writes"), "json", &exceptions);
}

#[test]
fn what_the_java_sdk_reads_is_read() {
    // Payloads that Java's reader accepts and the generated types reject. No SDK writes them.
    let stricter = [
        // A number in quotes, and other types instead of a string, a number or a boolean.
        "long \"5\"",
        "double \"1.5\"",
        "boolean \"true\"",
        "string 5",
        "string true",
        "enum 5",
        "list [\"a\",null,3]",
        // Java clamps the number to its maximum, which is not the value that was sent.
        "long 9223372036854775808",
        // Not JSON.
        "double NaN",
        "double \"NaN\"",
        "double Infinity",
        "double -Infinity",
        "double 1e400",
        "top level {topic:'lenient'}",
        "top level /*c*/{}",
        "top level \u{feff}{}",
        // An empty payload. The nucleus continues with null and fails later.
        "top level ",
        "top level null",
    ];
    // Payloads that the generated types accept and Java's reader rejects.
    let laxer = [
        // The URL-safe alphabet of base64 is unambiguous, and the SDK's decoder of 2026 accepts it.
        "blob \"-_-_AA==\" (java.util.Base64 stand-in for the native decoder)",
        // A timestamp as a string is unambiguous, and other Smithy services send it.
        "timestamp \"2024-02-29T12:34:56Z\"",
        // A document is any JSON value in the model.
        "document 5",
        "document \"s\"",
        "document {\"a\":1,\"a\":2}",
    ];
    let cases = cases(include_str!("data/java-json.json"), "reads");
    for case in &cases {
        let name = text(case, "name");
        let java_reads = case.get("error").is_none();
        // A union with an unknown member can be read, but not written.
        let result = round_trip_of(text(case, "shape"))(text(case, "json").as_bytes());
        let we_read =
            result.as_ref().err().is_none_or(|it| it.starts_with("write: an unknown member"));
        let expected = (java_reads || laxer.contains(&name)) && !stricter.contains(&name);
        assert_eq!(we_read, expected, "{name}: {result:?}");
    }
    for name in stricter.iter().chain(&laxer) {
        assert!(cases.iter().any(|it| text(it, "name") == *name), "there is no case {name}");
    }
}

#[test]
fn a_document_that_is_null_is_read_back_as_such() {
    for message in [None, Some(Document::Null), Some(Document::Bool(true))] {
        let written = JsonMessage::builder().set_message(message).build();
        let json = written.to_json().unwrap();
        assert_eq!(from_slice::<JsonMessage>(json.as_bytes()).unwrap(), written, "{json}");
    }
}
