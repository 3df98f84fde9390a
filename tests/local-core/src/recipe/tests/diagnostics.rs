//! Tests of diagnostics.

use super::*;

/// Checks the diagnostics of a whole file.
#[track_caller]
fn check(file: &str, text: &str, expected: &[&str]) {
    let (_, diagnostics) = Recipe::read(Path::new(file), text, &linux());
    let texts: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(texts, expected, "{text}");
}

/// Checks the diagnostics of lines after a component's name and version.
#[track_caller]
fn check_lines(lines: &str, expected: &[&str]) {
    let (_, found) = with(lines);
    assert_eq!(found, expected, "{lines}");
}

#[test]
fn values_that_start_with_a_variable_are_quoted() {
    let script = "|-\n        java -Dlog.level=INFO -jar {artifacts:path}/HelloWorld.jar";
    for (value, expected) in [
        (
            "{artifacts:path}/greengrassv2_pubsub_subscriber",
            "hello.yaml:17:28: error: not YAML: while parsing a block mapping, did not find expected key; { starts an object, so quote the value: \
             \"{artifacts:path}/greengrassv2_pubsub_subscriber\"",
        ),
        (
            "{artifacts:path}",
            "hello.yaml:17:12: error: Run must be a string or an object; quote it: \"{artifacts:path}\"",
        ),
        (
            "{artifacts:path}/x {configuration:/a} # why",
            "hello.yaml:17:28: error: not YAML: while parsing a block mapping, did not find expected key; { starts an object, so quote the value: \
             \"{artifacts:path}/x {configuration:/a} # why\"",
        ),
    ] {
        check("hello.yaml", &HELLO.replace(script, value), &[expected]);
    }
    // What looks like a variable is not the fault.
    check_lines(
        "Manifests:\n  - Platform: {os: linux}\n     Lifecycle:\n      Run: x\n",
        &[
            "r.yaml:6:6: error: not YAML: while parsing a block mapping, did not find expected key; the keys of one object begin in the same column",
        ],
    );
    check_lines(
        "Manifests:\n  - Lifecycle: {Run: x}\n    Name: a: b\n",
        &[
            "r.yaml:6:12: error: not YAML: mapping values are not allowed in this context; quote a value that contains `: `, or write it below `|`",
        ],
    );
    for (value, advice) in [
        ("*", "quote a value that starts with * or &"),
        ("'x\n  Lifecycle: {}", "is the closing quote missing?"),
        ("@x", "quote the value"),
    ] {
        let (recipe, found) = with(&format!("Manifests:\n  - Name: {value}\n"));
        assert!(recipe.is_none() && found[0].ends_with(advice), "{found:?}");
    }
    check_lines(
        "ComponentConfiguration:\n  DefaultConfiguration:\n    topics:\n      - {iot:thingName}/data\n",
        &[
            "r.yaml:7:24: error: not YAML: while parsing a block collection, did not find expected '-' indicator; { starts an object, so quote the value: \"{iot:thingName}/data\"",
        ],
    );
}

#[test]
fn a_recipe_has_a_name_a_version_and_manifests() {
    check(
        "r.yaml",
        "ComponentDescription: x\n",
        &[
            "r.yaml:1:1: error: RecipeFormatVersion is missing; write, for example, RecipeFormatVersion: \"2020-01-25\"",
            "r.yaml:1:1: error: ComponentName is missing; write, for example, ComponentName: com.example.Hello",
            "r.yaml:1:1: error: ComponentVersion is missing; write, for example, ComponentVersion: \"1.0.0\"",
            "r.yaml:1:1: error: Manifests is missing or empty; write a list with a manifest, even if it is only {}",
        ],
    );
    let start = START.replace("2020-01-25", "2021-01-01").replace("1.0.0", "1.0");
    check(
        "r.yaml",
        &format!("{start}ComponentType: aws.greengrass.zzz\nManifests: []\n"),
        &[
            "r.yaml:1:22: error: RecipeFormatVersion must be one of 2020-01-25, not \"2021-01-01\"",
            "r.yaml:3:19: error: \"1.0\" is not a version such as \"1.0.0\": three numbers up to 999999, and at most 64 characters",
            "r.yaml:4:16: error: ComponentType must be one of aws.greengrass.generic, aws.greengrass.plugin, \
             aws.greengrass.nucleus, aws.greengrass.lambda, not \"aws.greengrass.zzz\"",
            "r.yaml:5:12: error: Manifests is missing or empty; write a list with a manifest, even if it is only {}",
        ],
    );
    check(
        "recipe.yaml",
        &format!("{}Manifests: [{{}}]", START.replace("com.example.X", "\"{COMPONENT_NAME}\"")),
        &[
            "recipe.yaml:2:16: error: \"{COMPONENT_NAME}\" is not the name of a component: 1 to 128 letters, digits, '.', '-' \
           and '_', not only dots; this is a template, so run `gdk component build` and use greengrass-build/recipes",
        ],
    );
    for version in ["1.2.3-rc.1+5", "999999.0.0"] {
        let text = START.replace("1.0.0", version) + "Manifests: [{}]";
        check("r.yaml", &text, &[]);
    }
}

#[test]
fn unknown_members_are_ignored() {
    check_lines(
        "ComponentDescripton: x\nZzz: 1\nManifests:\n- Foo: 1\n  Lifecycle: {Runn: x, Other: x, Run: {Script: x, Skippif: y}}\n",
        &[
            "r.yaml:4:1: warning: ComponentDescripton is not a member of a recipe and is ignored; did you mean \
             ComponentDescription?",
            "r.yaml:5:1: warning: Zzz is not a member of a recipe and is ignored; these are RecipeFormatVersion, \
             ComponentName, ComponentVersion, ComponentType, ComponentDescription, ComponentPublisher, ComponentSource, \
             ComponentConfiguration, ComponentDependencies, Manifests, Lifecycle",
            "r.yaml:7:3: warning: Foo is not a member of a manifest and is ignored; these are Name, Platform, Lifecycle, \
             Selections, Artifacts",
            "r.yaml:8:15: warning: Runn is not a member of a lifecycle and is ignored; did you mean Run?",
            "r.yaml:8:24: warning: Other is not a member of a lifecycle and is ignored; these are Setenv, Bootstrap, \
             Install, Startup, Run, Shutdown, Recover, Uninstall",
            "r.yaml:8:51: warning: Skippif is not a member of a step and is ignored; did you mean Skipif?",
        ],
    );
}

#[test]
fn types_are_checked() {
    check_lines(
        "ComponentDescription: [x]\nComponentConfiguration: x\nComponentDependencies: []\nManifests: {}\n",
        &[
            "r.yaml:4:23: error: ComponentDescription must be a string, not a list",
            "r.yaml:5:25: error: ComponentConfiguration must be an object, not a string",
            "r.yaml:6:24: error: ComponentDependencies must be an object, not a list",
            "r.yaml:7:12: error: Manifests must be a list, not an object",
            "r.yaml:7:12: error: Manifests is missing or empty; write a list with a manifest, even if it is only {}",
        ],
    );
    check(
        "r.yaml",
        "- a\n",
        &["r.yaml:1:1: error: not a recipe: it must be an object, not a list"],
    );
    check_lines(
        "ComponentConfiguration: {DefaultConfiguration: [1]}\n\
         ComponentDependencies: {com.example.Y: {VersionRequirement: latest, DependencyType: WEAK}}\n\
         Manifests:\n- 5\n",
        &[
            "r.yaml:4:48: error: DefaultConfiguration must be an object, not a list",
            "r.yaml:5:61: error: \"latest\" is not a range of versions, such as \"^1.0.0\"",
            "r.yaml:5:85: error: DependencyType must be one of HARD, SOFT, not \"WEAK\"",
            "r.yaml:7:3: error: a manifest must be an object, not a number",
        ],
    );
    check_lines(
        "Manifests:\n- Lifecycle:\n    Setenv: {\"a=b\": x, l: [1]}\n    Install: [echo]\n    \
         Run: {Timeout: soon}\n    Shutdown: {Script: 5, Timeout: -1, RequiresPrivilege: x}\n    Bootstrap: x\n",
        &[
            "r.yaml:6:14: error: \"a=b\" is not the name of an environment variable",
            "r.yaml:6:27: warning: l must be a string, not a list",
            "r.yaml:7:14: warning: Install must be a string, not a list; a nucleus runs its text",
            "r.yaml:8:5: error: the step has no Script, so a nucleus fails the step without running it",
            "r.yaml:8:20: warning: Timeout must be a number of seconds, not \"soon\"; it is ignored",
            "r.yaml:9:24: warning: Script must be a string, not a number; a nucleus runs its text",
            "r.yaml:9:36: warning: Timeout must be a number of seconds, not -1; it is ignored",
            "r.yaml:9:59: warning: RequiresPrivilege must be true or false, not \"x\"",
            "r.yaml:10:5: warning: the step Bootstrap does not run here",
        ],
    );
}

#[test]
fn manifests_that_never_apply_are_found() {
    check_lines(
        "Manifests:\n- Platform: {OS: linux}\n- Platform: {os: /(/}\n- Platform: {os: 5}\n- Platform: {os: /foo)|(?:lin.*/}\n\
         - Platform: {os: /(?=x)x/}\n",
        &[
            "r.yaml:4:1: error: no manifest fits this platform, architecture=amd64, os=linux; that of line 5 needs OS linux; \
             that of line 6 needs os /(/; that of line 7 needs os 5; that of line 8 needs os /foo)|(?:lin.*/",
            "r.yaml:5:14: warning: OS is an unknown attribute, which never fits; write os",
            "r.yaml:6:18: error: /(/ is not a regular expression here: unclosed group",
            "r.yaml:7:18: error: os must be a string, not a number; put it in quotes",
            "r.yaml:8:18: error: /foo)|(?:lin.*/ is not a regular expression here: unopened group",
            "r.yaml:9:18: error: /(?=x)x/ is not a regular expression here: look-around, including look-ahead and \
             look-behind, is not supported",
        ],
    );
    check_lines(
        "Manifests:\n- {}\n- Platform: {os: windows}\n",
        &["r.yaml:6:3: warning: this manifest is never used: the one in line 5 fits always"],
    );
}

#[test]
fn artifacts_have_uris() {
    check_lines(
        "Manifests:\n- Artifacts:\n  - URI: s3://bucket/file.zip\n  - Uri: docker:registry/image:1\n  \
         - {}\n  - Uri: file.txt\n  - Uri: http://host/file\n  - Uri: s3://bucket/\n  - Uri: s3://{BUCKET}/f\n  - Uri: s3://b/..\n  \
         - {Uri: s3://b/f, Unarchive: TAR, Permission: {Read: ANY, Exec: ALL}}\n",
        &[
            "r.yaml:8:5: error: Uri is missing; write, for example, Uri: s3://BUCKET/FILE",
            "r.yaml:9:10: error: \"file.txt\" has no scheme; write s3://BUCKET/FILE",
            "r.yaml:10:10: error: http is not a scheme of artifacts: these are s3, greengrass, docker",
            "r.yaml:11:10: error: \"s3://bucket/\" does not end with the name of a file",
            "r.yaml:12:10: error: \"s3://{BUCKET}/f\" is not a URI: it contains a space, a brace or the like",
            "r.yaml:13:10: error: \"s3://b/..\" does not end with the name of a file",
            "r.yaml:14:32: error: Unarchive must be one of NONE, ZIP, not \"TAR\"",
            "r.yaml:14:56: error: Read must be one of NONE, OWNER, ALL, not \"ANY\"",
            "r.yaml:14:61: warning: Exec is not a member of Permission and is ignored; these are Read, Execute",
        ],
    );
}

#[test]
fn documents_are_strict() {
    check(
        "r.json",
        "{\"a\": 1,}",
        &["r.json:1:9: error: not JSON: trailing comma; remove the last comma"],
    );
    check(
        "r.json",
        "{ // why\n}",
        &[
            "r.json:1:3: error: not JSON: key must be a string; keys are in double quotes, and JSON has no comments",
        ],
    );
    check("r.json", "{\"a\": 1e999}", &["r.json:1:11: error: not JSON: number out of range"]);
    check(
        "r.yaml",
        "",
        &["r.yaml: error: the file is empty; a recipe starts with RecipeFormatVersion"],
    );
    check(
        "r.json",
        "",
        &["r.json: error: the file is empty; a recipe starts with RecipeFormatVersion"],
    );
    check(
        "r.yaml",
        "a: &x [1]\nb: *x\n",
        &[
            "r.yaml:2:4: error: aliases (*) are not supported, and a nucleus does not resolve them; write the value again",
        ],
    );
    check(
        "r.yaml",
        "? [a]\n: b\n",
        &["r.yaml:1:3: error: a key must be a string; put it in quotes"],
    );
    check(
        "r.yaml",
        "a:\n\tb: c\n",
        &[
            "r.yaml:2:2: error: not YAML: tabs disallowed within this context (block indentation); indent with spaces, not with tabs",
        ],
    );
    check_lines(
        "Manifests: [{}]\nmanifests: [{}]\nManifests: [{}]\n---\nx: y\n",
        &[
            "r.yaml:4:1: warning: \"Manifests\" is there twice, and only the last one counts; merge them into one",
            "r.yaml:6:1: warning: Manifests is there in two spellings, and only the last one counts",
            "r.yaml:7:1: warning: only the first document of a file is read",
        ],
    );
}

#[test]
fn a_duplicate_key_that_removes_permissions_is_an_error() {
    let texts = [
        ("{\"a\": 1, \"a\": 1}", "warning"),
        ("{\"accessControl\": {}, \"accessControl\": {}}", "error"),
        ("{\"accessControl\": {\"s\": {\"p\": {}, \"p\": {}}}}", "error"),
        ("{\"accessControl\": {\"s\": {\"p\": {}}, \"s\": {}}, \"b\": 1}", "error"),
        ("{\"accessControl\": {}, \"b\": {\"s\": 1, \"s\": 1}}", "warning"),
        ("{}, \"DefaultConfiguration\": {}", "error"),
    ];
    for (text, severity) in texts {
        let text = format!("{{\"ComponentConfiguration\": {{\"DefaultConfiguration\": {text}}}}}");
        for file in ["r.json", "r.yaml"] {
            let (_, found) = Recipe::read(Path::new(file), &text, &linux());
            let is_expected = |it: &Diagnostic| {
                it.to_string().contains(severity) && it.text.contains("is there twice")
            };
            assert!(found.iter().any(is_expected), "{text}: {found:?}");
        }
    }
}

/// Warnings are limited in number, but never displace an error.
#[test]
fn many_warnings_do_not_hide_errors() {
    let unknown: String = (0..150).map(|it| format!("Unknown{it}: 1\n")).collect();
    let (_, found) = with(&format!("{unknown}Manifests: [5]\n"));
    assert_eq!(found.len(), 102);
    assert_eq!(found[0], "r.yaml: warning: 50 more warnings are not shown");
    assert_eq!(found[101], "r.yaml:154:13: error: a manifest must be an object, not a number");
    let duplicates =
        format!("{{{}\"a\": {}1{}}}", "\"a\": 1,".repeat(150), "[".repeat(110), "]".repeat(110));
    let (recipe, diagnostics) = Recipe::read(Path::new("r.json"), &duplicates, &linux());
    assert!(recipe.is_none());
    assert_eq!(diagnostics.iter().filter(|it| it.severity == Severity::Error).count(), 1);
    let variables = "{x:y}".repeat(150) + "{configuration:s}";
    let (recipe, _) = with(&format!("Manifests: [{{Lifecycle: {{Run: {variables:?}}}}}]"));
    let (_, found) = recipe.unwrap().resolve_lifecycle(&Variables::default());
    assert!(found.iter().any(|it| it.severity == Severity::Error), "{found:?}");
}

/// The level of a line in a log is the severity.
#[test]
fn a_log_has_diagnostics_without_severity() {
    for severity in [Severity::Error, Severity::Broken, Severity::Warning] {
        let position = Some(Position { line: 1, column: 2 });
        let it = Diagnostic { file: "r.yaml".into(), position, severity, text: "why".to_owned() };
        assert_eq!(format!("{it:#}"), "r.yaml:1:2: why");
    }
}
