//! The output of `diff` for changes of a model. The cases are in `tests/diff`.
//!
//! `UPDATE_GOLDEN=1` rewrites the expected lines.

use std::fs;

use crate::support::{check_golden, tests};
use codegen::{Source, Words, program::diff};
use serde_json::{Value, json};

/// Sets a value in JSON by its pointer, whose last part may be `-` to append to a list; `null` removes it.
#[track_caller]
fn set(model: &mut Value, pointer: &str, value: &Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match model.pointer_mut(parent).unwrap_or_else(|| panic!("{parent} is not in the model")) {
        Value::Array(list) if key == "-" => list.push(value.clone()),
        Value::Array(list) => list[key.parse::<usize>().unwrap()] = value.clone(),
        parent if value.is_null() => drop(parent.as_object_mut().unwrap().remove(key)),
        parent => parent[key] = value.clone(),
    }
}

/// The changes without the reasons.
#[track_caller]
fn changes(old: &Value, new: &Value) -> Vec<String> {
    let (old, new) = (old.to_string(), new.to_string());
    let source = |path, json| [Source { path, json }];
    let (text, breaks) =
        diff(&source("old.json", &old), &source("new.json", &new), None, &Words::default())
            .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(breaks, text.contains("BREAKS"), "{text}");
    let lines = text.lines().filter(|line| line.contains("client: "));
    let lines = lines.map(|line| {
        let cells: Vec<_> = line.split("  ").map(str::trim).filter(|it| !it.is_empty()).collect();
        let [kind, id, what, client, server, _] = cells[..] else { panic!("{cells:?}") };
        let effects = format!("{client}, {server}").replace(": ", " ");
        format!("{kind} {}, {what}: {effects}", id.trim_start_matches("a#"))
    });
    lines.collect()
}

/// The beginnings of the descriptions in the table of rules.
fn rules() -> impl Iterator<Item = &'static str> {
    let rows = include_str!("../src/diff/rules.rs").lines();
    let rows = rows.filter(|line| line.trim_start().starts_with("(&["));
    rows.map(|row| row.split_once("], ").unwrap().1.split(['"', '{']).nth(1).unwrap())
}

#[test]
fn each_change_means_what_the_table_says() {
    let read = |name: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(tests(name)).unwrap()).unwrap()
    };
    let (model, mut cases) = (read("diff/model.json"), read("diff/cases.json"));
    let mut seen = Vec::new();
    for case in cases.as_array_mut().unwrap() {
        let mut new = model.clone();
        for (pointer, value) in case["set"].as_object().unwrap() {
            set(&mut new, pointer, value);
        }
        let (forth, back) = (changes(&model, &new), changes(&new, &model));
        (case["then"], case["undone"]) = (json!(forth), json!(back));
        seen.extend(forth);
        seen.extend(back);
    }
    check_golden("diff/cases.json", &(serde_json::to_string_pretty(&cases).unwrap() + "\n"));
    assert!(rules().count() > 50, "the rules are in src/diff/rules.rs");
    for what in rules() {
        assert!(
            seen.iter().any(|change| change.contains(&format!(", {what}"))),
            "no case shows {what:?}"
        );
    }
}

#[test]
fn order_has_no_effect() {
    let old = r#"{ "smithy": "2.0", "shapes": {
        "a#S": { "type": "service", "operations": [{ "target": "a#A" }, { "target": "a#B" }] },
        "a#A": { "type": "operation", "input": { "target": "a#In" }, "errors": [{ "target": "a#E" }, { "target": "a#F" }] },
        "a#B": { "type": "operation" },
        "a#In": { "type": "structure", "members": {
            "x": { "target": "smithy.api#String" }, "c": { "target": "a#C" } } },
        "a#C": { "type": "enum", "members": {
            "R": { "target": "smithy.api#Unit" }, "G": { "target": "smithy.api#Unit" } } },
        "a#E": { "type": "structure", "traits": { "smithy.api#error": "client" } },
        "a#F": { "type": "structure", "traits": { "smithy.api#error": "client" } } } }"#;
    let new = r#"{ "shapes": {
        "a#F": { "type": "structure", "traits": { "smithy.api#error": "client" } },
        "a#E": { "type": "structure", "traits": { "smithy.api#error": "client" } },
        "a#C": { "type": "enum", "members": {
            "G": { "target": "smithy.api#Unit" }, "R": { "target": "smithy.api#Unit" } } },
        "a#In": { "type": "structure", "members": {
            "c": { "target": "a#C" }, "x": { "target": "smithy.api#String" } } },
        "a#B": { "type": "operation" },
        "a#A": { "type": "operation", "errors": [{ "target": "a#F" }, { "target": "a#E" }], "input": { "target": "a#In" } },
        "a#S": { "type": "service", "operations": [{ "target": "a#B" }, { "target": "a#A" }] }
    }, "smithy": "2.0" }"#;
    let [old, new] = [old, new].map(|json| serde_json::from_str(json).unwrap());
    assert_eq!(changes(&old, &new), [""; 0]);
}

#[test]
fn bounds_are_compared_exactly() {
    let model = |max: &str| -> Value {
        let json = format!(
            r#"{{ "smithy": "2.0", "shapes": {{
                "a#S": {{ "type": "service", "operations": [{{ "target": "a#A" }}] }},
                "a#A": {{ "type": "operation", "input": {{ "target": "a#In" }} }},
                "a#In": {{ "type": "structure", "members": {{ "x": {{ "target": "smithy.api#Long",
                    "traits": {{ "smithy.api#range": {{ "max": {max} }} }} }} }} }} }} }}"#
        );
        serde_json::from_str(&json).unwrap()
    };
    // Both are equal as doubles.
    let (old, new) = (model("9223372036854775807"), model("9223372036854775806"));
    let [tightened] = &changes(&old, &new)[..] else { panic!("one change") };
    assert!(tightened.contains("constraint tightened: "), "{tightened}");
    let [loosened] = &changes(&new, &old)[..] else { panic!("one change") };
    assert!(loosened.contains("constraint loosened: "), "{loosened}");
    assert_eq!(changes(&model("5"), &model("5.0")), [""; 0]);
}
