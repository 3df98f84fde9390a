//! Tests of the policies that denials propose, in both formats, and of their positions.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::{
    configuration::is_access_control,
    operations::{OPERATIONS, Resource},
    recipe::{Platform, Recipe},
};

const YAML: &str = r#"RecipeFormatVersion: "2020-01-25"
ComponentName: com.example.X
ComponentVersion: 1.0.0
ComponentConfiguration:
  DefaultConfiguration:
    topic: a
Manifests: [{}]
"#;

fn read(file: &str, text: &str) -> Recipe {
    let (recipe, found) = Recipe::read(Path::new(file), text, &Platform::current());
    assert!(found.is_empty(), "{found:?}");
    recipe.unwrap()
}

fn rules(recipe: &Recipe) -> Rules {
    let name = &*recipe.component;
    let sources = Sources::from([(name.to_owned(), Arc::new(recipe.source.clone()))]);
    let value =
        recipe.configuration.iter().find(|it| is_access_control(it.0)).map(|it| (name, it.1));
    Rules::load(value, &sources, &Rules::default())
}

/// Inserts the proposal of a denial into a recipe. Returns `None` if there is no proposal.
fn pasted(recipe: &str, file: &str, request: Request<'_>) -> Option<String> {
    let before = rules(&read(file, recipe));
    let Decision::Denied(denial) = before.decide(request) else { panic!("allowed") };
    denial.snippet()?;
    let denial = denial.to_string();
    let (_, proposal) = denial.split_once("To allow this call").unwrap();
    let (place, proposal) = proposal.split_once(":\n").unwrap();
    let (_, place) = place.split_once("insert ").unwrap();
    let end = if place.starts_with("after") && file == "x.yaml" { "" } else { "\n" };
    Some(test_util::insert(recipe, place, &format!("{proposal}{end}")))
}

/// Recipes that have different parts of the path to a policy.
const RECIPES: [(&str, &str); 13] = [
    ("x.yaml", "COMMON\nComponentConfiguration: {}\nManifests: [{}]\n"),
    (
        "x.yaml",
        "COMMON\nComponentConfiguration:\n    DefaultConfiguration:\n        accessControl: {}\nManifests: [{}]\n",
    ),
    (
        "x.yaml",
        "COMMON\nComponentConfiguration:\n    DefaultConfiguration:\n        accessControl:\n            SERVICE: {\n               \
         p: {operations: ['*'], resources: [only/this]}}\nManifests: [{}]\n",
    ),
    ("x.yaml", "COMMON\nManifests: [{}]\n"),
    ("x.yaml", "COMMON\nComponentConfiguration:\nManifests: [{}]\n"),
    ("x.yaml", "COMMON\ncomponentconfiguration:\n  DefaultConfiguration:\n\nManifests: [{}]\n"),
    (
        "x.yaml",
        "COMMON\nManifests: [{}]\nComponentConfiguration:\n   DefaultConfiguration:\n     a: 1\n",
    ),
    (
        "x.yaml",
        "COMMON\nComponentConfiguration:\n  DefaultConfiguration:\n    AccessControl:\n        # why\n        SERVICE:\n          \
         \"com.example.X:1\":\n            operations: ['*']\n            resources: [only/this]\nManifests: [{}]\n",
    ),
    ("x.json", "{\"Manifests\": [{}], JSON}"),
    ("x.json", "{JSON, \"Manifests\": [{}], \"ComponentConfiguration\": {}}"),
    (
        "x.json",
        "{JSON, \"Manifests\": [{}],\n\"ComponentConfiguration\":\n {\"DefaultConfiguration\": {\"é\": 1}}}",
    ),
    (
        "x.json",
        "{JSON, \"Manifests\": [{}], \"ComponentConfiguration\": {\"DefaultConfiguration\": {\"accessControl\": {}}}}",
    ),
    (
        "x.json",
        "{JSON, \"Manifests\": [{}], \"ComponentConfiguration\": {\"DefaultConfiguration\": {\"accessControl\": \
         {\"SERVICE\": {\"p\": {\"operations\": [\"*\"], \"resources\": [\"only/this\"]}}}}}}",
    ),
];

const COMMON: &str =
    "RecipeFormatVersion: \"2020-01-25\"\nComponentName: com.example.X\nComponentVersion: 1.0.0";
const JSON: &str = r#""RecipeFormatVersion": "2020-01-25", "ComponentName": "com.example.X", "ComponentVersion": "1.0.0""#;

proptest! {
    #[test]
    fn a_proposal_allows_the_call_when_it_is_pasted(
        operation in prop::sample::select(OPERATIONS.iter().collect::<Vec<_>>()),
        resource in prop_oneof![any::<String>(), "[a-z/+#*?${}:\"'\\\\ \u{7f}-\u{a1}\u{2028}]{1,20}"],
        (file, recipe) in prop::sample::select(RECIPES.to_vec()),
    ) {
        let resource = if operation.resource == Resource::Star { "*" } else { &*resource };
        let request = Request { component: "com.example.X", operation, resource: Some(resource) };
        let recipe = recipe.replace("COMMON", COMMON).replace("JSON", JSON);
        let recipe = recipe.replace("SERVICE", operation.service.id);
        if let Some(pasted) = pasted(&recipe, file, request) {
            let after = read(file, &pasted);
            let after = rules(&after);
            prop_assert!(matches!(after.decide(request), Decision::Allowed(_)), "{pasted}");
            // Nothing is lost.
            if recipe.contains("only/this") && operation.resource != Resource::Star {
                let former = Request { resource: Some("only/this"), ..request };
                prop_assert!(matches!(after.decide(former), Decision::Allowed(_)), "{pasted}");
            }
        }
    }
}

#[test]
fn denials_name_the_places_of_policies() {
    let policies = "    accessControl:\n      aws.greengrass.ipc.pubsub:\n        p:\n          \
                    operations: ['aws.greengrass#PublishToTopic', x]\n          resources: [a]\n";
    let recipe = read("x.yaml", &YAML.replace("    topic: a\n", policies));
    let topic = crate::operations::protected("aws.greengrass#PublishToTopic").unwrap();
    let request = Request { component: "com.example.X", operation: topic, resource: Some("b") };
    let loaded = rules(&recipe);
    let Decision::Denied(denial) = loaded.decide(request) else { panic!("allowed") };
    assert_eq!(
        denial.to_string(),
        "com.example.X may not call aws.greengrass#PublishToTopic on b: no policy for aws.greengrass.ipc.pubsub allows it\n  \
         policy \"p\" (x.yaml:8:9) has the operation, but other resources: \"a\"\n  \
         x.yaml:9:57: com.example.X: accessControl.\"aws.greengrass.ipc.pubsub\".\"p\".operations[1]: \"x\" is not an \
         operation of aws.greengrass.ipc.pubsub and is ignored; there is no such operation\n\
         To allow this call, insert above x.yaml:8:\n        \
         \"com.example.X:pubsub:1\":\n          \
         operations:\n            - \"aws.greengrass#PublishToTopic\"\n          \
         resources:\n            - \"b\""
    );
    // A policy that has changed since is not in the recipe.
    let mut changed = recipe.configuration["accessControl"].clone();
    changed["aws.greengrass.ipc.pubsub"]["p"]["resources"] = serde_json::json!(["c"]);
    let sources = Sources::from([("com.example.X".to_owned(), Arc::new(recipe.source.clone()))]);
    let changed = Rules::load([("com.example.X", &changed)], &sources, &Rules::default());
    let Decision::Denied(denial) = changed.decide(request) else { panic!("allowed") };
    assert_eq!(denial.near[0].policy.place, None);
    assert_eq!(denial.faults[0].place, None);
}
