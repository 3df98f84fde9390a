//! Errors and warnings about a model.
//!
//! All stages report to one [`Reporter`] with a [`Location`]. Its line, column, JSON pointer and shape are looked up
//! at the end, and only for locations that have a diagnostic.

mod position;
mod suggest;

use std::{collections::HashMap, fmt};

use crate::{Source, shape_id::ShapeId};

pub use crate::json::Location;
use position::Cursor;
pub use position::Position;
pub use suggest::closest;

/// How serious a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is generated.
    Error,
    /// Code is generated, but it may not be what was intended.
    Warning,
}

/// An error or a warning about a model.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Whether it is an error or a warning.
    pub severity: Severity,
    /// The problem, in one sentence without a period.
    pub message: String,
    /// The shape or member, in Smithy's notation: `namespace#Shape$member`.
    pub shape: Option<String>,
    /// The position, unless the diagnostic is about the model as a whole.
    pub position: Option<Position>,
    /// How to solve the problem.
    pub hint: Option<String>,
}

/// All errors and warnings about a model: errors first, then warnings, each in the order of the files.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// The diagnostics, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// Whether there are no diagnostics.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of diagnostics of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.iter().filter(|it| it.severity == severity).count()
    }

    /// Formats all diagnostics for a terminal, followed by their numbers.
    pub fn render(&self, color: Color) -> String {
        let mut text: String = self.iter().map(|it| it.render(color)).collect();
        let plural = |count| if count == 1 { "" } else { "s" };
        let counted = |count: usize, what: &str| format!("{count} {what}{}", plural(count));
        text += &counted(self.count(Severity::Error), "error");
        text + ", " + &counted(self.count(Severity::Warning), "warning")
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Color::Never))
    }
}

impl std::error::Error for Diagnostics {}

/// Whether text is colored with ANSI escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// Plain text.
    Never,
    /// Text with ANSI escapes.
    Ansi,
}

impl Color {
    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Never => text.to_owned(),
            Self::Ansi => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

impl Diagnostic {
    /// Formats the message, the position with an excerpt of its line, the pointer and the hint for a terminal.
    pub fn render(&self, color: Color) -> String {
        let (word, code) = match self.severity {
            Severity::Error => ("error", "1;31"),
            Severity::Warning => ("warning", "1;33"),
        };
        let subject = self.shape.as_ref().map_or(String::new(), |shape| format!("{shape}: "));
        // Names in a model may contain control characters, which must not reach the terminal.
        let message = format!(": {subject}{}", self.message).replace(char::is_control, "\u{fffd}");
        let mut text = format!("{}{}\n", color.paint(code, word), color.paint("1", &message));
        text.extend(self.position.as_ref().map(|it| it.render(color, code)));
        let hint = color.paint("1;36", "= hint:");
        text.extend(self.hint.as_ref().map(|it| format!("  {hint} {it}\n")));
        text + "\n"
    }
}

/// The collector of diagnostics. One run reports as many as it can find.
#[derive(Debug)]
pub struct Reporter<'a> {
    sources: &'a [Source<'a>],
    found: Vec<Finding>,
}

/// A diagnostic whose position has not been looked up yet.
#[derive(Debug)]
pub struct Finding {
    location: Option<Location>,
    diagnostic: Diagnostic,
    is_late: bool,
}

/// How many diagnostics may suggest a name. Each suggestion compares all names.
const MAX_SUGGESTIONS: usize = 100;

impl Finding {
    pub fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.diagnostic.hint = Some(hint.into());
        self
    }

    pub fn did_you_mean<'c>(
        &mut self,
        text: &str,
        candidates: impl IntoIterator<Item = &'c str>,
        otherwise: impl Into<String>,
    ) -> &mut Self {
        let closest = if self.is_late { None } else { closest(text, candidates) };
        match closest {
            Some(closest) => self.hint(format!("did you mean {closest:?}?")),
            None => self.hint(otherwise),
        }
    }

    pub fn did_you_mean_shape<'c>(
        &mut self,
        id: &ShapeId,
        shapes: impl IntoIterator<Item = &'c ShapeId>,
        otherwise: impl Into<String>,
    ) -> &mut Self {
        let closest = if self.is_late { None } else { suggest::closest_shape(id, shapes) };
        match closest {
            Some(closest) => self.hint(format!("did you mean {closest}?")),
            None => self.hint(otherwise),
        }
    }
}

impl<'a> Reporter<'a> {
    pub fn new(sources: &'a [Source<'a>]) -> Self {
        Self { sources, found: Vec::new() }
    }

    pub fn error(&mut self, location: Location, message: impl Into<String>) -> &mut Finding {
        self.report(Severity::Error, Some(location), message.into())
    }

    pub fn warning(&mut self, location: Location, message: impl Into<String>) -> &mut Finding {
        self.report(Severity::Warning, Some(location), message.into())
    }

    /// Reports an error about the model as a whole.
    pub fn error_of_model(&mut self, message: impl Into<String>) -> &mut Finding {
        self.report(Severity::Error, None, message.into())
    }

    fn report(
        &mut self,
        severity: Severity,
        at: Option<Location>,
        message: String,
    ) -> &mut Finding {
        let is_late = self.found.len() >= MAX_SUGGESTIONS;
        let diagnostic = Diagnostic { severity, message, shape: None, position: None, hint: None };
        self.found.push(Finding { location: at, diagnostic, is_late });
        self.found.last_mut().expect("it was pushed just now")
    }

    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|it| it.diagnostic.severity == Severity::Error)
    }

    pub fn path(&self, location: Location) -> &'a str {
        self.sources[location.source].path
    }

    /// All diagnostics, in order.
    pub fn finish(mut self) -> Diagnostics {
        self.found.sort_by_key(|it| it.location);
        let mut cursors: HashMap<usize, Cursor<'_>> = HashMap::new();
        let diagnostics = self.found.into_iter().map(|Finding { location, diagnostic, .. }| {
            let Some(Location { source, offset }) = location else { return diagnostic };
            let cursor = cursors.entry(source);
            let cursor = cursor.or_insert_with(|| Cursor::new(&self.sources[source]));
            let (position, shape) = cursor.look_up(offset);
            Diagnostic { position: Some(position), shape, ..diagnostic }
        });
        let mut diagnostics: Vec<_> = diagnostics.collect();
        diagnostics.sort_by_key(|it| it.severity);
        Diagnostics(diagnostics)
    }
}
