//! The model agrees with the declarations of the official SDKs: operations, shapes, members, their types and whether
//! they are required, enum values and errors. `data/model-differences.txt` lists the known differences with reasons.

use conformance::official::{self, Tool};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
};

use serde_json::{Map, Value};

const DIFFERENCES: &str = include_str!("../../data/model-differences.txt");

/// A set of declarations, each described by a line of text.
type Declared = BTreeSet<String>;

#[test]
fn the_model_agrees_with_the_javascript_sdk() {
    if !official::has(Tool::Node) {
        return;
    }
    let folder = official::node_folder().unwrap().join("node_modules/aws-iot-device-sdk-v2/dist");
    let read =
        |name: &str| fs::read_to_string(folder.join("greengrasscoreipc").join(name)).unwrap();
    let theirs = javascript(&read("model.d.ts"), &read("model_utils.js"));
    compare("javascript", &ours(true), &theirs);
}

#[test]
fn the_model_agrees_with_the_python_sdk() {
    if !official::has(Tool::Python) {
        return;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/declared.py");
    let output = Command::new("python3")
        .arg(script)
        .env("PYTHONPATH", official::python_folder().unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs = python(&serde_json::from_slice(&output.stdout).unwrap());
    compare("python", &ours(false), &theirs);
}

#[track_caller]
fn compare(sdk: &str, ours: &Declared, theirs: &Declared) {
    assert!(theirs.len() > 300, "only {} declarations found", theirs.len());
    let only = |a: &Declared, b: &Declared, side: &str| {
        a.difference(b).map(|it| format!("{sdk}: only {side}: {it}")).collect::<BTreeSet<_>>()
    };
    let found: BTreeSet<_> = &only(ours, theirs, "ours") | &only(theirs, ours, "theirs");
    let known: BTreeSet<_> = DIFFERENCES
        .lines()
        .filter(|it| it.starts_with(sdk))
        .map(|it| it.split(" # ").next().unwrap().to_owned())
        .collect();
    let list = |it: BTreeSet<String>| it.into_iter().collect::<Vec<_>>().join("\n");
    let (new, obsolete) = (list(&found - &known), list(&known - &found));
    assert!(
        new.is_empty() && obsolete.is_empty(),
        "new differences\n{new}\nobsolete differences\n{obsolete}"
    );
    let unexplained = DIFFERENCES.lines().find(|it| !it.contains(" # "));
    assert_eq!(unexplained, None, "a difference without a reason");
}

/// The declarations of the model. With `with_details`, they contain errors, required members and the names of enums,
/// which the Python SDK does not declare.
fn ours(with_details: bool) -> Declared {
    let model = include_str!("../../../../model/greengrass-core-ipc.json");
    let model: Value = serde_json::from_str(model).unwrap();
    let shapes = model["shapes"].as_object().unwrap();
    let mut declared = Declared::new();
    for (id, shape) in shapes {
        let name = bare(id);
        match shape["type"].as_str().unwrap() {
            "operation" => {
                let (input, output) = (target(&shape["input"]), target(&shape["output"]));
                let stream = shapes[output]["members"]
                    .as_object()
                    .unwrap()
                    .values()
                    .map(target)
                    .find(|it| is_stream(shapes, it));
                let stream = stream.map_or("no events", bare);
                declared.insert(format!(
                    "operation {name}: {} -> {}, {stream}",
                    bare(input),
                    bare(output)
                ));
                for error in shape["errors"].as_array().into_iter().flatten() {
                    if with_details {
                        declared
                            .insert(format!("operation {name} fails with {}", bare(target(error))));
                    }
                }
            }
            // The official model has no traits of its own.
            "structure" if !shape["traits"]["smithy.api#trait"].is_null() => {}
            "structure" | "union" => {
                declared.insert(format!("shape {name}"));
                for (member, declaration) in shape["members"].as_object().unwrap() {
                    if is_stream(shapes, target(declaration)) {
                        continue;
                    }
                    let is_required = !declaration["traits"]["smithy.api#required"].is_null();
                    let required = if with_details && is_required { " required" } else { "" };
                    let ty = type_of(shapes, target(declaration), with_details);
                    declared.insert(format!("{name}.{}: {ty}{required}", normalised(member)));
                }
            }
            "enum" => {
                for member in shape["members"].as_object().unwrap().values() {
                    let value = member["traits"]["smithy.api#enumValue"].as_str().unwrap();
                    declared.insert(format!("enum {name} has {value}"));
                }
            }
            _ => {}
        }
    }
    declared
}

fn target(reference: &Value) -> &str {
    reference["target"].as_str().unwrap()
}

fn bare(id: &str) -> &str {
    id.rsplit('#').next().unwrap()
}

/// Normalises the name of a member: the SDKs use different conventions.
fn normalised(member: &str) -> String {
    member.replace('_', "").to_ascii_lowercase()
}

fn is_stream(shapes: &Map<String, Value>, id: &str) -> bool {
    shapes.get(id).is_some_and(|it| !it["traits"]["smithy.api#streaming"].is_null())
}

fn type_of(shapes: &Map<String, Value>, id: &str, names_enums: bool) -> String {
    match id {
        "smithy.api#String" => "string".to_owned(),
        "smithy.api#Boolean" => "boolean".to_owned(),
        "smithy.api#Integer" | "smithy.api#Long" | "smithy.api#Double" => "number".to_owned(),
        "smithy.api#Blob" => "blob".to_owned(),
        "smithy.api#Timestamp" => "Date".to_owned(),
        "smithy.api#Document" => "document".to_owned(),
        id => {
            let shape = &shapes[id];
            match shape["type"].as_str().unwrap() {
                "list" => {
                    format!("{}[]", type_of(shapes, target(&shape["member"]), names_enums))
                }
                "map" => {
                    format!("{{{}}}", type_of(shapes, target(&shape["value"]), names_enums))
                }
                "string" => "string".to_owned(),
                "enum" if !names_enums => "string".to_owned(),
                _ => bare(id).to_owned(),
            }
        }
    }
}

/// Reads the declarations of the JavaScript SDK from its types and its table of operations.
fn javascript(types: &str, tables: &str) -> Declared {
    let mut declared = Declared::new();
    let mut current = None;
    for line in types.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("export interface ") {
            let name = name.trim_end_matches('{').trim();
            declared.insert(format!("shape {name}"));
            current = Some(("shape", name));
        } else if let Some(name) = line.strip_prefix("export declare enum ") {
            current = Some(("enum", name.trim_end_matches('{').trim()));
        } else if line == "}" {
            current = None;
        } else if let (Some(("enum", name)), Some((_, value))) = (current, line.split_once(" = ")) {
            let value = value.trim_end_matches(',').trim_matches('"');
            declared.insert(format!("enum {name} has {value}"));
        } else if let (Some(("shape", name)), Some((member, ty))) = (current, line.split_once(": "))
        {
            if line.starts_with('*') || !line.ends_with(';') {
                continue;
            }
            let required = if member.ends_with('?') { "" } else { " required" };
            let ty = javascript_type(ty.trim_end_matches(';'));
            let member = normalised(member.trim_end_matches('?'));
            declared.insert(format!("{name}.{member}: {ty}{required}"));
        }
    }
    let mut operation = BTreeMap::new();
    for line in tables.lines().map(str::trim) {
        let quoted = || line.split('"').nth(1).map(bare);
        if line.starts_with("[\"aws.greengrass#") && line.ends_with('{') {
            operation = BTreeMap::from([("name", quoted().unwrap())]);
        } else if line.starts_with("requestShape") {
            operation.insert("request", quoted().unwrap());
        } else if line.starts_with("responseShape") {
            operation.insert("response", quoted().unwrap());
        } else if line.starts_with("inboundMessageShape") {
            operation.insert("events", quoted().unwrap());
        } else if line.starts_with("\"aws.greengrass#") && !operation.is_empty() {
            declared.insert(format!(
                "operation {} fails with {}",
                operation["name"],
                quoted().unwrap()
            ));
        } else if line == "}]," || line == "}]" {
            if operation.contains_key("request") {
                declared.insert(format!(
                    "operation {}: {} -> {}, {}",
                    operation["name"],
                    operation["request"],
                    operation["response"],
                    operation.get("events").unwrap_or(&"no events")
                ));
            }
            operation.clear();
        }
    }
    declared
}

fn javascript_type(ty: &str) -> String {
    if let Some(item) = ty.strip_suffix("[]") {
        return format!("{}[]", javascript_type(item));
    }
    if let Some(value) = ty.strip_prefix("Map<string, ") {
        return format!("{{{}}}", javascript_type(value.trim_end_matches('>')));
    }
    match ty {
        "any" => "document".to_owned(),
        "eventstream.Payload" => "blob".to_owned(),
        other => other.to_owned(),
    }
}

/// Reads the declarations of the Python SDK from the output of `declared.py`.
fn python(declarations: &Value) -> Declared {
    let mut declared = Declared::new();
    for (name, members) in declarations["shapes"].as_object().unwrap() {
        declared.insert(format!("shape {name}"));
        for (member, ty) in members.as_object().unwrap() {
            declared.insert(format!("{name}.{}: {}", normalised(member), ty.as_str().unwrap()));
        }
    }
    for (name, values) in declarations["enums"].as_object().unwrap() {
        for value in values.as_array().unwrap() {
            declared.insert(format!("enum {name} has {}", value.as_str().unwrap()));
        }
    }
    for (name, shapes) in declarations["operations"].as_object().unwrap() {
        let text = |index: usize| shapes[index].as_str().unwrap_or("no events").to_owned();
        declared.insert(format!("operation {name}: {} -> {}, {}", text(0), text(1), text(2)));
    }
    declared
}
