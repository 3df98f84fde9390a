//! From an offset to what people look for: line, column, JSON pointer and shape.

use super::{Color, Location};
use crate::{
    Source,
    json::{Kind, Value},
};

/// How many characters of a line are shown. A model can be one line of megabytes.
const WIDTH: usize = 120;

/// How many of them stand before the place, if the line's beginning is too far away to be shown.
const BEFORE: usize = 60;

/// A place in a model file.
#[derive(Clone, Debug)]
pub struct Place {
    /// The file.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// JSON pointer (RFC 6901) of the value; empty for the whole file.
    pub pointer: String,
    /// What surrounds the place on its line.
    pub excerpt: String,
    /// How many characters of the excerpt stand before the place.
    pub indent: usize,
}

impl Place {
    pub(super) fn render(&self, color: Color, code: &str, text: &mut String) {
        let margin = " ".repeat(self.line.to_string().len());
        let bar = color.paint("1;34", "|");
        let arrow = color.paint("1;34", "-->");
        let number = color.paint("1;34", &self.line.to_string());
        let caret = color.paint(code, "^");
        text.push_str(&format!("{margin}{arrow} {}:{}:{}\n", self.path, self.line, self.column));
        text.push_str(&format!("{margin} {bar}\n{number} {bar} {}\n", self.excerpt));
        text.push_str(&format!("{margin} {bar} {}{caret}\n", " ".repeat(self.indent)));
        if !self.pointer.is_empty() {
            text.push_str(&format!("{margin} {} at {}\n", color.paint("1;34", "="), self.pointer));
        }
    }
}

/// A place, and the shape or member that stands there.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) place: Option<Place>,
    pub(super) shape: Option<String>,
}

/// Looks up many places in one pass over each source. The locations are sorted.
pub(super) fn look_up(
    sources: &[Source<'_>],
    locations: impl Iterator<Item = Option<Location>>,
) -> Vec<Found> {
    let mut current: Option<(usize, Cursor<'_>)> = None;
    locations
        .map(|location| {
            let Some(Location { source, offset }) = location else { return Found::default() };
            if current.as_ref().is_none_or(|(index, _)| *index != source) {
                current = Some((source, Cursor::new(&sources[source])));
            }
            let (_, cursor) = current.as_mut().expect("it was set just now");
            cursor.advance(offset);
            let path = cursor.json.as_ref().map(|it| path(it, offset)).unwrap_or_default();
            Found { place: Some(cursor.place(&path)), shape: shape(&path) }
        })
        .collect()
}

/// A reader's position in a source.
struct Cursor<'a> {
    source: &'a Source<'a>,
    /// `None` if the source is not JSON.
    json: Option<Value<'a>>,
    offset: usize,
    line: usize,
    line_start: usize,
    column: usize,
}

impl<'a> Cursor<'a> {
    fn new(source: &'a Source<'a>) -> Self {
        let json = Value::parse(source.json).ok();
        // A byte order mark takes no column.
        let start = source.json.len() - source.json.trim_start_matches('\u{feff}').len();
        Self { source, json, offset: start, line: 1, line_start: start, column: 1 }
    }

    fn advance(&mut self, offset: usize) {
        let offset = self.source.json.floor_char_boundary(offset).max(self.offset);
        for (index, char) in self.source.json[self.offset..offset].char_indices() {
            if char == '\n' {
                self.line += 1;
                self.line_start = self.offset + index + 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.offset = offset;
    }

    fn place(&self, path: &[String]) -> Place {
        let (before, after) = self.source.json.split_at(self.offset);
        let shown = if self.column <= WIDTH - BEFORE / 2 { WIDTH } else { BEFORE };
        let before: Vec<char> = before[self.line_start..].chars().rev().take(shown).collect();
        let rest = WIDTH - before.len();
        let after = after.chars().take_while(|it| !matches!(it, '\n' | '\r')).take(rest);
        let excerpt = before.iter().rev().copied().chain(after);
        let escaped = path.iter().map(|it| it.replace('~', "~0").replace('/', "~1"));
        Place {
            path: self.source.path.to_owned(),
            line: self.line,
            column: self.column,
            pointer: escaped.map(|it| format!("/{it}")).collect(),
            excerpt: excerpt.map(|it| if it.is_control() { ' ' } else { it }).collect(),
            indent: before.len(),
        }
    }
}

/// The keys and indices that lead to the key or value at an offset.
fn path(root: &Value<'_>, offset: usize) -> Vec<String> {
    let mut path = Vec::new();
    let mut value = root;
    while value.offset < offset {
        let next = match &value.kind {
            Kind::Object(entries) => {
                let index = entries.partition_point(|it| it.offset <= offset);
                let Some(entry) = index.checked_sub(1).map(|it| &entries[it]) else { break };
                path.push(entry.key.to_string());
                &entry.value
            }
            Kind::Array(elements) => {
                let index = elements.partition_point(|it| it.offset <= offset);
                let Some(index) = index.checked_sub(1) else { break };
                path.push(index.to_string());
                &elements[index]
            }
            _ => break,
        };
        value = next;
    }
    path
}

/// The shape or member to which a path leads, in Smithy's notation.
fn shape(path: &[String]) -> Option<String> {
    let [shapes, id, rest @ ..] = path else { return None };
    let member = match rest {
        [members, member, ..] if members == "members" => Some(member),
        [member, ..] if ["member", "key", "value"].contains(&&**member) => Some(member),
        _ => None,
    };
    (shapes == "shapes").then(|| match member {
        Some(member) => format!("{id}${member}"),
        None => id.clone(),
    })
}
