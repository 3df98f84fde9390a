//! Tests of the reader.

mod diagnostics;
mod hostile;
mod lifecycles;
mod variables;

use std::path::Path;

use serde_json::{Value, json};

use super::*;

fn linux() -> Platform {
    Platform::default().with("os", "linux").with("architecture", "amd64")
}

/// Reads a recipe without diagnostics.
#[track_caller]
fn read(file: &str, text: &str) -> Recipe {
    let (recipe, diagnostics) = Recipe::read(Path::new(file), text, &linux());
    let texts: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(texts, [""; 0]);
    recipe.expect("it was read")
}

/// Reads a recipe in YAML with these lines after its name and version.
fn with(lines: &str) -> (Option<Recipe>, Vec<String>) {
    let text = format!("{START}{lines}");
    let (recipe, diagnostics) = Recipe::read(Path::new("r.yaml"), &text, &linux());
    (recipe, diagnostics.iter().map(ToString::to_string).collect())
}

const START: &str =
    "RecipeFormatVersion: \"2020-01-25\"\nComponentName: com.example.X\nComponentVersion: 1.0.0\n";

const HELLO: &str = r#"---
RecipeFormatVersion: "2020-01-25"
ComponentName: com.example.HelloWorld
ComponentVersion: "1.0.0"
ComponentDescription: A component that publishes messages.
ComponentPublisher: Amazon
ComponentConfiguration:
  DefaultConfiguration:
    accessControl:
      aws.greengrass.ipc.pubsub:
        "com.example.HelloWorld:pubsub:1":
          policyDescription: Allows access to publish to test/topic.
          operations: ["aws.greengrass#PublishToTopic"]
          resources: ["test/topic"]
Manifests:
  - Lifecycle:
      Run: |-
        java -Dlog.level=INFO -jar {artifacts:path}/HelloWorld.jar
"#;

const HELLO_JSON: &str = r#"{
  "RecipeFormatVersion": "2020-01-25",
  "ComponentName": "com.example.HelloWorld",
  "ComponentVersion": "1.0.0",
  "ComponentDescription": "A component that publishes messages.",
  "ComponentPublisher": "Amazon",
  "ComponentConfiguration": {
    "DefaultConfiguration": {
      "accessControl": {
        "aws.greengrass.ipc.pubsub": {
          "com.example.HelloWorld:pubsub:1": {
            "policyDescription": "Allows access to publish to test/topic.",
            "operations": ["aws.greengrass#PublishToTopic"],
            "resources": ["test/topic"]
          }
        }
      }
    }
  },
  "Manifests": [
    { "Lifecycle": { "Run": "java -Dlog.level=INFO -jar {artifacts:path}/HelloWorld.jar" } }
  ]
}
"#;

#[test]
fn json_and_yaml_are_the_same() {
    let yaml = read("hello.yaml", HELLO);
    let json = read("hello.json", HELLO_JSON);
    for recipe in [&yaml, &json] {
        assert_eq!(recipe.component, "com.example.HelloWorld");
        assert_eq!(recipe.version, "1.0.0");
        let run = recipe.lifecycle.run.as_ref().unwrap();
        let script = "java -Dlog.level=INFO -jar {artifacts:path}/HelloWorld.jar";
        assert_eq!((&*run.name, run.script.as_deref()), ("Run", Ok(script)));
        let policy = ["aws.greengrass.ipc.pubsub", "com.example.HelloWorld:pubsub:1"];
        let policy = &recipe.configuration["accessControl"][policy[0]][policy[1]];
        assert_eq!(policy["resources"], json!(["test/topic"]));
    }
    assert_eq!(yaml.configuration, json.configuration);
    // Without a known extension, the content tells the format.
    assert_eq!(read("recipe", HELLO).source.format, Format::Yaml);
    assert_eq!(read("recipe", HELLO_JSON).source.format, Format::Json);
}

#[test]
fn values_have_positions() {
    for (file, text, places) in [
        ("hello.yaml", HELLO, [(8, 3), (11, 9), (14, 23)]),
        ("hello.json", HELLO_JSON, [(8, 5), (11, 11), (14, 27)]),
    ] {
        let source = read(file, text).source;
        let document = source.document.unwrap();
        let configuration =
            &document.find(&["ComponentConfiguration", "DefaultConfiguration"]).unwrap().0;
        let find = |path: &[&str]| configuration.find(path).unwrap().1;
        let policy =
            ["accessControl", "aws.greengrass.ipc.pubsub", "com.example.HelloWorld:pubsub:1"];
        let resource = [&policy[..], &["resources", "0"]].concat();
        let [_, id, item] = places.map(|(line, column)| Position { line, column });
        assert_eq!((find(&policy), find(&resource)), (id, item));
    }
    let (_, diagnostics) = Recipe::read(Path::new("x.json"), "{\"é\": 1, \"ü\":\n\t2}", &linux());
    let columns: Vec<_> = diagnostics.iter().filter_map(|it| it.position).collect();
    assert!(columns.contains(&Position { line: 1, column: 10 }), "{columns:?}");
}

#[test]
fn scalars_in_yaml_have_the_types_of_the_nucleus() {
    for (text, value) in [
        ("5", json!(5)),
        ("-5", json!(-5)),
        ("+5", json!(5)),
        ("1_000", json!(1000)),
        ("2.0", json!(2.0)),
        ("1.5e+3", json!(1500.0)),
        ("18446744073709551615", json!(u64::MAX)),
        ("1.0.0", json!("1.0.0")),
        ("2020-01-25", json!("2020-01-25")),
        ("1e3", json!("1e3")),
        ("0x10", json!("0x10")),
        (".5", json!(".5")),
        (".nan", json!(".nan")),
        ("true", json!(true)),
        ("FALSE", json!(false)),
        ("yes", json!("yes")),
        ("on", json!("on")),
        ("~", json!(null)),
        ("", json!(null)),
        ("null", json!(null)),
        ("\"5\"", json!("5")),
        ("'true'", json!("true")),
        ("!!str 5", json!("5")),
        ("\"\"", json!("")),
        ("a: b", json!({ "a": "b" })),
    ] {
        let text = format!("v:\n  {text}\n");
        let mut report = diagnostic::Report::new(Path::new("x.yaml"));
        let node = document::parse(Format::Yaml, &text, &mut report).unwrap();
        assert_eq!(node.to_value(), json!({ "v": value }), "{text}");
    }
}

#[test]
fn names_are_found_in_any_case() {
    let (recipe, found) = with(
        "componentconfiguration: {DEFAULTCONFIGURATION: {Key: 1}}\n\
         componentDependencies: {com.example.Y: {versionrequirement: ^1.0.0, dependencyType: soft}}\n\
         manifests:\n\
         - platform: {os: linux}\n  \
           lifecycle: {RUN: {SCRIPT: x, timeout: 5}, setenv: {A: b}}\n  \
           artifacts: [{uri: s3://b/f, unarchive: zip, permission: {read: all, execute: owner}}]\n",
    );
    assert_eq!(found, [""; 0]);
    let recipe = recipe.unwrap();
    assert_eq!(Value::Object(recipe.configuration), json!({ "Key": 1 }));
    assert!(!recipe.dependencies[0].is_hard);
    let run = recipe.lifecycle.run.unwrap();
    assert_eq!((&*run.name, run.script.as_deref()), ("RUN", Ok("x")));
    assert_eq!(run.environment, [("A".to_owned(), "b".to_owned())]);
    let artifact = &recipe.artifacts[0];
    assert_eq!((artifact.read, artifact.execute), (Access::All, Access::Owner));
    assert!(artifact.is_zip);
}

#[test]
fn manifests_fit_platforms() {
    for (platform, is_met) in [
        ("{os: linux}", true),
        ("{os: all}", true),
        ("{os: any, architecture: any}", true),
        ("{os: '*', architecture: '*', runtime: '*'}", true),
        ("{os: /lin.x|darwin/}", true),
        ("{os: /lin/}", false),
        ("{os: //}", true),
        ("{runtime: //}", false),
        ("{os: [windows, linux]}", true),
        ("{os: [windows]}", false),
        ("{os: linux, architecture: arm}", false),
        ("{runtime: aws_nucleus_lite}", false),
        ("{runtime: null}", true),
        ("{runtime: all}", false),
        ("{os: Linux}", false),
        ("{}", true),
    ] {
        let (_, found) = with(&format!("Manifests: [{{Platform: {platform}}}]"));
        assert_eq!(found.is_empty(), is_met, "{platform}: {found:?}");
    }
    // The first that fits is used.
    let (recipe, _) = with(
        "Manifests: [{Platform: {os: windows}, Lifecycle: {Run: a}}, {Platform: {os: linux}, Lifecycle: {Run: b}}, \
         {Lifecycle: {Run: c}}]",
    );
    assert_eq!(recipe.unwrap().lifecycle.run.unwrap().script.unwrap(), "b");
}

#[test]
fn ranges_of_versions_are_those_of_npm() {
    for (range, version, is_accepted) in [
        ("^1.0.0", "1.9.9", true),
        ("^1.0.0", "2.0.0", false),
        ("~1.2.0", "1.2.9", true),
        (">=1.0.0 <2.0.0", "1.5.0", true),
        (">=1.0.0 <2.0.0 || >=3.0.0", "3.1.0", true),
        ("1.0.0 - 2.0.0", "2.0.0", true),
        ("1.x", "1.7.0", true),
        ("*", "1.0.0", true),
        ("1.0.0", "1.0.1", false),
        ("^1.0.0", "1.0.1-beta", false),
    ] {
        let (recipe, found) = with(&format!(
            "ComponentDependencies: {{com.example.Y: {{VersionRequirement: \"{range}\"}}}}\nManifests: [{{}}]"
        ));
        assert_eq!(found, [""; 0]);
        let accepts = recipe.unwrap().dependencies[0].accepts(version);
        assert_eq!(accepts, is_accepted, "{range} on {version}");
    }
}
