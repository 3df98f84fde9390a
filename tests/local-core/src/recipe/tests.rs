//! Tests of the reader.

use std::path::Path;

use super::{Platform, Recipe};

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

/// Checks the diagnostics of a recipe.
#[track_caller]
fn diagnoses(file: &str, text: &str, expected: &[&str]) {
    let (_, diagnostics) = Recipe::read(Path::new(file), text, &linux());
    let texts: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(texts, expected);
}

const HELLO: &str = r#"---
RecipeFormatVersion: "2020-01-25"
ComponentName: com.example.HelloWorld
ComponentVersion: "1.0.0"
ComponentConfiguration:
  DefaultConfiguration:
    accessControl:
      aws.greengrass.ipc.pubsub:
        "com.example.HelloWorld:pubsub:1":
          operations: ["aws.greengrass#PublishToTopic"]
          resources: ["test/topic"]
Manifests:
  - Lifecycle:
      Run: |-
        java -jar {artifacts:path}/HelloWorld.jar
"#;

#[test]
fn reads_yaml() {
    let recipe = read("hello.yaml", HELLO);
    assert_eq!(recipe.component, "com.example.HelloWorld");
    assert_eq!(
        recipe.lifecycle.run.unwrap().script.unwrap(),
        "java -jar {artifacts:path}/HelloWorld.jar"
    );
}

#[test]
fn values_that_start_with_a_variable_are_quoted() {
    let script = "|-\n        java -jar {artifacts:path}/HelloWorld.jar";
    diagnoses(
        "hello.yaml",
        &HELLO.replace(script, "{artifacts:path}/hello"),
        &[
            "hello.yaml:14:28: error: not YAML: { starts an object here; quote the value: \"{artifacts:path}/hello\"",
        ],
    );
}
