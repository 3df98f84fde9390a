use eventstream_rpc::greengrass::exact_pattern;
use serde_json::{Value, json};

use super::*;
use crate::operations;

const PUBLISH: &str = "aws.greengrass#PublishToTopic";

fn rules(components: &[(&str, Value)]) -> Rules {
    let components = components.iter().map(|(name, value)| (*name, value));
    Rules::load(components, &Sources::default(), &Rules::default())
}

fn pubsub(policies: Value) -> Value {
    json!({ "aws.greengrass.ipc.pubsub": policies })
}

fn publishes(topics: Value) -> Value {
    json!({ "operations": [PUBLISH], "resources": topics })
}

fn request<'a>(component: &'a str, operation: &str, resource: &'a str) -> Request<'a> {
    let operation = operations::protected(operation).unwrap();
    Request { component, operation, resource: Some(resource) }
}

/// What denies a publication, as it is logged; `None` if it is allowed.
fn denial(rules: &Rules, component: &str, topic: &str) -> Option<String> {
    match rules.decide(request(component, PUBLISH, topic)) {
        Decision::Allowed(_) => None,
        Decision::Denied(denial) => Some(denial.to_string()),
    }
}

#[test]
fn patterns_match_as_the_nucleus_s_do() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../tests/data/authz-cases.json")).unwrap();
    assert_eq!(cases.len(), 54);
    for case in cases {
        let text = |member: &str| case[member].as_str().unwrap();
        let policy = json!({"operations": case["operations"], "resources": case["resources"]});
        let rules = rules(&[("aws.x", json!({ text("service"): { "p": policy } }))]);
        let decision =
            rules.decide(request("aws.x", text("request_operation"), text("request_resource")));
        let is_allowed = matches!(decision, Decision::Allowed(Some("p")));
        assert_eq!(is_allowed, case["java"] == "allow", "{case}: {decision:?}");
    }
}

#[test]
fn patterns_match_the_whole_text() {
    for (pattern, has_mqtt_wildcards, matching, others) in [
        ("**", false, vec!["a", "/"], vec![]),
        ("*ab*c", false, vec!["abc", "xabxabc", "ab-ab-c"], vec!["abcd", "ac"]),
        ("a*b/c", false, vec!["ab/c", "ab/b/c"], vec!["ab/c/"]),
        ("a${*}b/*", false, vec!["a*b/c"], vec!["aXb/c"]),
        ("x/*/a${*}b", false, vec!["x/1/a*b"], vec!["x/1/aXb"]),
        ("${$}{*}", false, vec!["${}", "${any}"], vec!["$x"]),
        ("$x$", false, vec!["$x$"], vec!["x"]),
        ("ü*", false, vec!["ü", "üü"], vec!["u\u{308}"]),
        ("a/+/#", true, vec!["a/", "a/b", "a/b/c"], vec!["a"]),
        ("a/+/c", true, vec!["a//c"], vec!["a/c"]),
        ("+/+", true, vec!["/", "a/b"], vec!["a", "a/b/c"]),
        ("a/#", true, vec!["a", "a/", "a/b"], vec!["ab"]),
        ("#", true, vec!["a", "$aws/x"], vec![]),
        ("*/+", true, vec!["a/b", "a/b/c", "/"], vec!["a"]),
        ("*b/+/c", true, vec!["b/x/b/y/c"], vec!["b/c"]),
        ("a#", true, vec!["a#"], vec!["ab"]),
    ] {
        let pattern = Pattern::parse(pattern, has_mqtt_wildcards).unwrap();
        for text in matching {
            assert!(pattern.matches(text), "{pattern:?} on {text}");
        }
        for text in others {
            assert!(!pattern.matches(text), "{pattern:?} on {text}");
        }
    }
    // Exhaustive backtracking would not end.
    let pattern = Pattern::parse(&"*a".repeat(100), false).unwrap();
    assert!(!pattern.matches(&format!("{}b", "a".repeat(10_000))));
}

#[test]
fn an_exact_pattern_matches_its_text_alone() {
    for text in ["a/b", "*", "a*b?c", "${*}", "${", "$$", "$${{", "${$}{"] {
        let pattern = Pattern::parse(&exact_pattern(text), false).unwrap();
        assert!(pattern.matches(text), "{text}: {pattern:?}");
        assert!(pattern.pieces().len() == 1, "{text}: {pattern:?}");
    }
}

#[test]
fn what_is_ignored_is_reported_with_its_place() {
    let policy = publishes(json!(["a"]));
    for (access_control, expected) in [
        (json!(null), "x: accessControl: must be an object"),
        (
            json!({"aws.greengrass.ipc.PubSub": {"p": policy}}),
            "aws.greengrass.ipc.pubsub is, and case is significant",
        ),
        (json!({"nope": {"p": policy}}), r#"accessControl."nope": is not a service identifier"#),
        (
            json!({"aws.greengrass.ipc.pubsub": null}),
            "this null removes the permissions of all components",
        ),
        (pubsub(json!({"": policy})), "no component gets permissions for this service"),
        (
            pubsub(json!({"p": "x"})),
            r#"."p": must be an object with operations and resources, not a string"#,
        ),
        (
            pubsub(json!({"p": {"operations": "*"}})),
            r#""p".operations: must be a list of strings, not a string"#,
        ),
        (
            pubsub(json!({"p": {"operations": [[]]}})),
            r#""p".operations[0]: must be a string, not a list"#,
        ),
        (pubsub(json!({"p": {"effect": "allow"}})), r#""p".effect: is not a property of a policy"#),
        (pubsub(json!({"p": {"resources": ["a"]}})), r#""p".operations: has no operations"#),
        (pubsub(json!({"p": publishes(json!([]))})), r#""p".resources: has no resources"#),
        (
            pubsub(json!({"p": publishes(json!(["a", "b?"]))})),
            r#""p".resources[1]: "b?" is ignored: ?"#,
        ),
        (
            pubsub(json!({"p": publishes(json!(["${x}"]))})),
            r#""p".resources[0]: "${x}" is ignored: ${"#,
        ),
        (
            pubsub(json!({"p": {"operations": ["PublishToTopic"], "resources": ["a"]}})),
            r#"operations[0]: "PublishToTopic" is not an operation of aws.greengrass.ipc.pubsub and is ignored; did you mean aws.greengrass#PublishToTopic?"#,
        ),
        (
            pubsub(
                json!({"p": {"operations": ["aws.greengrass#PublishToIoTCore"], "resources": ["a"]}}),
            ),
            "it belongs to aws.greengrass.ipc.mqttproxy",
        ),
        (
            pubsub(json!({"p": {"operations": ["aws.greengrass#*"], "resources": ["a"]}})),
            "only * alone matches all operations",
        ),
    ] {
        let faults = AccessControl::parse("x", &access_control).faults;
        let texts: Vec<_> = faults.iter().map(Fault::to_string).collect();
        assert_eq!(texts.len(), 1, "{access_control}: {texts:?}");
        assert!(texts[0].starts_with("x: accessControl") && faults[0].is_error(), "{texts:?}");
        assert!(texts[0].contains(expected), "{access_control}: {texts:?}");
    }
}

#[test]
fn what_differs_on_a_device_is_reported() {
    let mqtt = |resources: Value| {
        let policy = json!({"operations": ["*"], "resources": resources});
        json!({"aws.greengrass.ipc.mqttproxy": {"p": policy}})
    };
    for (resources, expected) in [
        (json!(["a${*}b/*"]), Some("treats ${*} in")),
        (json!(["x/*/a${*}b"]), None),
        (
            json!(["{iot:thingName}/a"]),
            Some(r#"{iot:thingName} in "{iot:thingName}/a" is not replaced"#),
        ),
        (json!(["*ab*c", "*b*d"]), Some(r#"may deny what "*b*d" or "*ab*c" allows"#)),
        (json!(["*ab", "*b", "x*b*d"]), None),
        (json!(["a/+x/c", "a/+/b"]), Some(r#"treats + in "a/+x/c" as a wildcard"#)),
        (json!(["a/+x/c", "b/+/b"]), None),
    ] {
        let faults = AccessControl::parse("x", &mqtt(resources.clone())).faults;
        let texts: Vec<_> = faults.iter().map(Fault::to_string).collect();
        assert_eq!(texts.len(), usize::from(expected.is_some()), "{resources}: {texts:?}");
        if let Some(expected) = expected {
            assert!(texts[0].contains(expected) && !faults[0].is_error(), "{texts:?}");
        }
    }
    let written = pubsub(json!({"_p": publishes(json!(["a"])), "p": {}, "P": {}}));
    let texts: Vec<_> = unseen_keys("x", &written).iter().map(Fault::to_string).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts.iter().any(|it| it.contains(r#""_p": keys that start with _ are hidden"#)));
    assert!(texts.iter().any(|it| it.contains(r#""p": is the same key as "P""#)));
}

#[test]
fn after_an_empty_policy_id_the_former_policies_of_the_service_stay() {
    let mqtt = json!({"p": {"operations": ["*"], "resources": ["a"]}});
    let former = rules(&[("x", pubsub(json!({"p": publishes(json!(["a"]))})))]);
    let both = json!({
        "aws.greengrass.ipc.pubsub": {"": publishes(json!(["b"])), "q": publishes(json!(["c"]))},
        "aws.greengrass.ipc.mqttproxy": mqtt,
    });
    let rules = Rules::load([("x", &both)], &Sources::default(), &former);
    assert_eq!(denial(&rules, "x", "a"), None);
    for topic in ["b", "c"] {
        let text = denial(&rules, "x", topic).unwrap();
        assert!(text.contains("no component gets permissions for this service"), "{text}");
    }
    let other = request("x", "aws.greengrass#PublishToIoTCore", "a");
    assert!(matches!(rules.decide(other), Decision::Allowed(Some("p"))));
}

#[test]
fn a_denial_names_the_policies_that_came_near() {
    let all = json!({"operations": ["*"], "resources": ["*"]});
    let rules = rules(&[
        (
            "x",
            json!({
                "aws.greengrass.ipc.pubsub": {
                    "case": publishes(json!(["Sensors/a"])),
                    "slash": publishes(json!(["sensors/b/"])),
                    "mqtt": publishes(json!(["sensors/c/#"])),
                    "variable": publishes(json!(["{iot:thingName}/d"])),
                    "none": publishes(json!([])),
                    "subscribe": {"operations": ["aws.greengrass#SubscribeToTopic"], "resources": ["*"]},
                },
                "aws.greengrass.ipc.mqttproxy": {"iot": all},
                "aws.greengrass.Cli": {"cli": all},
            }),
        ),
        ("y", pubsub(json!({"y1": publishes(json!(["sensors/*"]))}))),
        ("z", json!("{")),
        (
            "one",
            pubsub(json!({
                "typo": publishes(json!(["t/abcefgh"])),
                "invalid": {"operations": ["x"], "resources": ["*"]},
            })),
        ),
    ]);
    for (topic, expected) in [
        ("sensors/a", r#""Sensors/a" (case is significant)"#),
        ("sensors/b", r#""sensors/b/" (a slash at the end is significant)"#),
        ("sensors/c/1", r#""sensors/c/#" (+ and # are not wildcards for this service"#),
        ("t/d", r#""{iot:thingName}/d" (the recipe variable is not replaced)"#),
        ("e", r#"policy "none" has the operation, but no resources"#),
        (
            "e",
            r#""subscribe" has the resource, but other operations: aws.greengrass#SubscribeToTopic"#,
        ),
        (
            "e",
            r#""iot" has the resource, but is for aws.greengrass.ipc.mqttproxy, not aws.greengrass.ipc.pubsub"#,
        ),
        ("sensors/e", r#""y1" allows it, but only for y"#),
    ] {
        let text = denial(&rules, "x", topic).unwrap();
        assert!(text.contains(expected) && !text.contains(r#""cli""#), "{text}");
    }
    let text = denial(&rules, "z", "a").unwrap();
    assert!(text.contains("z has no permissions"), "{text}");
    assert!(text.ends_with("\nCorrect this first: until then, no policy has an effect"), "{text}");
    let text = denial(&rules, "one", "t/abcdefgh").unwrap();
    assert!(text.contains(r#"other resources: "t/abcefgh" (is one of them misspelt?)"#), "{text}");
    assert!(
        text.contains(r#"policy "invalid" has the resource, but no valid operation"#),
        "{text}"
    );
    let text = denial(&rules, "unknown", "e").unwrap();
    assert!(text.contains("unknown may not call aws.greengrass#PublishToTopic on e"), "{text}");
}

#[test]
fn a_denial_proposes_a_policy_that_allows_exactly_the_call() {
    let id = "x:pubsub:1";
    let subscribe = "aws.greengrass#SubscribeToTopic";
    for (topic, other) in [("a/b", "a/b/"), ("a*${b}?", "ax${b}?"), ("+/#", "a/b")] {
        let mut configuration = pubsub(json!({ id: publishes(json!(["other"])) }));
        let before = rules(&[("x", configuration.clone())]);
        let Decision::Denied(denied) = before.decide(request("x", subscribe, topic)) else {
            panic!("{topic} is allowed");
        };
        let snippet = denied.snippet().unwrap();
        let proposed = &snippet["accessControl"]["aws.greengrass.ipc.pubsub"];
        let (new_id, policy) = proposed.as_object().unwrap().iter().next().unwrap();
        assert_eq!(new_id, "x:pubsub:2");
        configuration["aws.greengrass.ipc.pubsub"][new_id] = policy.clone();
        let after = rules(&[("x", configuration)]);
        for (topic, is_allowed) in [(topic, true), (other, false)] {
            let decision = after.decide(request("x", subscribe, topic));
            assert_eq!(matches!(decision, Decision::Allowed(_)), is_allowed, "{topic}");
        }
    }
    // The text `*` is not escaped.
    let rules = rules(&[]);
    let Decision::Denied(denial) = rules.decide(request("x", "aws.greengrass#ListComponents", "*"))
    else {
        panic!("it is allowed");
    };
    let policy = &denial.snippet().unwrap()["accessControl"]["aws.greengrass.Cli"]["x:cli:1"];
    assert_eq!(policy["resources"], json!(["*"]));
    // No policy allows these.
    for resource in [None, Some(""), Some(" ")] {
        let request = Request { resource, ..request("x", PUBLISH, "") };
        let Decision::Denied(denial) = rules.decide(request) else { panic!("{resource:?}") };
        assert_eq!(denial.snippet(), None);
    }
}

#[test]
fn each_denied_call_is_proposed_another_policy() {
    let policies = |value| rules(&[("x", pubsub(value))]);
    let before = policies(json!({"x:pubsub:2": publishes(json!(["z"]))}));
    let id = |rules: &Rules, topic| {
        let Decision::Denied(denial) = rules.decide(request("x", PUBLISH, topic)) else {
            panic!("{topic} is allowed");
        };
        denial.free_id
    };
    let ids = ["a", "b", "a", "b"].map(|it| id(&before, it));
    assert_eq!(ids, ["x:pubsub:1", "x:pubsub:3", "x:pubsub:1", "x:pubsub:3"]);

    let merged = pubsub(json!({"x:pubsub:3": publishes(json!(["other"]))}));
    let after = Rules::load([("x", &merged)], &Sources::default(), &before);
    let ids = ["b", "a", "c"].map(|it| id(&after, it));
    assert_eq!(ids, ["x:pubsub:2", "x:pubsub:1", "x:pubsub:4"]);
}

/// Would take hours if each resource, or each part of one, were compared with all others.
#[test]
fn large_policies_are_read_in_linear_time() {
    let many = |form: &dyn Fn(usize) -> String| (0..20_000).map(form).collect::<Vec<_>>();
    for resources in [
        vec!["*a".repeat(200_000)],
        many(&|it| format!("*aaa{it}")),
        many(&|it| format!("+a/+{it}")),
    ] {
        let rules = rules(&[("x", pubsub(json!({"id": publishes(json!(resources))})))]);
        assert!(denial(&rules, "x", "other").is_some());
    }
}
