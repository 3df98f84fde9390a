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

impl Example {
    /// The examples of the trait. Malformed ones are skipped, because nothing depends on them.
    pub(super) fn read(value: &Value<'_>) -> Vec<Self> {
        value.as_array().unwrap_or_default().iter().filter_map(example).collect()
    }
}

fn example(example: &Value<'_>) -> Option<Example> {
    let text = |key: &str| Some(example.get(key)?.value.as_str()?.to_owned());
    let input = example.get("input");
    let output = example.get("output");
    let error = example.get("error").and_then(|error| error.value.get("content"));
    let parts = [("Request", input), ("Response", output), ("Error", error)];
    let parts =
        parts.into_iter().filter_map(|(name, part)| Some((name, pretty(&part?.value, "\n"))));
    Some(Example {
        title: text("title")?,
        documentation: text("documentation"),
        parts: parts.collect(),
    })
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
    if items.is_empty() {
        return format!("{open}{close}");
    }
    format!("{open}{inner}{}{margin}{close}", items.join(&format!(",{inner}")))
}
