//! Recipe variables, such as `{artifacts:path}`.

use std::{collections::BTreeMap, sync::LazyLock};

use regex::{Captures, Regex};
use serde_json::{Map, Value};

use super::{
    Diagnostic, Lifecycle, Recipe,
    diagnostic::{Report, closest},
    document::{Kind, Node},
    lifecycle,
};

/// The values of the variables of one component.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variables {
    /// `{kernel:rootPath}`.
    pub(crate) root: String,
    /// `{iot:thingName}`.
    pub(crate) thing_name: String,
    pub(crate) own: ComponentVariables,
    /// Those of the direct dependencies, by name.
    pub(crate) dependencies: BTreeMap<String, ComponentVariables>,
}

/// The variables that each component has. A recipe reads those of a dependency with its name: `{NAME:work:path}`.
#[derive(Clone, Debug, Default)]
pub(crate) struct ComponentVariables {
    /// `{artifacts:path}`.
    pub(crate) artifacts: String,
    /// `{artifacts:decompressedPath}`.
    pub(crate) decompressed: String,
    /// `{work:path}`.
    pub(crate) work: String,
    /// `{configuration:/a/b}`.
    pub(crate) configuration: Map<String, Value>,
}

/// Anything that looks like a variable.
static VARIABLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\{(?:([\w.-]+):)??([A-Za-z]+):([^{}:\s]*|/[^{}:\n]*)\}").expect("it is valid")
});

impl Recipe {
    /// The lifecycle with the values of recipe variables in all its texts. Unknown variables stay as they are, with a
    /// warning; a path in a configuration without a slash is an error.
    pub(crate) fn resolve_lifecycle(&self, variables: &Variables) -> (Lifecycle, Vec<Diagnostic>) {
        let Some(node) = &self.lifecycle.source else {
            return (self.lifecycle.clone(), Vec::new());
        };
        let mut report = Report::new(&self.source.file);
        let node = replace(node, self, variables, &mut report);
        // `Recipe::read` has already reported the other diagnostics.
        let lifecycle = lifecycle::read(&node, &mut Report::new(&self.source.file));
        (lifecycle, report.finish())
    }
}

fn replace(node: &Node, recipe: &Recipe, variables: &Variables, report: &mut Report) -> Node {
    let kind = match &node.kind {
        Kind::Scalar(Value::String(text)) => {
            let replaced = VARIABLE.replace_all(text, |found: &Captures<'_>| {
                let variable = &found[0];
                variables.value(recipe, found).unwrap_or_else(|problem| {
                    // The shell has `${NAME:-text}`.
                    let start = found.get(0).map_or(0, |it| it.start());
                    let is_shell = text[..start].ends_with('$');
                    match problem {
                        Problem::Unknown(_) if is_shell => {}
                        Problem::Unknown(why) => {
                            let text = format!("{variable} stays as it is: {why}");
                            report.warning(node.position, text);
                        }
                        Problem::NoSlash => {
                            let advice = "the path in a configuration starts with a slash";
                            report.error(node.position, format!("{variable} is invalid: {advice}"));
                        }
                    }
                    variable.to_owned()
                })
            });
            Kind::Scalar(replaced.into_owned().into())
        }
        Kind::Scalar(other) => Kind::Scalar(other.clone()),
        Kind::List(items) => {
            Kind::List(items.iter().map(|it| replace(it, recipe, variables, report)).collect())
        }
        Kind::Object(entries) => {
            let mut entries = entries.clone();
            for entry in &mut entries {
                entry.value = replace(&entry.value, recipe, variables, report);
            }
            Kind::Object(entries)
        }
    };
    Node { position: node.position, kind }
}

/// Why a variable has no value.
enum Problem {
    Unknown(String),
    NoSlash,
}

impl Variables {
    fn value(&self, recipe: &Recipe, found: &Captures<'_>) -> Result<String, Problem> {
        let (namespace, key) = (&found[2], &found[3]);
        let component = match found.get(1) {
            None => &self.own,
            Some(name) => self.dependencies.get(name.as_str()).ok_or_else(|| {
                let name = name.as_str();
                Problem::Unknown(match recipe.dependencies.iter().any(|it| it.component == name) {
                    true => format!("there is no recipe of {name} here"),
                    false => format!("add {name} to ComponentDependencies"),
                })
            })?,
        };
        let value = match (namespace, key) {
            ("kernel", "rootPath") if found.get(1).is_none() => &self.root,
            ("iot", "thingName") if found.get(1).is_none() => &self.thing_name,
            ("artifacts", "path") => &component.artifacts,
            ("artifacts", "decompressedPath") => &component.decompressed,
            ("work", "path") => &component.work,
            ("configuration", pointer) => return configured(&component.configuration, pointer),
            _ => return Err(Problem::Unknown(unknown(&format!("{namespace}:{key}")))),
        };
        Ok(value.clone())
    }
}

fn unknown(name: &str) -> String {
    let known = [
        "artifacts:path",
        "artifacts:decompressedPath",
        "work:path",
        "kernel:rootPath",
        "iot:thingName",
        "configuration:/",
    ];
    match closest(name, known) {
        Some(known) => format!("there is no such recipe variable; did you mean {{{known}}}?"),
        None => "there is no such recipe variable".to_owned(),
    }
}

/// The text of a value in a configuration.
fn configured(configuration: &Map<String, Value>, pointer: &str) -> Result<String, Problem> {
    if pointer.is_empty() {
        let seen = configuration.iter().filter(|(key, _)| !key.starts_with('_'));
        let seen: Map<_, _> = seen.map(|(key, value)| (key.clone(), value.clone())).collect();
        return Ok(Value::Object(seen).to_string());
    }
    if !pointer.starts_with('/') {
        return Err(Problem::NoSlash);
    }
    if pointer.contains(char::is_whitespace) {
        return Err(Problem::Unknown("a nucleus does not replace it if it has spaces".to_owned()));
    }
    let (first, rest) = match pointer[1..].find('/') {
        Some(length) => pointer[1..].split_at(length),
        None => (&pointer[1..], ""),
    };
    let is_valid = pointer.split('~').skip(1).all(|it| it.starts_with(['0', '1']));
    let first = configuration.get(&first.replace("~1", "/").replace("~0", "~"));
    match first.and_then(|it| it.pointer(rest)).filter(|_| is_valid) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(value) => Ok(value.to_string()),
        None => Err(Problem::Unknown(
            "the configuration has no such value; add it to DefaultConfiguration".to_owned(),
        )),
    }
}
