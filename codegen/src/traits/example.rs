//! Examples of an operation (Smithy 2.0 spec, section "examples trait").

use crate::json::{Kind, Value};

/// A request, and what comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// What it shows.
    pub title: String,
    /// More about it.
    pub documentation: Option<String>,
    /// What is shown, with a name, as JSON.
    pub parts: Vec<(&'static str, String)>,
}

/// The examples of the trait; what is no example is passed over, since nothing depends on it.
pub(super) fn read(value: &Value<'_>) -> Vec<Example> {
    value.as_array().unwrap_or_default().iter().filter_map(example).collect()
}

fn example(value: &Value<'_>) -> Option<Example> {
    let text = |value: &Value<'_>, key: &str| Some(value.get(key)?.value.as_str()?.to_owned());
    let part = |key: &str| value.get(key).map(|it| pretty(&it.value));
    let error = value.get("error").and_then(|it| it.value.get("content"));
    let parts = [
        ("Request", part("input")),
        ("Response", part("output")),
        ("Error", error.map(|it| pretty(&it.value))),
    ];
    Some(Example {
        title: text(value, "title")?,
        documentation: text(value, "documentation"),
        parts: parts.into_iter().filter_map(|(name, json)| Some((name, json?))).collect(),
    })
}

/// JSON in several lines.
fn pretty(value: &Value<'_>) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out
}

fn write(value: &Value<'_>, depth: usize, out: &mut String) {
    let line = |depth: usize| format!("\n{}", "  ".repeat(depth));
    match &value.kind {
        Kind::Null => out.push_str("null"),
        Kind::Bool(value) => out.push_str(&value.to_string()),
        Kind::Number(text) => out.push_str(text),
        Kind::String(text) => out.push_str(&quoted(text)),
        Kind::Array(elements) if elements.is_empty() => out.push_str("[]"),
        Kind::Object(entries) if entries.is_empty() => out.push_str("{}"),
        Kind::Array(elements) => {
            for (index, it) in elements.iter().enumerate() {
                out.push_str(if index == 0 { "[" } else { "," });
                out.push_str(&line(depth + 1));
                write(it, depth + 1, out);
            }
            out.push_str(&format!("{}]", line(depth)));
        }
        Kind::Object(entries) => {
            for (index, it) in entries.iter().enumerate() {
                out.push_str(if index == 0 { "{" } else { "," });
                out.push_str(&format!("{}{}: ", line(depth + 1), quoted(&it.key)));
                write(&it.value, depth + 1, out);
            }
            out.push_str(&format!("{}}}", line(depth)));
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
