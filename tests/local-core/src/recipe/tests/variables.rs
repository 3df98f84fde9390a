//! Tests of recipe variables.

use std::collections::BTreeMap;

use super::*;

fn component(name: &str, configuration: Value) -> ComponentVariables {
    ComponentVariables {
        artifacts: format!("/root/packages/artifacts/{name}/1.0.0"),
        decompressed: format!("/root/packages/artifacts-unarchived/{name}/1.0.0"),
        work: format!("/root/work/{name}"),
        configuration: configuration.as_object().unwrap().clone(),
    }
}

/// The script and the diagnostics after the variables were replaced.
fn resolved(script: &str) -> (String, Vec<String>) {
    let own = json!({
        "s": "text q d", "i": 5, "f": 1.5, "t": true, "n": null, "m": { "k": "v", "z": [1] }, "l": [1, "b"],
        "a/b": "slash", "whole": 2.0, "e": {}, "accessControl": {}, "u": "é", "a~b": 1, "a b": 1,
    });
    let variables = Variables {
        root: "/root".to_owned(),
        thing_name: String::new(),
        own: component("com.example.X", own),
        dependencies: BTreeMap::from([(
            "com.example.Y".to_owned(),
            component("com.example.Y", json!({ "y": "dep" })),
        )]),
    };
    let (recipe, _) = with(&format!(
        "ComponentDependencies: {{com.example.Y: {{}}}}\nManifests: [{{Lifecycle: {{Run: {script:?}}}}}]"
    ));
    let (lifecycle, found) = recipe.unwrap().resolve_lifecycle(&variables);
    let found = found.iter().map(ToString::to_string).collect();
    (lifecycle.run.unwrap().script.unwrap(), found)
}

#[test]
fn variables_have_the_values_of_the_nucleus() {
    let whole = concat!(
        r#"{"a b":1,"a/b":"slash","accessControl":{},"a~b":1,"e":{},"f":1.5,"i":5,"l":[1,"b"],"m":{"k":"v","z":[1]},"#,
        r#""n":null,"s":"text q d","t":true,"u":"é","whole":2.0}"#
    );
    for (variable, expected) in [
        ("{artifacts:path}", "/root/packages/artifacts/com.example.X/1.0.0"),
        ("{artifacts:decompressedPath}", "/root/packages/artifacts-unarchived/com.example.X/1.0.0"),
        ("{work:path}", "/root/work/com.example.X"),
        ("{kernel:rootPath}", "/root"),
        ("{iot:thingName}", ""),
        ("{configuration:/s}", "text q d"),
        ("{configuration:/i}", "5"),
        ("{configuration:/f}", "1.5"),
        ("{configuration:/t}", "true"),
        ("{configuration:/n}", "null"),
        ("{configuration:/m}", r#"{"k":"v","z":[1]}"#),
        ("{configuration:/m/k}", "v"),
        ("{configuration:/l}", r#"[1,"b"]"#),
        ("{configuration:/l/0}", "1"),
        ("{configuration:}", whole),
        ("{configuration:/a~1b}", "slash"),
        ("{com.example.Y:configuration:/y}", "dep"),
        ("{com.example.Y:work:path}", "/root/work/com.example.Y"),
        ("{com.example.Y:artifacts:path}", "/root/packages/artifacts/com.example.Y/1.0.0"),
        ("{configuration:/whole}", "2.0"),
        ("{configuration:/e}", "{}"),
        ("{configuration:/u}", "é"),
        ("{work:path}{kernel:rootPath}", "/root/work/com.example.X/root"),
        ("{a}", "{a}"),
        ("{}", "{}"),
        ("${HOME}", "${HOME}"),
        ("${PORT:-80}", "${PORT:-80}"),
        ("{ configuration:/s }", "{ configuration:/s }"),
        ("'{work:path}' {x", "'/root/work/com.example.X' {x"),
    ] {
        assert_eq!(resolved(variable), (expected.to_owned(), Vec::new()), "{variable}");
    }
}

#[test]
fn unknown_variables_stay_with_a_warning() {
    for (variable, problem) in [
        (
            "{configuration:/zzz}",
            "warning: {configuration:/zzz} stays as it is: the configuration has no such value; add it to DefaultConfiguration",
        ),
        (
            "{configuration:/}",
            "warning: {configuration:/} stays as it is: the configuration has no such value; add it to DefaultConfiguration",
        ),
        (
            "{configuration:/S}",
            "warning: {configuration:/S} stays as it is: the configuration has no such value; add it to DefaultConfiguration",
        ),
        (
            "{configuration:/s/x}",
            "warning: {configuration:/s/x} stays as it is: the configuration has no such value; add it to DefaultConfiguration",
        ),
        (
            "{configuration:/a~2b}",
            "warning: {configuration:/a~2b} stays as it is: the configuration has no such value; add it to DefaultConfiguration",
        ),
        (
            "{configuration:/a~b}",
            "warning: {configuration:/a~b} stays as it is: the configuration has no such value; add it to DefaultConfiguration",
        ),
        (
            "{configuration:/l/01}",
            "warning: {configuration:/l/01} stays as it is: the configuration has no such value; add it to DefaultConfiguration",
        ),
        (
            "{configuration:/a b}",
            "warning: {configuration:/a b} stays as it is: a nucleus does not replace it if it has spaces",
        ),
        (
            "{artifact:path}",
            "warning: {artifact:path} stays as it is: there is no such recipe variable; did you mean {artifacts:path}?",
        ),
        (
            "{CONFIGURATION:/s}",
            "warning: {CONFIGURATION:/s} stays as it is: there is no such recipe variable; did you mean {configuration:/}?",
        ),
        (
            "{work:PATH}",
            "warning: {work:PATH} stays as it is: there is no such recipe variable; did you mean {work:path}?",
        ),
        (
            "{unknown:path}",
            "warning: {unknown:path} stays as it is: there is no such recipe variable",
        ),
        (
            "{com.example.B:configuration:/b}",
            "warning: {com.example.B:configuration:/b} stays as it is: add com.example.B to ComponentDependencies",
        ),
        (
            "{configuration:s}",
            "error: {configuration:s} is invalid: the path in a configuration starts with a slash",
        ),
    ] {
        let problem = format!("r.yaml:5:31: {problem}");
        assert_eq!(resolved(variable), (variable.to_owned(), vec![problem]), "{variable}");
    }
}

#[test]
fn all_texts_of_a_lifecycle_have_variables() {
    let (recipe, found) = with(
        "ComponentConfiguration: {DefaultConfiguration: {t: 7, p: true, path: /x}}\n\
         Manifests:\n- Lifecycle:\n    Setenv: {A: '{configuration:/path}'}\n    \
         Run: {Script: x, Timeout: '{configuration:/t}', RequiresPrivilege: '{configuration:/p}', \
         Skipif: 'exists {configuration:/path}'}\n",
    );
    assert_eq!(found, [""; 0]);
    let recipe = recipe.unwrap();
    let own = component("com.example.X", Value::Object(recipe.configuration.clone()));
    let variables = Variables { own, ..Variables::default() };
    let run = recipe.resolve_lifecycle(&variables).0.run.unwrap();
    assert_eq!(run.timeout.map(|it| it.as_secs()), Some(7));
    assert!(run.requires_privilege);
    assert_eq!(run.skip_if.unwrap().test, Test::Exists("/x".to_owned()));
    assert_eq!(run.environment, [("A".to_owned(), "/x".to_owned())]);
}
