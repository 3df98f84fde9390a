//! What is wrong with a model, and where.

use std::{cmp::Ordering, fmt};

use crate::Source;

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

/// A place in a model file.
#[derive(Clone, Debug)]
pub struct Place {
    /// The file.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// JSON pointer (RFC 6901) of the value.
    pub pointer: String,
    /// The source line, for an excerpt.
    pub text: String,
}

/// Where something stands: a file, by its index, and an offset in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// Index of the source.
    pub source: usize,
    /// Offset in bytes.
    pub offset: usize,
}

/// All that is wrong with a model: errors first, each group in the order of the files.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// The diagnostics, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// How many there are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.iter().filter(|it| it.severity == severity).count()
    }

    /// The text for people; in colour if it goes to a terminal.
    pub fn render(&self, color: Color) -> String {
        self.iter().map(|it| it.render(color)).collect()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Color::Never))?;
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warning));
        write!(f, "{errors} error{}, {warnings} warning{}", plural(errors), plural(warnings))
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
        let headline = color.paint("1", &format!(": {subject}{}", self.message));
        let mut text = format!("{}{headline}\n", color.paint(code, word));
        if let Some(place) = &self.place {
            place.render(color, code, &mut text);
        }
        if let Some(hint) = &self.hint {
            text.push_str(&format!("  {} {hint}\n", color.paint("1;36", "= hint:")));
        }
        text.push('\n');
        text
    }

    fn sort_key(&self, other: &Self) -> Ordering {
        let place = |it: &Self| it.place.as_ref().map(|it| (it.path.clone(), it.line, it.column));
        (self.severity, place(self)).cmp(&(other.severity, place(other)))
    }
}

impl Place {
    fn render(&self, color: Color, code: &str, text: &mut String) {
        // A model can be one line of megabytes: only what surrounds the place is shown.
        const AROUND: usize = 60;
        let start = (self.column - 1).saturating_sub(AROUND);
        let excerpt: String = self.text.chars().skip(start).take(2 * AROUND).collect();
        let excerpt: String =
            excerpt.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
        let width = self.line.to_string().len();
        let bar = color.paint("1;34", "|");
        let arrow = color.paint("1;34", "-->");
        let caret = color.paint(code, "^");
        let margin = " ".repeat(width);
        let number = color.paint("1;34", &self.line.to_string());
        let indent = " ".repeat(self.column - 1 - start);
        text.push_str(&format!("{margin}{arrow} {}:{}:{}\n", self.path, self.line, self.column));
        text.push_str(&format!(
            "{margin} {bar}\n{number} {bar} {excerpt}\n{margin} {bar} {indent}{caret}\n"
        ));
        text.push_str(&format!("{margin} = at {}\n", self.pointer));
    }
}

/// Collects diagnostics while a model is read, so that one run reports all it can find.
#[derive(Debug)]
pub struct Reporter<'a> {
    sources: &'a [Source<'a>],
    found: Vec<Diagnostic>,
}

impl<'a> Reporter<'a> {
    /// A reporter about these sources.
    pub fn new(sources: &'a [Source<'a>]) -> Self {
        Self { sources, found: Vec::new() }
    }

    /// Reports an error at a place.
    pub fn error(
        &mut self,
        location: Location,
        subject: Subject,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.report(Severity::Error, Some(location), subject, message.into())
    }

    /// Reports a warning at a place.
    pub fn warning(
        &mut self,
        location: Location,
        subject: Subject,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.report(Severity::Warning, Some(location), subject, message.into())
    }

    /// Reports an error of the model as a whole.
    pub fn error_of_model(&mut self, message: impl Into<String>) -> &mut Diagnostic {
        self.report(Severity::Error, None, Subject::default(), message.into())
    }

    /// Whether there are errors so far.
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|it| it.severity == Severity::Error)
    }

    /// All that was found, in order.
    pub fn finish(mut self) -> Diagnostics {
        self.found.sort_by(Diagnostic::sort_key);
        Diagnostics(self.found)
    }

    fn report(
        &mut self,
        severity: Severity,
        location: Option<Location>,
        subject: Subject,
        message: String,
    ) -> &mut Diagnostic {
        let place = location.map(|it| self.place(it, subject.pointer));
        self.found.push(Diagnostic { severity, message, shape: subject.shape, place, hint: None });
        self.found.last_mut().expect("it was pushed just now")
    }

    fn place(&self, location: Location, pointer: String) -> Place {
        let source = &self.sources[location.source];
        let before = &source.json[..source.json.floor_char_boundary(location.offset)];
        let line_start = before.rfind('\n').map_or(0, |it| it + 1);
        let rest = &source.json[line_start..];
        Place {
            path: source.path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            pointer,
            text: rest.lines().next().unwrap_or_default().to_owned(),
        }
    }
}

impl Diagnostic {
    /// Says what to do about it.
    pub fn hint(&mut self, hint: impl Into<String>) {
        self.hint = Some(hint.into());
    }
}

/// What a diagnostic is about: a shape or member, and the JSON pointer of the value.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// In Smithy's notation.
    pub shape: Option<String>,
    /// RFC 6901.
    pub pointer: String,
}

/// The closest of `candidates` to `text`, if one is close enough to be what was meant.
pub fn closest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = text.len() / 3 + 1;
    let distances = candidates.into_iter().map(|it| (distance(text, it, limit), it));
    distances.filter(|(distance, _)| *distance <= limit).min().map(|(_, it)| it)
}

/// How many letters must be changed, added or taken away; more than `limit` where that is certain.
fn distance(a: &str, b: &str, limit: usize) -> usize {
    if a.len().abs_diff(b.len()) > limit {
        return limit + 1;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(!x.eq_ignore_ascii_case(&y));
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
