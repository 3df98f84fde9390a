//! Platforms and the requirements of manifests.

use std::{collections::BTreeMap, fmt};

use regex::Regex;
use serde_json::Value;

use super::document::{Kind, Node};

/// The attributes of a platform, such as `os` and `architecture`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Platform(BTreeMap<String, String>);

impl Platform {
    /// The platform of this process.
    pub(crate) fn current() -> Self {
        let os = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            other => other,
        };
        Self::default().with("os", os).with("architecture", architecture)
    }

    /// Sets an attribute.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Whether a requirement of a manifest is met. Names are compared exactly. The error describes a requirement
    /// that no platform meets.
    pub(super) fn meets(&self, name: &str, requirement: &Node) -> Result<bool, String> {
        let own = self.0.get(name).map(String::as_str);
        match &requirement.kind {
            Kind::List(alternatives) => {
                let met = alternatives.iter().map(|it| self.meets(name, it));
                met.collect::<Result<Vec<_>, _>>().map(|it| it.contains(&true))
            }
            Kind::Scalar(Value::Null) => Ok(own.is_none()),
            Kind::Scalar(Value::String(text)) => meets(name, own, text),
            _ => Err(format!(
                "{name} must be a string, not {}; put it in quotes",
                requirement.type_name()
            )),
        }
    }
}

fn meets(name: &str, own: Option<&str>, text: &str) -> Result<bool, String> {
    let is_usual = matches!(name, "os" | "architecture");
    let pattern = text.strip_prefix('/').and_then(|it| it.strip_suffix('/'));
    match (text, pattern) {
        ("*", _) => Ok(true),
        ("all" | "any", _) if is_usual => Ok(true),
        (_, Some(pattern)) if !pattern.is_empty() => {
            // Alone first, because the brackets around it must be its own.
            let anchored = format!("^(?:{pattern})$");
            let pattern = Regex::new(pattern).and_then(|_| Regex::new(&anchored));
            let pattern = pattern.map_err(|error| {
                let error = error.to_string();
                let reason = error.rsplit("error: ").next().unwrap_or_default();
                format!("{text} is not a regular expression here: {reason}")
            })?;
            Ok(own.is_some_and(|it| pattern.is_match(it)))
        }
        (_, Some(_)) => Ok(own.is_some()),
        _ => Ok(own == Some(text)),
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attributes: Vec<_> = self.0.iter().map(|(name, it)| format!("{name}={it}")).collect();
        f.write_str(&attributes.join(", "))
    }
}
