//! Conversion of names of a model to Rust names.

use codegen::{Config, Words};
use serde_json::json;

#[test]
fn snake_case_is_that_of_the_other_sdks() {
    for (name, expected) in [
        ("PublishToIoTCore", "publish_to_iot_core"),
        ("SubscribeToIoTCoreConnectionStatus", "subscribe_to_iot_core_connection_status"),
        ("isGgcRestarting", "is_ggc_restarting"),
        ("certificateSHA256Hash", "certificate_sha256_hash"),
        ("MQTTCredential", "mqtt_credential"),
        ("_1st", "_1st"),
        ("__2XLarge", "_2x_large"),
        ("s3key", "s3_key"),
        ("s3Key", "s3_key"),
        ("a1b2c", "a1_b2_c"),
        ("IPv4", "ipv4"),
        ("sourceIpV6Address", "source_ipv6_address"),
        ("SigV4", "sigv4"),
        ("sizeInMiB", "size_in_mib"),
        ("ACLs", "acls"),
        ("resourceARNsOfIDs", "resource_arns_of_ids"),
        ("DynamoDBv2", "dynamo_dbv2"),
        ("ABCdef", "ab_cdef"),
        ("HTTPServer", "http_server"),
        ("MiBand", "mi_band"),
    ] {
        assert_eq!(Words::default().snake(name), expected);
    }
}

#[test]
fn words_are_not_split() {
    let words = ["GitHub", "MQTT", "MQTTS", "EC2", "eBPF", "DynamoDB", "s3key", "Plain", "GitHub"];
    let words = Words::with(words).unwrap();
    for (name, expected) in [
        ("GitHubToken", "github_token"),
        ("aGitHub", "a_github"),
        ("GitHubbed", "git_hubbed"),
        ("GitHubGitHub", "github_github"),
        // The longest word is used.
        ("MQTTSConfig", "mqtts_config"),
        ("MQTTConfig", "mqtt_config"),
        ("EC2Id", "ec2_id"),
        ("EC25Id", "ec25_id"),
        ("eBPFProgram", "ebpf_program"),
        ("useBPFProgram", "use_bpf_program"),
        ("DynamoDBs", "dynamo_dbs"),
        ("myDynamoDBIoT", "my_dynamodb_iot"),
        ("s3key", "s3key"),
        ("Plain", "plain"),
    ] {
        assert_eq!(words.snake(name), expected);
    }
    assert_eq!(Words::default().snake("GitHubToken"), "git_hub_token");
}

#[test]
fn a_word_is_letters_and_digits() {
    for word in ["", "2x", "a b", "a-b", "a_b", "é", "aé"] {
        let error = Words::with([word]).unwrap_err();
        assert!(error.starts_with(&format!("{word:?} is not a word")), "{error}");
    }
}

/// Checks the names of the members of a shape, each after the text `before`.
#[track_caller]
fn check(kind: &str, before: &str, expected: &[(&str, &str)]) {
    let target = if kind == "enum" { "smithy.api#Unit" } else { "smithy.api#String" };
    // The model is text, because objects of `serde_json` sort their members.
    let members: Vec<_> =
        expected.iter().map(|(name, _)| format!("{name:?}: {{\"target\": {target:?}}}")).collect();
    let json = json!({"smithy": "2.0", "shapes": {
        "a#S": {"type": "service", "version": "1", "operations": [{"target": "a#O"}]},
        "a#O": {"type": "operation", "input": {"target": "a#In"}},
        "a#In": {"type": "structure", "members": {"shape": {"target": "a#Thing"}}},
        "a#Thing": {"type": kind, "members": "MEMBERS"},
    }});
    let json = json.to_string().replace("\"MEMBERS\"", &format!("{{{}}}", members.join(", ")));
    let files = crate::support::generated(&Config::new("named"), &json).files;
    let file = files.iter().find(|it| it.path == "types/thing.rs").expect("there is one");
    let names = file.contents.lines().skip_while(|it| !it.starts_with("pub ")).skip(1);
    let names = names.take_while(|it| *it != "}" && !it.contains("Unknown"));
    let names = names.filter_map(|it| it.trim().strip_prefix(before)?.split([':', ',']).next());
    let names: Vec<_> = names.filter(|it| !it.starts_with(['/', '#'])).collect();
    assert_eq!(names, expected.iter().map(|it| it.1).collect::<Vec<_>>());
}

#[test]
fn variants_are_in_pascal_case() {
    check(
        "enum",
        "",
        &[
            ("QOS", "Qos"),
            ("MQTTMessage", "MqttMessage"),
            ("IoTCoreMessage", "IoTCoreMessage"),
            ("GreengrassCoreIPC", "GreengrassCoreIpc"),
            ("AT_LEAST_ONCE", "AtLeastOnce"),
            ("UTF8", "Utf8"),
            ("_1st", "_1st"),
            ("ACLs", "Acls"),
            ("resourceARNs", "ResourceArns"),
            ("DynamoDBv2", "DynamoDbv2"),
            ("atLeastOnce", "AtLeastOnce2"),
            ("Self", "SelfValue"),
        ],
    );
}

#[test]
fn later_names_get_a_number() {
    check(
        "structure",
        "pub ",
        &[
            ("setX", "set_x"),
            ("x", "x_2"),
            ("y", "y"),
            ("setY", "set_y_2"),
            ("_1st", "_1st"),
            ("type", "r#type"),
            ("build", "build_value"),
            ("a_b", "a_b"),
            ("aB", "a_b_2"),
            ("self", "self_"),
            ("self_", "self_2"),
            ("set_1st", "set_1st_2"),
        ],
    );
}
