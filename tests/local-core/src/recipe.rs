//! Recipes of components, reduced to what applies on this platform.
//!
//! This module has no I/O. Its types keep the positions of a recipe's values for diagnostics.

mod diagnostic;
mod document;
mod json;
mod lifecycle;
mod manifest;
mod platform;
mod reader;
mod source;
#[cfg(test)]
mod tests;
mod variables;
mod yaml;

use std::{fmt, path::PathBuf, time::Duration};

use serde_json::{Map, Value};

pub(crate) use self::{
    diagnostic::{Diagnostic, Severity, closest, closest_end},
    document::{Format, MAX_SIZE, Node},
    platform::Platform,
    source::Insertion,
    variables::{ComponentVariables, Variables},
};

/// A position in a file. Lines and columns are counted from 1, columns in characters. `Display` prints `line:column`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// A position in a recipe. `Display` prints `file:line:column`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: PathBuf,
    pub(crate) position: Position,
}

/// The recipe of a component.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recipe {
    pub(crate) component: String,
    pub(crate) version: String,
    /// The `DefaultConfiguration`.
    pub(crate) configuration: Map<String, Value>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) artifacts: Vec<Artifact>,
    pub(crate) source: Source,
    /// One for each error that a device finds only when it deploys the component.
    pub(crate) defects: Vec<Defect>,
}

/// An error of a recipe that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    NoManifests,
    NoManifestFits,
    NoScheme,
    UnknownScheme,
}

/// Where a recipe comes from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    pub(crate) file: PathBuf,
    pub(crate) format: Format,
    /// The whole recipe with positions.
    pub(crate) document: Option<Node>,
}

/// A component that another component needs.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    pub(crate) component: String,
    /// The range of versions, as npm writes it.
    pub(crate) versions: Option<String>,
    /// Whether the component starts only after this one, and is restarted with it.
    pub(crate) is_hard: bool,
    pub(crate) position: Position,
}

/// The scripts of a component.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lifecycle {
    pub(crate) install: Option<Step>,
    pub(crate) startup: Option<Step>,
    pub(crate) run: Option<Step>,
    pub(crate) shutdown: Option<Step>,
    pub(crate) recover: Option<Step>,
    pub(crate) uninstall: Option<Step>,
    /// The text of the lifecycle, for [`Recipe::resolve_lifecycle`].
    pub(crate) source: Option<Node>,
}

/// A script with its options.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The name as the recipe spells it, such as `Run`.
    pub(crate) name: String,
    /// The script, or why a nucleus fails the step without running it.
    pub(crate) script: Result<String, String>,
    /// `None` is the default of the step.
    pub(crate) timeout: Option<Duration>,
    pub(crate) skip_if: Option<SkipIf>,
    /// The variables of `Setenv`: first those of the lifecycle, then those of the step.
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) requires_privilege: bool,
    pub(crate) position: Position,
}

/// A condition that skips a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SkipIf {
    pub(crate) test: Test,
    pub(crate) is_negated: bool,
}

impl fmt::Display for SkipIf {
    /// Formats a condition that is met.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = if self.is_negated { "not " } else { "" };
        match &self.test {
            Test::OnPath(program) => write!(f, "{program} is {not}on PATH"),
            Test::Exists(path) if self.is_negated => write!(f, "{path} does not exist"),
            Test::Exists(path) => write!(f, "{path} exists"),
        }
    }
}

/// The test of a [`SkipIf`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    /// Whether a program is in a folder of `PATH`.
    OnPath(String),
    /// Whether a file or folder exists.
    Exists(String),
}

/// A file that belongs to a component.
#[derive(Clone, Debug)]
pub(crate) struct Artifact {
    pub(crate) uri: String,
    pub(crate) is_zip: bool,
    pub(crate) read: Access,
    pub(crate) execute: Access,
    pub(crate) position: Position,
}

/// The users with a permission for an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    None,
    Owner,
    All,
}
