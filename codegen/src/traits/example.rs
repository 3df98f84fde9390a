//! Examples of an operation (Smithy 2.0 specification, section "examples trait").

use crate::json::{Kind, Value};

/// Converts an example to CommonMark. Returns `None` if it is malformed.
pub(super) fn markdown(example: &Value) -> Option<String> {
    let text = |key: &str| Some(example.get(key)?.as_str()?.trim());
    let mut out = format!("Example: {}.", text("title")?.trim_end_matches('.'));
    out.extend(text("documentation").map(|it| format!(" {it}")));
    let error = example.get("error").and_then(|error| error.get("content"));
    let parts =
        [("Request", example.get("input")), ("Response", example.get("output")), ("Error", error)];
    for (name, part) in parts {
        let json = part.map(|part| pretty(part, "\n"));
        out.extend(json.map(|json| format!("\n\n{name}:\n\n```json\n{json}\n```")));
    }
    Some(out)
}

/// JSON with one element per line. `margin` is the line break and indentation before the closing bracket.
fn pretty(value: &Value, margin: &str) -> String {
    let inner = format!("{margin}  ");
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let (open, close, items): (_, _, Vec<String>) = match &value.kind {
        Kind::Null => return "null".to_owned(),
        Kind::Bool(value) => return value.to_string(),
        Kind::Number(text) => return text.clone(),
        Kind::String(text) => return quoted(text),
        Kind::Array(items) => ('[', ']', items.iter().map(|item| pretty(item, &inner)).collect()),
        Kind::Object(entries) => {
            let entry = |(key, value)| format!("{}: {}", quoted(key), pretty(value, &inner));
            ('{', '}', entries.iter().map(|it| entry((&*it.key, &it.value))).collect())
        }
    };
    if items.is_empty() {
        format!("{open}{close}")
    } else {
        format!("{open}{inner}{}{margin}{close}", items.join(&format!(",{inner}")))
    }
}
