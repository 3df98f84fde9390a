//! Tests of the file of client devices and its rules.

use std::path::Path;

use super::{
    permission::{is_operation, is_resource},
    registry::{Registry, decoded},
    rule::Rule,
};

#[track_caller]
fn check_rule(rule: &str, selected: &[&str], others: &[&str]) {
    let parsed = Rule::parse(rule).unwrap();
    selected.iter().for_each(|it| assert!(parsed.selects(it), "{rule} {it}"));
    others.iter().for_each(|it| assert!(!parsed.selects(it), "{rule} {it}"));
}

#[test]
fn rules_select_things() {
    check_rule("thingName: lamp", &["lamp"], &["lamp1", "Lamp", ""]);
    check_rule("thingName:lamp*", &["lamp", "lamp1"], &["alamp"]);
    check_rule("thingName: *lamp", &["lamp", "alamp"], &["lamp1"]);
    check_rule("thingName: *am*", &["lamp", "am"], &["lap"]);
    check_rule("thingName: *", &["lamp", ""], &[]);
    check_rule(r"thingName: a\:b", &["a:b"], &["a", r"a\:b"]);
    let rule = "thingName: a OR thingName: b*  AND\tthingName: *c OR thingName:d";
    check_rule(rule, &["a", "bc", "bxc", "d"], &["b", "c", "ac"]);
    for rule in [
        "",
        "lamp",
        "thingName:",
        "thingName: a:b",
        "thingName: a*b",
        "thingName: a b",
        "thingName: a or thingName: b",
        "thingName: a OR",
        "AND thingName: a",
        "(thingName: a)",
        "thingName: ä",
    ] {
        Rule::parse(rule).unwrap_err();
    }
}

#[test]
fn operations_and_resources_have_their_form() {
    for text in ["mqtt:publish", "m:a-b_1"] {
        assert!(is_operation(text), "{text}");
    }
    for text in ["", "mqtt", ":publish", "mqtt:", "mq1:publish", "mqtt:a:b", "mqtt:a b"] {
        assert!(!is_operation(text), "{text}");
    }
    for text in ["mqtt:topic:a/b:c", "mqtt:topic:ä", "mqtt:topic: ~"] {
        assert!(is_resource(text), "{text}");
    }
    for text in ["", "mqtt:topic", "mqtt:topic:", "mqtt::a", "m1:topic:a", "mqtt:topic:a\n"] {
        assert!(!is_resource(text), "{text}");
    }
}

#[test]
fn policies_allow_what_the_groups_of_a_thing_may() {
    let text = r#"{"deviceGroups": {
        "formatVersion": "2021-03-05",
        "definitions": {
            "lamps": {"selectionRule": "thingName: lamp*", "policyName": "lamp"},
            "all": {"selectionRule": "thingName: *", "policyName": "own"}
        },
        "policies": {
            "lamp": {"1": {"operations": ["mqtt:publish"], "resources": ["mqtt:topic:light/*"]}},
            "own": {
                "1": {"statementDescription": "its topics", "operations": ["mqtt:*"],
                      "resources": ["mqtt:topic:${iot:Connection.Thing.ThingName}/in"]},
                "2": {"effect": "DENY", "operations": ["*"], "resources": ["*"]}
            }
        }
    }}"#;
    let registry = Registry::parse(text, Path::new("")).unwrap();
    for (thing, operation, resource, expected) in [
        ("lamp1", "mqtt:publish", "mqtt:topic:light/a/b", true),
        ("lamp1", "mqtt:subscribe", "mqtt:topic:light/a", false),
        ("lamp1", "mqtt:publish", "mqtt:topic:heat/a", false),
        ("door", "mqtt:publish", "mqtt:topic:light/a", false),
        ("door", "mqtt:subscribe", "mqtt:topic:door/in", true),
        ("door", "mqtt:subscribe", "mqtt:topic:lamp1/in", false),
    ] {
        let is_allowed = registry.allows(thing, operation, resource);
        assert_eq!(is_allowed, expected, "{thing} {operation} {resource}");
    }
}

#[test]
fn faults_of_the_file_are_named() {
    for (text, expected) in [
        ("{", "EOF while parsing"),
        (r#"{"device": []}"#, "unknown field `device`"),
        (r#"{"devices": [{"thingName": "a"}]}"#, "missing field `certificate`"),
        (
            r#"{"devices": [{"thingName": "a", "certificate": "no.pem"}]}"#,
            "the certificate of a: cannot read",
        ),
        (
            r#"{"devices": [{"thingName": "a", "certificate": "-----BEGIN X"}]}"#,
            "the certificate of a: the text is not a certificate in PEM",
        ),
        (
            r#"{"devices": [{"thingName": "a", "certificate": "-----BEGIN CERTIFICATE-----\nx"}]}"#,
            "the certificate of a is not PEM",
        ),
        (
            r#"{"devices": [{"thingName": "a", "certificate": "-----BEGIN PRIVATE KEY-----\nMAMCAQE="}]}"#,
            "the certificate of a: the text is not a certificate in PEM",
        ),
        (
            r#"{"deviceGroups": {"definitions": {"g": {"selectionRule": "x", "policyName": "p"}}}}"#,
            r#"group "g": the rule "x" has no name"#,
        ),
        (
            r#"{"deviceGroups": {"definitions": {"g": {"selectionRule": "thingName: *", "policyName": "p"}}}}"#,
            r#"group "g": no policy "p""#,
        ),
        (
            r#"{"serverCertificate": {"certificate": "no", "privateKey": "", "publicKey": "", "caCertificates": []}}"#,
            "serverCertificate: cannot read",
        ),
        (
            r#"{"serverCertificate": {"certificate": "-----BEGIN CERTIFICATE-----", "privateKey":
                "-----BEGIN CERTIFICATE-----", "publicKey": "", "caCertificates": []}}"#,
            "serverCertificate: the text is not a private key in PEM",
        ),
        ("[]", "it is not a JSON object"),
    ] {
        let error = Registry::parse(text, Path::new("/no/folder")).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn certificates_are_compared_without_the_form_of_their_pem() {
    let pem = "-----BEGIN CERTIFICATE-----\nMAMC\nAQE=\n-----END CERTIFICATE-----\n";
    let der = Some(vec![0x30, 3, 2, 1, 1]);
    for text in [pem, "MAMCAQE=", " MAMC\r\nAQE= \n"] {
        assert_eq!(decoded(text), der, "{text}");
    }
    for text in ["", "MAMCAQE", "AQE=", "#"] {
        assert_eq!(decoded(text), None, "{text}");
    }
}
