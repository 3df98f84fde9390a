//! Errors and warnings about recipes.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::{Defect, Position};

/// An error or a warning about a recipe. `Display` prints `file:line:column: error: text`, and
/// without the severity in the alternate form, for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diagnostic {
    pub(crate) file: PathBuf,
    /// `None` if it concerns the whole file.
    pub(crate) position: Option<Position>,
    pub(crate) severity: Severity,
    /// The problem and what to write instead.
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// A device refuses the recipe.
    Error,
    /// A device accepts the recipe, but the component becomes `BROKEN` or lacks permissions.
    Broken,
    /// The recipe is valid, but may not be what was intended.
    Warning,
}

/// The diagnostics of one file.
#[derive(Debug)]
pub(super) struct Report {
    file: PathBuf,
    found: Vec<Diagnostic>,
    /// The number of all warnings.
    warnings: usize,
    pub(super) defects: Vec<Defect>,
}

/// The maximum number of warnings for a file. Errors are never left out: a recipe with an error does not run.
const MAX_WARNINGS: usize = 100;

impl Report {
    pub(super) fn new(file: &Path) -> Self {
        Self { file: file.to_owned(), found: Vec::new(), warnings: 0, defects: Vec::new() }
    }

    pub(super) fn error(&mut self, position: impl Into<Option<Position>>, text: impl Into<String>) {
        self.add(position.into(), Severity::Error, text.into());
    }

    /// Adds an error that a device finds only when it deploys the component.
    pub(super) fn defect(
        &mut self,
        defect: Defect,
        position: impl Into<Option<Position>>,
        text: impl Into<String>,
    ) {
        self.defects.push(defect);
        self.error(position, text);
    }

    pub(super) fn broken(&mut self, position: Position, text: impl Into<String>) {
        self.add(Some(position), Severity::Broken, text.into());
    }

    pub(super) fn warning(
        &mut self,
        position: impl Into<Option<Position>>,
        text: impl Into<String>,
    ) {
        self.warnings += 1;
        if self.warnings <= MAX_WARNINGS {
            self.add(position.into(), Severity::Warning, text.into());
        }
    }

    fn add(&mut self, position: Option<Position>, severity: Severity, text: String) {
        let file = self.file.clone();
        self.found.push(Diagnostic { file, position, severity, text });
    }

    /// The diagnostics in the order of the file.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        let hidden = self.warnings.saturating_sub(MAX_WARNINGS);
        if hidden > 0 {
            self.add(None, Severity::Warning, format!("{hidden} more warnings are not shown"));
        }
        self.found.sort_by_key(|it| it.position);
        self.found
    }
}

impl Diagnostic {
    pub(crate) fn error(file: &Path, position: Option<Position>, text: String) -> Self {
        Self { file: file.to_owned(), position, severity: Severity::Error, text }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(position) = self.position {
            write!(f, ":{position}")?;
        }
        let severity = match self.severity {
            _ if f.alternate() => "",
            Severity::Error | Severity::Broken => "error: ",
            Severity::Warning => "warning: ",
        };
        // Text of a recipe may contain control characters, which must not reach the terminal.
        let text = self.text.replace(|it: char| it.is_control() && it != '\n', "\u{fffd}");
        write!(f, ": {severity}{text}")
    }
}

/// The most similar known name, if one is similar enough to be a likely correction.
pub(crate) fn closest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let limit = (name.len() / 3).max(1).min(name.len().saturating_sub(1));
    let similar = known.into_iter().filter(|it| it.len().abs_diff(name.len()) <= limit);
    let best = similar.map(|it| (distance(name, it), it)).min()?;
    (best.0 <= limit).then_some(best.1)
}

/// The known name with the most similar part after the last separator. Common beginnings would make all similar.
pub(crate) fn closest_end<'k>(
    name: &str,
    separator: char,
    known: impl Iterator<Item = &'k str> + Clone,
) -> Option<&'k str> {
    let end = |it: &'k str| it.rsplit(separator).next().unwrap_or(it);
    let own = name.rsplit(separator).next().unwrap_or(name);
    let found = closest(own, known.clone().map(end))?;
    known.into_iter().find(|it| end(it) == found)
}

/// The number of letters that must be replaced, inserted, deleted or exchanged with the next, ignoring case.
fn distance(a: &str, b: &str) -> usize {
    strsim::osa_distance(&a.to_ascii_lowercase(), &b.to_ascii_lowercase())
}
