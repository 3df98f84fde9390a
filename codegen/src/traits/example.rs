//! Examples of an operation (Smithy 2.0 spec, section "examples trait").

use crate::json::{Kind, Value};

/// The examples of the trait as CommonMark. Malformed ones are skipped, because nothing depends on them.
pub(super) fn read(value: &Value<'_>) -> Vec<String> {
    value.as_array().unwrap_or_default().iter().filter_map(example).collect()
}

fn example(example: &Value<'_>) -> Option<String> {
    let text = |key: &str| Some(example.get(key)?.value.as_str()?.trim());
    let mut out = format!("Example: {}.", text("title")?.trim_end_matches('.'));
    out.extend(text("documentation").map(|it| format!(" {it}")));
    let error = example.get("error").and_then(|error| error.value.get("content"));
    let parts =
        [("Request", example.get("input")), ("Response", example.get("output")), ("Error", error)];
    for (name, part) in parts {
        let json = part.map(|part| pretty(&part.value, "\n"));
        out.extend(json.map(|json| format!("\n\n{name}:\n\n```json\n{json}\n```")));
    }
    Some(out)
}

/// JSON with one element per line; `margin` is the line break before the closing bracket.
fn pretty(value: &Value<'_>, margin: &str) -> String {
    let inner = format!("{margin}  ");
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let (open, close, items): (_, _, Vec<String>) = match &value.kind {
        Kind::Null => return "null".to_owned(),
        Kind::Bool(value) => return value.to_string(),
        Kind::Number(text) => return (*text).to_owned(),
        Kind::String(text) => return quoted(text),
        Kind::Array(items) => ('[', ']', items.iter().map(|item| pretty(item, &inner)).collect()),
        Kind::Object(entries) => {
            let entry = |(key, value)| format!("{}: {}", quoted(key), pretty(value, &inner));
            ('{', '}', entries.iter().map(|it| entry((&*it.key, &it.value))).collect())
        }
    };
    match items.is_empty() {
        true => format!("{open}{close}"),
        false => format!("{open}{inner}{}{margin}{close}", items.join(&format!(",{inner}"))),
    }
}
