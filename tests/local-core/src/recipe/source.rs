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
        let own = self.access_control()?;
        let mut position = own.position;
        // The service identifier and the policy id lead to a policy.
        let (mut node, mut value) = (Some(&own.value), Some(access_control));
        for (depth, step) in path.iter().enumerate() {
            let found = node.and_then(|it| it.find(std::slice::from_ref(step)));
            value = value.and_then(|it| it.get(step.as_ref()));
            if let (2, Some(value), Some((node, _))) = (depth + 1, value, found) {
                if *value != node.to_value() {
                    return None;
                }
            }
            node = found.map(|it| it.0);
            position = found.map_or(position, |it| it.1);
        }
        Some(Place { file: self.file.clone(), position })
    }

    /// The place of an item in a list of the `accessControl`.
    pub(crate) fn item(&self, list: &[&str], item: &str) -> Option<Place> {
        let Kind::List(items) = &self.access_control()?.value.find(list)?.0.kind else {
            return None;
        };
        let found = items.iter().find(|it| it.text().as_deref() == Some(item))?;
        Some(Place { file: self.file.clone(), position: found.position })
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
