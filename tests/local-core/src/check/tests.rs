use super::*;

/// A recipe with an `accessControl` in flow style.
fn recipe(component: &str, access_control: &str) -> String {
    format!(
        "RecipeFormatVersion: '2020-01-25'\nComponentName: {component}\nComponentVersion: 1.0.0\n\
         ComponentConfiguration:\n  DefaultConfiguration:\n    accessControl: {access_control}\nManifests: [{{}}]\n"
    )
}

/// Checks recipes. Their files are `0.yaml`, `1.yaml` and so on, or in JSON.
fn checked(texts: &[&str], call: Option<(&str, &str)>) -> (String, u8) {
    let folder = tempfile::tempdir().unwrap();
    let paths = texts.iter().enumerate().map(|(at, text)| {
        let extension = if text.starts_with('{') { "json" } else { "yaml" };
        let path = folder.path().join(format!("{at}.{extension}"));
        std::fs::write(&path, text).unwrap();
        path
    });
    let paths: Vec<_> = paths.collect();
    let Checked { text, status } = check(&paths, call);
    (text.replace(&format!("{}/", folder.path().display()), ""), status)
}

/// Checks the report on the policies of a component.
#[track_caller]
fn reports(access_control: &str, expected: &[&str]) {
    let (text, _) = checked(&[&recipe("com.example.X", access_control)], None);
    let lines: Vec<_> = text.lines().collect();
    let (_, lines) = lines.split_last().unwrap();
    let lines: Vec<_> = lines.iter().map(|it| it.strip_prefix("0.yaml:").unwrap()).collect();
    assert_eq!(lines, expected, "{access_control}");
}

/// Checks the fault of one policy. A part without effect is an error.
#[track_caller]
fn warns(service: &str, operations: &str, resources: &str, expected: Option<&str>) {
    let policy = format!("{{operations: {operations}, resources: {resources}}}");
    let access_control = format!("{{{service}: {{p: {policy}}}}}");
    let (text, status) = checked(&[&recipe("com.example.X", &access_control)], None);
    let start = format!(": accessControl.\"{service}\".\"p\".");
    let lines: Vec<_> = text.lines().filter_map(|it| it.split_once(&start)).collect();
    assert_eq!(lines.iter().map(|it| it.1).next(), expected, "{operations} {resources}");
    assert!(lines.len() <= 1, "{text}");
    let has_no_effect = expected.is_some_and(|it| it.contains(" never "));
    assert_eq!(status, u8::from(has_no_effect), "{text}");
}

#[test]
fn a_good_recipe_has_no_faults() {
    let policy = "{p: {operations: ['aws.greengrass#PublishToTopic'], resources: [test/topic]}}";
    let recipe = recipe("com.example.X", &format!("{{aws.greengrass.ipc.pubsub: {policy}}}"));
    assert_eq!(checked(&[&recipe], None), ("0 errors, 0 warnings\n".to_owned(), 0));
}

#[test]
fn faults_have_places() {
    reports(
        "\n      aws.greengrass.ipc.pubsub:\n        \"\":\n          operations: [x]\n        _p:\n          \
         operations: ['aws.greengrass#PublishToTopics', 'aws.greengrass#GetConfiguration']\n          resources: [a?b]\n      \
         aws.greengrass.ipc.pubsubs: {}",
        &[
            "8:9: error: accessControl.\"aws.greengrass.ipc.pubsub\".\"\": a policy id is empty: no component gets \
             permissions for this service",
            "8:9: error: accessControl.\"aws.greengrass.ipc.pubsub\".\"\".resources: has no resources: the policy allows \
             nothing; [\"*\"] matches any resource",
            "9:24: error: accessControl.\"aws.greengrass.ipc.pubsub\".\"\".operations[0]: \"x\" is not an operation of \
             aws.greengrass.ipc.pubsub and is ignored; there is no such operation",
            "10:9: error: accessControl.\"aws.greengrass.ipc.pubsub\".\"_p\": keys that start with _ are hidden, so it has \
             no effect",
            "13:7: error: accessControl.\"aws.greengrass.ipc.pubsubs\": is not a service identifier, so its policies are \
             ignored: did you mean aws.greengrass.ipc.pubsub?",
        ],
    );
    reports(
        "{aws.greengrass.ipc.pubsub: {p: {operations: [PublishToTopic, 'aws.greengrass#GetConfiguration'], effect: x}}}",
        &[
            "6:118: error: accessControl.\"aws.greengrass.ipc.pubsub\".\"p\".effect: is not a property of a policy: these are \
           policyDescription, operations and resources; until then, com.example.X has no permissions",
        ],
    );
    reports(
        "{aws.greengrass.ipc.pubsub: {p: {operations: [PublishToTopic, 'aws.greengrass#GetConfiguration'], resources: [x]}}}",
        &[
            "6:66: error: accessControl.\"aws.greengrass.ipc.pubsub\".\"p\".operations[0]: \"PublishToTopic\" is not an \
             operation of aws.greengrass.ipc.pubsub and is ignored; did you mean aws.greengrass#PublishToTopic?",
            "6:82: error: accessControl.\"aws.greengrass.ipc.pubsub\".\"p\".operations[1]: \"aws.greengrass#GetConfiguration\" \
             is not an operation of aws.greengrass.ipc.pubsub and is ignored; it requires no permission",
        ],
    );
}

#[test]
fn policies_that_never_match_are_found() {
    let publish = "['aws.greengrass#PublishToTopic']";
    let all = "['*']";
    for (service, operations, resources, expected) in [
        (
            "aws.greengrass.ipc.pubsub",
            publish,
            "[sensors/#]",
            Some(
                "resources[0]: \"sensors/#\" never matches: the resource of PublishToTopic is a topic, which contains no wildcards",
            ),
        ),
        (
            "aws.greengrass.ipc.mqttproxy",
            "['aws.greengrass#PublishToIoTCore']",
            "[a+/b]",
            Some(
                "resources[0]: \"a+/b\" never matches: the resource of PublishToIoTCore is a topic, which contains no wildcards",
            ),
        ),
        (
            "aws.greengrass.ShadowManager",
            "['aws.greengrass#GetThingShadow']",
            "[T1]",
            Some(
                "resources[0]: \"T1\" never matches: the resource of GetThingShadow is $aws/things/THING/shadow or \
                 $aws/things/THING/shadow/name/SHADOW",
            ),
        ),
        (
            "aws.greengrass.ShadowManager",
            "['aws.greengrass#GetThingShadow', 'aws.greengrass#ListNamedShadowsForThing']",
            "[$aws/things/T1/shadow*]",
            Some(
                "operations: aws.greengrass#ListNamedShadowsForThing is never allowed: the resource of \
                 ListNamedShadowsForThing is the name of a thing",
            ),
        ),
        ("aws.greengrass.ShadowManager", all, "[$aws/things/*/shadow, T1]", None),
        ("aws.greengrass.ShadowManager", all, "[$aws/things/T1/shadow/name/*]", None),
        ("aws.greengrass.ShadowManager", all, "['*/shadow']", None),
        (
            "aws.greengrass.ShadowManager",
            "['aws.greengrass#GetThingShadow']",
            "[$aws/things/a/b/shadow]",
            Some(
                "resources[0]: \"$aws/things/a/b/shadow\" never matches: the resource of GetThingShadow is \
                 $aws/things/THING/shadow or $aws/things/THING/shadow/name/SHADOW",
            ),
        ),
        (
            "aws.greengrass.SecretManager",
            all,
            "[db]",
            Some(
                "resources[0]: \"db\" never matches: the resource of GetSecretValue is the ARN of a secret",
            ),
        ),
        ("aws.greengrass.SecretManager", all, "['arn:aws:secretsmanager:*:secret:db-*']", None),
        (
            "aws.greengrass.ipc.lifecycle",
            all,
            "[com.example/Y]",
            Some(
                "resources[0]: \"com.example/Y\" never matches: the resource of ResumeComponent is the name of a component",
            ),
        ),
        (
            "aws.greengrass.clientdevices.Auth",
            "['aws.greengrass#AuthorizeClientDeviceAction']",
            "[mqtt:topic:x]",
            Some(
                "resources[0]: \"mqtt:topic:x\" never matches: the resource of AuthorizeClientDeviceAction is always *",
            ),
        ),
        ("aws.greengrass.clientdevices.Auth", all, "['*']", None),
        (
            "aws.greengrass.Cli",
            "['aws.greengrass#GetLocalDeploymentStatus']",
            "[xyz]",
            Some(
                "resources[0]: \"xyz\" never matches: the resource of GetLocalDeploymentStatus is a UUID",
            ),
        ),
        ("aws.greengrass.ipc.componentmetric", all, "[queueDepth]", None),
        (
            "aws.greengrass.Cli",
            "['aws.greengrass#CancelLocalDeployment']",
            "['*']",
            Some(
                "operations: a device denies aws.greengrass#CancelLocalDeployment to all components",
            ),
        ),
    ] {
        warns(service, operations, resources, expected);
    }
}

#[test]
fn resources_that_are_wider_than_they_look_are_found() {
    let subscribe = "['aws.greengrass#SubscribeToIoTCore']";
    for (service, operations, resources, expected) in [
        (
            "aws.greengrass.ipc.pubsub",
            "['*']",
            "['*']",
            Some("resources[0]: \"*\" matches every resource"),
        ),
        (
            "aws.greengrass.ipc.mqttproxy",
            "['*']",
            "['#']",
            Some("resources[0]: \"#\" matches every resource"),
        ),
        (
            "aws.greengrass.ipc.pubsub",
            "['*']",
            "[plant/*/cmd]",
            Some(
                "resources[0]: \"plant/*/cmd\" also matches topics with more levels, such as \"plant/x/y/cmd\"",
            ),
        ),
        (
            "aws.greengrass.ipc.pubsub",
            "['aws.greengrass#SubscribeToTopic']",
            "[sensors/+/raw]",
            Some(
                "resources[0]: \"sensors/+/raw\" matches only itself: + and # are not wildcards here, use *",
            ),
        ),
        (
            "aws.greengrass.ipc.mqttproxy",
            subscribe,
            "[dev/+]",
            Some("resources[0]: \"dev/+\" also allows a subscription to \"dev/#\""),
        ),
        ("aws.greengrass.ipc.mqttproxy", "['aws.greengrass#PublishToIoTCore']", "[dev/+]", None),
        ("aws.greengrass.ipc.mqttproxy", subscribe, "[dev/+/x, dev/#]", None),
        ("aws.greengrass.ipc.pubsub", "['*']", "[sensors*]", None),
    ] {
        warns(service, operations, resources, expected);
    }
}

#[test]
fn recipes_are_compared() {
    let policy = "{aws.greengrass.ipc.pubsub: {p: {operations: ['*'], resources: [a]}}}";
    let [x, y] = ["com.example.X", "com.example.Y"].map(|it| recipe(it, policy));
    let (text, status) = checked(&[&x, &y], None);
    assert_eq!(status, 0);
    assert_eq!(
        text,
        "1.yaml:6:49: warning: the policy id \"p\" is also in 0.yaml:6:49; ids must be unique among all components\n\
         0 errors, 1 warning\n"
    );
    let depends = |name: &str, on: &str, range: &str| {
        let dependency =
            format!("ComponentDependencies: {{{on}: {{VersionRequirement: {range}}}}}\n");
        recipe(name, "{}") + &dependency
    };
    let x = depends("com.example.X", "com.example.Y", "^2.0.0");
    let y = depends("com.example.Y", "com.example.X", "^1.0.0");
    let (text, status) = checked(&[&x, &y, &y], None);
    assert_eq!(status, 1);
    assert_eq!(
        text,
        "0.yaml:8:25: error: com.example.X needs version ^2.0.0 of com.example.Y, not 1.0.0\n\
         1.yaml:8:25: error: circular dependency: com.example.X -> com.example.Y -> com.example.X; remove one of the \
         dependencies\n\
         2.yaml: error: com.example.Y has another recipe, 1.yaml; remove one of them\n\
         3 errors, 0 warnings\n"
    );
}

#[test]
fn a_call_is_allowed_or_denied() {
    let policy = "{aws.greengrass.ipc.pubsub: {p: {operations: ['aws.greengrass#PublishToTopic'], resources: [a, test/*]}}}";
    let x = recipe("com.example.X", policy);
    for (call, text, status) in [
        (
            ("aws.greengrass#PublishToTopic", "test/topic"),
            "allow\npolicy \"p\" with the resource \"test/*\" (0.yaml:6:49) allows com.example.X to call \
             aws.greengrass#PublishToTopic\n",
            0,
        ),
        (
            ("GetConfiguration", "x"),
            "allow\naws.greengrass#GetConfiguration requires no permission\n",
            0,
        ),
        (
            ("PublishTopic", "test/topic"),
            "deny\nthere is no operation aws.greengrass#PublishTopic; did you mean aws.greengrass#PublishToTopic?\n",
            1,
        ),
        (
            ("aws.greengrass#RestartComponent", ""),
            "deny\nthe call fails with an InvalidArgumentsError: componentName must not be empty\n",
            1,
        ),
        (
            ("ValidateAuthorizationToken", "x"),
            "deny\nonly aws.greengrass.StreamManager may call aws.greengrass#ValidateAuthorizationToken\n",
            1,
        ),
        (
            ("GetSecretValue", "db"),
            "deny\ncom.example.X may not call aws.greengrass#GetSecretValue on db: no policy for \
             aws.greengrass.SecretManager allows it\nNo policy makes this call succeed: the resource of GetSecretValue \
             is the ARN of a secret\n",
            1,
        ),
        (
            ("PublishToTopic", "b/+"),
            "deny\ncom.example.X may not call aws.greengrass#PublishToTopic on b/+: no policy for \
             aws.greengrass.ipc.pubsub allows it\n\
             \x20 policy \"p\" (0.yaml:6:49) has the operation, but other resources: \"a\", \"test/*\"\n\
             No policy makes this call succeed: the resource of PublishToTopic is a topic, which contains no wildcards\n",
            1,
        ),
        (
            ("aws.greengrass#PublishToTopic", "other"),
            "deny\n\
             com.example.X may not call aws.greengrass#PublishToTopic on other: no policy for aws.greengrass.ipc.pubsub \
             allows it\n\
             \x20 policy \"p\" (0.yaml:6:49) has the operation, but other resources: \"a\", \"test/*\"\n\
             To allow this call, insert after the bracket at 0.yaml:6:48:\n\
             \x20       \"com.example.X:pubsub:1\": {\"operations\": [\"aws.greengrass#PublishToTopic\"], \"resources\": [\"other\"]},\n",
            1,
        ),
    ] {
        assert_eq!(checked(&[&x], Some(call)), (text.to_owned(), status));
    }
    let (text, status) = checked(&[&x, &x], Some(("GetConfiguration", "x")));
    let expected = "deny\na recipe is not valid\n1.yaml: error: com.example.X has another recipe, 0.yaml; remove one of them\n";
    assert!(text.starts_with(expected) && status == 1, "{text}");
}

#[test]
fn what_is_not_a_recipe_has_its_own_status() {
    let call = Some(("GetConfiguration", "x"));
    for (text, report) in [
        (
            "a: {b",
            "0.yaml:2:1: error: not YAML: while parsing a flow mapping, did not find expected ',' or '}'\n1 error, 0 warnings\n",
        ),
        (
            "- a",
            "0.yaml:1:1: error: not a recipe: it must be an object, not a list\n1 error, 0 warnings\n",
        ),
        (
            "{\"a\": }",
            "0.json:1:7: error: not JSON: expected value; strings are in double quotes, and JSON has no comments\n1 error, 0 warnings\n",
        ),
    ] {
        assert_eq!(checked(&[text], None), (report.to_owned(), 2));
        assert_eq!(checked(&[text], call), (report.to_owned(), 2));
    }
    let Checked { text, status } = check(&["no/such/file".into()], None);
    let expected = "no/such/file: error: cannot read the recipe: No such file or directory (os error 2)\n1 error, 0 warnings\n";
    assert_eq!((&*text, status), (expected, 2));
    let Checked { text, status } = check(&["/dev/zero".into()], None);
    assert!(text.contains("has at most 1048576 bytes") && status == 2, "{text}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("utf16.yaml");
    std::fs::write(&path, b"\xff\xfea\0").unwrap();
    let text = check(&[path], None).text;
    assert!(text.contains("save the file as UTF-8"), "{text}");
}
