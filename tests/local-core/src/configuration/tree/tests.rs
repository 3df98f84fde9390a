//! Tests of the nucleus's rules by worked examples.

use serde_json::{Value, json};

use super::*;

fn path(keys: &str) -> Vec<String> {
    keys.split('/').filter(|it| !it.is_empty()).map(str::to_owned).collect()
}

fn map(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

/// `{"a": 1 (time 100), "b": {"c": "x" (time 100), "d": 2 (time 200)}}`
fn example() -> Configuration {
    let mut configuration = Configuration::new(map(json!({"a": 1, "b": {"c": "x"}})), 100);
    assert_eq!(configuration.update(&path("b"), map(json!({"d": 2})), 200, 200).result, Ok(()));
    configuration
}

#[track_caller]
fn check(
    keys: &str,
    value: Value,
    time: Millis,
    tree: Value,
    result: Result<(), UpdateError>,
    events: &[&str],
) {
    let mut configuration = example();
    let update = configuration.update(&path(keys), map(value), time, 1000);
    assert_eq!(Value::from(configuration.get(&[]).unwrap()), tree);
    assert_eq!(update.result, result);
    let changes: Vec<_> = update
        .changes
        .iter()
        .filter_map(|Change { path, kind }| match kind {
            Kind::Touched | Kind::CreatedContainer => None,
            Kind::Written | Kind::Created { .. } => Some(path.join("/")),
            Kind::Removed { descendants, .. } => {
                let nodes = descendants.iter().flatten().map(|it| format!(" {}", it.0.join("/")));
                Some(format!("-{}{}", path.join("/"), nodes.collect::<String>()))
            }
        })
        .collect();
    assert_eq!(changes, events);
}

#[test]
fn updates_follow_the_worked_examples() {
    use UpdateError::*;
    let same = json!({"a": 1, "b": {"c": "x", "d": 2}});
    check("", json!({"a": 5}), 300, json!({"a": 5, "b": {"c": "x", "d": 2}}), Ok(()), &["a"]);
    check("", json!({"a": 5}), 150, json!({"a": 5, "b": {"c": "x", "d": 2}}), Err(TooOld), &["a"]);
    check("b", json!({"c": "y"}), 50, same.clone(), Err(TooOld), &[]);
    check(
        "b",
        json!({"c": "y"}),
        150,
        json!({"a": 1, "b": {"c": "y", "d": 2}}),
        Err(TooOld),
        &["b/c"],
    );
    check("b", json!({"c": "y"}), 200, json!({"a": 1, "b": {"c": "y", "d": 2}}), Ok(()), &["b/c"]);
    check(
        "a",
        json!({"a": 5}),
        300,
        json!({"a": {"a": 5}, "b": {"c": "x", "d": 2}}),
        Ok(()),
        &["-a", "a/a"],
    );
    check(
        "n/m",
        json!({"k": 1}),
        1,
        json!({"a": 1, "b": {"c": "x", "d": 2}, "n": {"m": {"k": 1}}}),
        Ok(()),
        &["n/m/k"],
    );
    check("a/x", json!({"k": 1}), 300, same.clone(), Err(ThroughLeaf), &[]);
    check(
        "b",
        json!({"c": {"z": 1}}),
        1,
        json!({"a": 1, "b": {"c": {"z": 1}, "d": 2}}),
        Err(TooOld),
        &["-b/c", "b/c/z"],
    );
    check("", json!({"b": 7}), 300, json!({"a": 1, "b": 7}), Ok(()), &["-b b/c b/d", "b"]);
    check(
        "b",
        json!({"d": null}),
        300,
        json!({"a": 1, "b": {"c": "x", "d": null}}),
        Ok(()),
        &["b/d"],
    );
    check("b", json!({}), 300, same.clone(), Ok(()), &[]);
    check("b", json!({}), 100, same.clone(), Err(TooOld), &[]);
    check("b", json!({"c": "x"}), 400, same.clone(), Ok(()), &[]);
    check("B", json!({"C": "q"}), 400, json!({"a": 1, "b": {"c": "q", "d": 2}}), Ok(()), &["b/c"]);
    check(
        "b",
        json!({"e": [1, 2]}),
        400,
        json!({"a": 1, "b": {"c": "x", "d": 2, "e": [1, 2]}}),
        Ok(()),
        &["b/e"],
    );
    check("", json!({"accessControl": {}}), 400, same.clone(), Err(Reserved), &[]);
    check("", json!({"AccessControl": {}}), 400, same.clone(), Err(Reserved), &[]);
    check("accessControl/x", json!({"y": 1}), 400, same.clone(), Err(Reserved), &[]);
    check(
        "b",
        json!({"accessControl": 1}),
        400,
        json!({"a": 1, "b": {"accessControl": 1, "c": "x", "d": 2}}),
        Ok(()),
        &["b/accessControl"],
    );
}

#[test]
fn writing_an_equal_value_updates_its_modification_time() {
    let mut configuration = example();
    assert_eq!(configuration.update(&path("b"), map(json!({"c": "x"})), 400, 1000).result, Ok(()));
    let older = configuration.update(&path("b"), map(json!({"c": "y"})), 399, 1000);
    assert_eq!((older.result, older.changes), (Err(UpdateError::TooOld), vec![]));
}

#[test]
fn a_new_empty_container_has_the_time_of_its_update() {
    let mut configuration = example();
    assert_eq!(configuration.update(&path("b"), map(json!({"e": {}})), 200, 1000).result, Ok(()));
    assert_eq!(configuration.update(&path("b"), map(json!({"e": {}})), 200, 1000).result, Ok(()));
    assert_eq!(configuration.get(&path("b/e")), Some(Map::new()));
}

#[test]
fn gets_follow_the_worked_examples() {
    let values = json!({
        "a": 1, "n": null, "empty": {},
        "b": {"c": "x", "d": [1, 2], "_hidden": 0},
        "accessControl": {"s": {}},
    });
    let configuration = Configuration::new(map(values), 1);
    let get = |keys: &str| configuration.get(&path(keys)).map(Value::from);
    assert_eq!(
        get(""),
        Some(json!({
            "a": 1, "n": null, "empty": {}, "b": {"c": "x", "d": [1, 2]}, "accessControl": {"s": {}},
        }))
    );
    assert_eq!(get("a"), Some(json!({"a": 1})));
    assert_eq!(get("A"), Some(json!({"a": 1})));
    assert_eq!(get("b"), Some(json!({"c": "x", "d": [1, 2]})));
    assert_eq!(get("b/c"), Some(json!({"c": "x"})));
    assert_eq!(get("b/d"), Some(json!({"d": [1, 2]})));
    assert_eq!(get("b/d/0"), None);
    assert_eq!(get("b/_hidden"), Some(json!({"_hidden": 0})));
    assert_eq!(get("zzz"), None);
    assert_eq!(configuration.get(&["b".to_owned(), String::new()]), None);
    assert_eq!(get("n"), Some(json!({"n": null})));
    assert_eq!(get("empty"), Some(json!({})));
}

#[test]
fn stored_values_keep_the_defaults_of_a_changed_recipe() {
    let mut before = Configuration::new(Map::new(), DEFAULT_TIME);
    before.merge(&path("b"), map(json!({"c": 1})), 100, 100);
    let mut after = Configuration::new(map(json!({"B": {"c": 0, "d": 2}})), DEFAULT_TIME);
    for it in ["b", "b/c"] {
        after.restore(&path(it), before.stored(&path(it)).unwrap());
    }
    assert_eq!(after.get(&[]), Some(map(json!({"b": {"c": 1, "d": 2}}))));
}
