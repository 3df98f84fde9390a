//! Positions of policies in a recipe.

use std::fmt;

use serde_json::Value;

use super::{
    Node, Place, Position, Source,
    document::{Entry, Format, Kind},
};
use crate::configuration::ACCESS_CONTROL;

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.position)
    }
}

impl Source {
    /// The place of a part of an `accessControl`, or of the innermost part that contains it.
    ///
    /// Returns `None` if the policy has other content than in the recipe, because the configuration has changed.
    pub(crate) fn place(&self, access_control: &Value, path: &[impl AsRef<str>]) -> Option<Place> {
        // The service identifier and the policy id lead to a policy.
        if let Some(policy) = path.get(..2) {
            let own = self.access_control()?.value.find(policy);
            let value = policy.iter().try_fold(access_control, |it, key| it.get(key.as_ref()));
            if own.zip(value).is_some_and(|((node, _), value)| node.to_value() != *value) {
                return None;
            }
        }
        self.position(path)
    }

    /// Like [`Self::place`], for a configuration that has not changed.
    pub(crate) fn position(&self, path: &[impl AsRef<str>]) -> Option<Place> {
        let own = self.access_control()?;
        let found = (1..=path.len()).rev().find_map(|depth| own.value.find(&path[..depth]));
        let position = found.map_or(own.position, |it| it.1);
        Some(Place { file: self.file.clone(), position })
    }

    /// Where the first key that does not exist is added, with the number of those that exist. Returns `None` if this is
    /// not a matter of inserting lines.
    pub(crate) fn insertion(&self, keys: &[&str]) -> Option<(usize, Insertion)> {
        let mut node = self.document.as_ref()?;
        let (mut depth, mut key) = (0, node.position);
        while let Some(entry) = keys.get(depth).and_then(|it| member(node, it)) {
            (node, depth, key) = (&entry.value, depth + 1, entry.position);
        }
        let position = node.position;
        let insertion = match (&node.kind, self.format) {
            // In block style, the object starts with its first key, otherwise with a bracket.
            (Kind::Object(entries), Format::Yaml)
                if entries.first().is_some_and(|it| it.position == position) =>
            {
                Insertion::Above { line: position.line, indent: position.column - 1 }
            }
            (Kind::Object(entries), _) => {
                Insertion::AfterBracket { position, is_alone: entries.is_empty() }
            }
            (Kind::Scalar(Value::Null), Format::Yaml) => {
                Insertion::Below { line: key.line, indent: key.column + 1 }
            }
            _ => return None,
        };
        Some((depth, insertion))
    }

    fn access_control(&self) -> Option<&Entry> {
        let configuration = member(self.document.as_ref()?, "ComponentConfiguration")?;
        let configuration = member(&configuration.value, "DefaultConfiguration")?;
        member(&configuration.value, ACCESS_CONTROL)
    }
}

/// A place for further members of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Insertion {
    /// After a bracket in JSON, or in the flow style of YAML.
    AfterBracket {
        position: Position,
        is_alone: bool,
    },
    /// Above a line of YAML, with spaces before each line.
    Above {
        line: usize,
        indent: usize,
    },
    Below {
        line: usize,
        indent: usize,
    },
}

/// The member of an object with a name in any case.
fn member<'n>(node: &'n Node, name: &str) -> Option<&'n Entry> {
    match &node.kind {
        Kind::Object(entries) => entries.iter().rev().find(|it| it.key.eq_ignore_ascii_case(name)),
        _ => None,
    }
}
