//! Documents in JSON or YAML, with the positions of their values.

use std::{collections::HashSet, path::Path};

use serde_json::{Map, Value};

use super::{Position, diagnostic::Report, json, yaml};
use crate::configuration::ACCESS_CONTROL;

/// A value with the position of its first character.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) position: Position,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Null, a Boolean, a number or a string.
    Scalar(Value),
    List(Vec<Node>),
    /// The entries in the order of the file, without duplicate keys.
    Object(Vec<Entry>),
}

/// A member of an object.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// The position of the key.
    pub(crate) position: Position,
    pub(crate) value: Node,
}

/// The language of a recipe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    #[default]
    Json,
    Yaml,
}

/// The maximum depth of nesting. Recipes need about ten levels, and reading is recursive in places.
pub(super) const MAX_DEPTH: usize = 100;

/// The maximum size of a recipe, in bytes. AWS accepts less.
pub(crate) const MAX_SIZE: usize = 1 << 20;

pub(super) const EMPTY: &str = "the file is empty; a recipe starts with RecipeFormatVersion";

impl Format {
    /// The format that a file's name says, or otherwise its content.
    pub(super) fn of(path: &Path, text: &str) -> Self {
        let extension = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
        match &*extension.to_ascii_lowercase() {
            "json" => Self::Json,
            "yaml" | "yml" => Self::Yaml,
            _ if text.trim_start().starts_with('{') => Self::Json,
            _ => Self::Yaml,
        }
    }
}

/// Reads a document. Returns `None` after an error.
pub(super) fn parse(format: Format, text: &str, report: &mut Report) -> Option<Node> {
    if text.len() > MAX_SIZE {
        report.error(None, format!("a recipe has at most {MAX_SIZE} bytes, this has more"));
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        report.error(None, EMPTY);
        return None;
    }
    match format {
        Format::Json => json::parse(text, report),
        Format::Yaml => yaml::parse(text, report),
    }
}

/// The keys of objects that lead to policies. Two equal ones remove permissions.
fn leads_to_policies(key: &str) -> bool {
    let path = ["ComponentConfiguration", "DefaultConfiguration", ACCESS_CONTROL];
    path.iter().any(|it| it.eq_ignore_ascii_case(key))
}

/// Removes all but the last of several equal keys, as a nucleus does.
///
/// `is_policy` says whether the object is in an `accessControl`.
pub(super) fn without_duplicates(
    entries: Vec<Entry>,
    is_policy: bool,
    report: &mut Report,
) -> Vec<Entry> {
    let mut seen = HashSet::new();
    let mut kept: Vec<_> = entries
        .into_iter()
        .rev()
        .filter(|it| {
            let is_new = seen.insert(it.key.clone());
            if !is_new {
                let text = format!("{:?} is there twice, and only the last one counts", it.key);
                let text = format!("{text}; merge them into one");
                match is_policy || leads_to_policies(&it.key) {
                    true => report.broken(it.position, text),
                    false => report.warning(it.position, text),
                }
            }
            is_new
        })
        .collect();
    kept.reverse();
    kept
}

impl Node {
    pub(crate) fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Scalar(value) => value.clone(),
            Kind::List(items) => items.iter().map(Self::to_value).collect(),
            Kind::Object(entries) => Value::Object(to_map(entries)),
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Scalar(Value::Null))
    }

    /// The text of a scalar; numbers and Booleans are converted as a nucleus does.
    pub(crate) fn text(&self) -> Option<String> {
        match &self.kind {
            Kind::Scalar(Value::String(text)) => Some(text.clone()),
            Kind::Scalar(Value::Null) | Kind::List(_) | Kind::Object(_) => None,
            Kind::Scalar(other) => Some(other.to_string()),
        }
    }

    /// The type for messages such as "must be a string, not a list".
    pub(crate) fn type_name(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar(Value::Bool(_)) => "a Boolean",
            Kind::Scalar(Value::Number(_)) => "a number",
            Kind::Scalar(Value::String(_)) => "a string",
            Kind::Scalar(_) => "null",
            Kind::List(_) => "a list",
            Kind::Object(_) => "an object",
        }
    }

    /// The node below this one at a path of keys and indexes, with the position of its key or item.
    pub(crate) fn find(&self, path: &[impl AsRef<str>]) -> Option<(&Self, Position)> {
        let mut found = (self, self.position);
        for step in path {
            let step = step.as_ref();
            found = match &found.0.kind {
                Kind::Object(entries) => {
                    let entry = entries.iter().find(|it| it.key == step)?;
                    (&entry.value, entry.position)
                }
                Kind::List(items) => {
                    let item = items.get(step.parse::<usize>().ok()?)?;
                    (item, item.position)
                }
                Kind::Scalar(_) => return None,
            };
        }
        Some(found)
    }
}

pub(super) fn to_map(entries: &[Entry]) -> Map<String, Value> {
    entries.iter().map(|it| (it.key.clone(), it.value.to_value())).collect()
}
