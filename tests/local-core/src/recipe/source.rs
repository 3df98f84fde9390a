//! Positions of policies in a recipe.

use std::fmt;

use serde_json::Value;

use super::{
    Node, Place, Position, Source,
    document::{Entry, Kind},
};
use crate::configuration::is_access_control;

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.position;
        write!(f, "{}:{line}:{column}", self.file.display())
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

    /// `file` or `file:line` of the `DefaultConfiguration`.
    pub(crate) fn configuration_place(&self) -> String {
        let file = self.file.display();
        match &self.configuration {
            Some(node) => format!("{file}:{}", node.position.line),
            None => file.to_string(),
        }
    }

    /// The number of spaces before the members of the `DefaultConfiguration`.
    pub(crate) fn indent(&self) -> usize {
        const USUAL: usize = 4;
        let Some(Node { position, kind: Kind::Object(entries) }) = &self.configuration else {
            return USUAL;
        };
        match entries.first() {
            // In flow style, the object starts with a bracket.
            Some(first) if first.position == *position => position.column - 1,
            _ => USUAL,
        }
    }

    fn access_control(&self) -> Option<&Entry> {
        match &self.configuration.as_ref()?.kind {
            Kind::Object(entries) => entries.iter().find(|it| is_access_control(&it.key)),
            _ => None,
        }
    }
}
