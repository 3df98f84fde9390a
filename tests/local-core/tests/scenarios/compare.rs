//! Compares the outcome of a scenario with its recording.

use serde_json::{Map, Value, json};

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
    for (step, (expected, found)) in recorded.iter().zip(outcome).enumerate() {
        let step = |what| format!("step {step}: {what}");
        compare(step("reply"), essence(&expected["reply"]), essence(&found["reply"]));
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
pub(super) fn essence(reply: &Value) -> Value {
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
        Some("timeline") => json!([kind]),
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
