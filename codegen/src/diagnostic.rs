//! What is wrong with a model, and where.
//!
//! The passes report to a [`Reporter`], which needs the place only as a [`Location`]. Line, column, JSON
//! pointer and the name of the shape follow from it, and are looked up at the end, for what was found.

mod place;
mod suggest;

use std::{collections::HashMap, fmt};

use crate::{Source, shape_id::ShapeId};

pub use crate::json::Location;
use place::Cursor;
pub use place::Place;
pub use suggest::closest;

/// Whether a model can be used all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is generated.
    Error,
    /// Something is generated, perhaps not what was meant.
    Warning,
}

/// One thing that is wrong with a model.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Whether the model can be used all the same.
    pub severity: Severity,
    /// What is wrong, in one sentence without a period.
    pub message: String,
    /// The shape or member, in Smithy's notation: `namespace#Shape$member`.
    pub shape: Option<String>,
    /// The place, unless it is about the model as a whole.
    pub place: Option<Place>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// All that is wrong with a model: errors first, each group in the order of the files.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// The diagnostics, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.iter().filter(|it| it.severity == severity).count()
    }

    /// The text for people, with a line at the end that counts.
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

/// Whether text is coloured with ANSI escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// Plain text.
    Never,
    /// Escapes as terminals take them.
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
    /// The text for people: message, place, an excerpt of the line, pointer and hint.
    pub fn render(&self, color: Color) -> String {
        let (word, code) = match self.severity {
            Severity::Error => ("error", "1;31"),
            Severity::Warning => ("warning", "1;33"),
        };
        let subject = self.shape.as_ref().map_or(String::new(), |shape| format!("{shape}: "));
        // A name out of a model may hold anything; it must not break the lines or the terminal.
        let message = format!(": {subject}{}", self.message).replace(char::is_control, "\u{fffd}");
        let mut text = format!("{}{}\n", color.paint(code, word), color.paint("1", &message));
        text.extend(self.place.as_ref().map(|it| it.render(color, code)));
        let hint = color.paint("1;36", "= hint:");
        text.extend(self.hint.as_ref().map(|it| format!("  {hint} {it}\n")));
        text + "\n"
    }
}

/// Collects diagnostics while a model is read, so that one run reports all it can find.
#[derive(Debug)]
pub struct Reporter<'a> {
    sources: &'a [Source<'a>],
    found: Vec<Finding>,
}

/// A diagnostic whose place has not been looked up yet.
#[derive(Debug)]
pub struct Finding {
    location: Option<Location>,
    diagnostic: Diagnostic,
    is_late: bool,
}

/// How many diagnostics suggest a name. Each compares all shapes or names.
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

    /// Reports an error of the model as a whole.
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
        let diagnostic = Diagnostic { severity, message, shape: None, place: None, hint: None };
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
            let (place, shape) = cursor.look_up(offset);
            Diagnostic { place: Some(place), shape, ..diagnostic }
        });
        let mut diagnostics: Vec<_> = diagnostics.collect();
        diagnostics.sort_by_key(|it| it.severity);
        Diagnostics(diagnostics)
    }
}
