//! Tests of the policies that denials propose, in both formats, and of their positions.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::{
    configuration::overlay,
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
    let value = recipe.configuration.get("accessControl").map(|it| (name, it));
    Rules::load(value, &sources, &Rules::default())
}

/// The lines of a denial after the one that says where to paste them.
fn proposal(rules: &Rules, request: Request<'_>) -> Option<String> {
    let Decision::Denied(denial) = rules.decide(request) else { panic!("allowed") };
    denial.snippet()?;
    let text = denial.to_string();
    let (_, snippet) = text.split_once("To allow this call").unwrap();
    Some(snippet.split_once('\n').unwrap().1.to_owned())
}

fn is_allowed(recipe: &Recipe, request: Request<'_>) -> bool {
    matches!(rules(recipe).decide(request), Decision::Allowed(_))
}

proptest! {
    #[test]
    fn a_proposal_allows_the_call_when_it_is_pasted(
        operation in prop::sample::select(OPERATIONS.iter().collect::<Vec<_>>()),
        resource in prop_oneof![any::<String>(), "[a-z/+#*?${}:\"'\\\\ \u{7f}-\u{a1}\u{2028}]{1,20}"],
    ) {
        let resource = if operation.resource == Resource::Star { "*" } else { &*resource };
        let request = Request { component: "com.example.X", operation, resource: Some(resource) };
        let recipe = read("x.yaml", YAML);
        if let Some(proposal) = proposal(&rules(&recipe), request) {
            let pasted = YAML.replace("    topic: a\n", &format!("    topic: a\n{proposal}\n"));
            let pasted = read("x.yaml", &pasted);
            prop_assert!(is_allowed(&pasted, request), "{}", proposal);
        }
        let json = serde_json::json!({
            "RecipeFormatVersion": "2020-01-25", "ComponentName": "com.example.X", "ComponentVersion": "1.0.0",
            "Manifests": [{}],
        });
        let mut recipe = read("x.json", &json.to_string());
        if let Some(proposal) = proposal(&rules(&recipe), request) {
            overlay(&mut recipe.configuration, serde_json::from_str(&proposal).unwrap());
            prop_assert!(is_allowed(&recipe, request), "{}", proposal);
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
         To allow this call, merge into the DefaultConfiguration in x.yaml:6:\n    \
         accessControl:\n      \
         aws.greengrass.ipc.pubsub:\n        \
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
