//! The recipes of components with scripts.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

/// Writes the recipe of a component, whose scripts write no lines.
pub(super) fn write(folder: &Path, name: &str, component: &Value) -> PathBuf {
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
    let text = recipe.to_string().replace("$EV", ":");
    let path = folder.join(format!("{name}.json"));
    std::fs::write(&path, text.replace("$HOLD", "while :; do sleep 1000; done")).unwrap();
    path
}
