//! The recipes of components with scripts.

use serde_json::{Map, Value, json};

/// The recipe of a component.
pub(super) fn text(name: &str, component: &Value) -> String {
    let dependencies = component["dependencies"].as_array().into_iter().flatten();
    let dependencies = dependencies.map(|it| {
        let (name, kind) = it.as_str().unwrap().split_once(':').unwrap();
        (name.to_owned(), json!({ "DependencyType": kind }))
    });
    let recipe = json!({
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": name,
        "ComponentVersion": "1.0.0",
        "ComponentConfiguration": { "DefaultConfiguration": component["configuration"] },
        "ComponentDependencies": dependencies.collect::<Map<_, _>>(),
        "Manifests": [{ "Lifecycle": component["lifecycle"] }],
    });
    recipe.to_string()
}
