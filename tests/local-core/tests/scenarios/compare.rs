//! Compares the outcome of a scenario with its recording.

use serde_json::{Map, Value, json};

use super::timeline;

/// The differences between the recording of a scenario and another outcome of it.
pub(super) fn compare(scenario: &Value, outcome: &[Value]) -> Vec<String> {
    let recorded = scenario["recorded"].as_array().unwrap();
    let mut differences = Vec::new();
    let mut compare = |what: String, expected: Value, found: Value| {
        if expected != found {
            differences.push(format!("{what} {found}, nucleus {expected}"));
        }
    };
    let is_anywhere = scenario["events"] == "anywhere";
    let steps = scenario["steps"].as_array().unwrap();
    for (index, (expected, found)) in recorded.iter().zip(outcome).enumerate() {
        let step = |what| format!("step {index}: {what}");
        let (expected_reply, reply) = replies(&steps[index], expected, &found["reply"]);
        compare(step("reply"), expected_reply, reply);
        let answers = |it: &Value| -> Value {
            it["answers"].as_array().into_iter().flatten().map(essence).collect()
        };
        compare(step("answers"), answers(expected), answers(found));
        compare(step("closed"), expected["closed"].clone(), found["closed"].clone());
        if !is_anywhere {
            let has_order = expected["order"] == "stream";
            compare(step("events"), events([expected], has_order), events([found], has_order));
        }
    }
    if is_anywhere {
        compare("events".to_owned(), events(recorded, false), events(outcome, false));
    }
    differences
}

/// Whether a reply is the recorded one.
pub(super) fn is_same(step: &Value, recorded: &Value, reply: &Value) -> bool {
    let (expected, found) = replies(step, recorded, reply);
    expected == found
}

/// The parts of a recorded reply and of another one that count.
fn replies(step: &Value, recorded: &Value, reply: &Value) -> (Value, Value) {
    let expected = match step["timeline"] == true {
        true => timeline::sorted(step, &recorded["reply"]),
        false => recorded["reply"].clone(),
    };
    let (mut expected, mut found) = (essence(&expected), essence(reply));
    if let Some(member) = recorded["unordered"].as_str() {
        for it in [&mut expected, &mut found] {
            if let Some(items) =
                it.pointer_mut(&format!("/2/{member}")).and_then(Value::as_array_mut)
            {
                let key = |it: &Value| format!("{}{}", it["componentName"], it["deploymentId"]);
                items.sort_by_cached_key(key);
            }
        }
    }
    mask(&expected, &mut found);
    (expected, found)
}

/// Replaces what is not compared by the text that the recording has in its place.
fn mask(expected: &Value, found: &mut Value) {
    match (expected, found) {
        (Value::String(any), found) if any == "<any>" => *found = expected.clone(),
        (Value::Object(expected), Value::Object(found)) => {
            for (name, found) in found {
                mask(expected.get(name).unwrap_or(&Value::Null), found);
            }
        }
        (Value::Array(expected), Value::Array(found)) => {
            expected.iter().zip(found).for_each(|(expected, found)| mask(expected, found));
        }
        _ => {}
    }
}

/// The events of some steps, sorted by their streams or, if their order does not count, as a whole.
fn events<'a>(records: impl IntoIterator<Item = &'a Value>, has_order: bool) -> Value {
    let events = records.into_iter().flat_map(|it| it["events"].as_array().unwrap());
    let mut events: Vec<_> =
        events.map(|it| json!([it["as"], it["stream"], essence(it)])).collect();
    events.sort_by_cached_key(|it| match has_order {
        true => format!("{}{}", it[0], it[1]),
        false => it.to_string(),
    });
    events.into()
}

/// The parts of a reply or event that count.
fn essence(reply: &Value) -> Value {
    let kind = &reply["kind"];
    match kind.as_str() {
        Some("many") => {
            let replies = reply["replies"].as_array().unwrap().iter();
            let mut replies: Vec<_> = replies.map(|it| json!([it["n"], essence(it)])).collect();
            replies.sort_by_cached_key(Value::to_string);
            json!([kind, replies])
        }
        Some("error") => {
            // Messages do not count.
            let is_json = reply["body"].is_object() && reply["body"]["<text>"].is_null();
            let form = if is_json { "JSON without shape" } else { "text without shape" };
            let shape = reply["shape"].as_str().filter(|it| !it.is_empty()).unwrap_or(form);
            json!([kind, shape, reply["body"]["_errorCode"], reply["end"]])
        }
        Some("protocol-error" | "internal-error") => json!([kind, reply["flags"]]),
        _ => {
            let body = canonical(&reply["body"]);
            json!([kind, reply["shape"], body, reply["end"], reply["flags"], reply["headers"]])
        }
    }
}

/// A body without members that are null, and with equal numbers in one form.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.iter().filter(|(_, it)| !it.is_null());
            let members = members.map(|(name, it)| (without_hash(name), canonical(it)));
            members.collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(canonical).collect(),
        // Not each larger integer has a form with a fraction.
        Value::Number(number) => match number.as_f64() {
            Some(it) if it.abs() < 2_f64.powi(53) => it.into(),
            _ => value.clone(),
        },
        Value::String(text) => without_hash(text).into(),
        other => other.clone(),
    }
}

/// A text without the hash that the recording has in place of a long one.
fn without_hash(text: &str) -> String {
    let hash = text.strip_prefix("<long ").and_then(|it| it.split_once(" sha1 "));
    hash.map_or_else(|| text.to_owned(), |(len, _)| format!("<long {len}>"))
}
