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

/// Looks up places in one pass over each source.
pub(super) struct Places<'a> {
    sources: &'a [Source<'a>],
    current: Option<(usize, Cursor<'a>)>,
}

impl<'a> Places<'a> {
    pub(super) fn new(sources: &'a [Source<'a>]) -> Self {
        Self { sources, current: None }
    }

    /// The place, and the shape or member there. A location must not be before the last one.
    pub(super) fn look_up(&mut self, location: Location) -> (Place, Option<String>) {
        let known = self.current.take().filter(|it| it.0 == location.source);
        let cursor = known.map(|it| it.1);
        let mut cursor = cursor.unwrap_or_else(|| Cursor::new(&self.sources[location.source]));
        cursor.advance(location.offset);
        let path = cursor.json.as_ref().map(|it| path(it, location.offset)).unwrap_or_default();
        let place = cursor.place(&path);
        self.current = Some((location.source, cursor));
        (place, shape(&path))
    }
}

/// A position in a source.
struct Cursor<'a> {
    source: &'a Source<'a>,
    /// `None` if the source is not JSON.
    json: Option<Value>,
    offset: usize,
    line: usize,
    line_start: usize,
    column: usize,
}

impl<'a> Cursor<'a> {
    fn new(source: &'a Source<'a>) -> Self {
        let json = Value::parse(0, source.json).ok();
        // A byte order mark takes no column.
        let start = source.json.len() - source.json.trim_start_matches('\u{feff}').len();
        Self { source, json, offset: start, line: 1, line_start: start, column: 1 }
    }

    fn advance(&mut self, offset: usize) {
        let text = self.source.json;
        let mut boundaries = (self.offset..=offset.min(text.len())).rev();
        let boundary = boundaries.find(|it| text.is_char_boundary(*it));
        let offset = boundary.unwrap_or(self.offset);
        for line in text[self.offset..offset].split_inclusive('\n') {
            self.column += line.chars().count();
            self.offset += line.len();
            if line.ends_with('\n') {
                (self.line, self.column) = (self.line + 1, 1);
                self.line_start = self.offset;
            }
        }
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
fn path(root: &Value, offset: usize) -> Vec<String> {
    let mut path = Vec::new();
    let mut value = root;
    while value.at.offset < offset {
        let next = match &value.kind {
            Kind::Object(entries) => {
                let index = entries.partition_point(|it| it.at.offset <= offset);
                let Some(entry) = index.checked_sub(1).map(|it| &entries[it]) else { break };
                path.push(entry.key.to_string());
                &entry.value
            }
            Kind::Array(elements) => {
                let index = elements.partition_point(|it| it.at.offset <= offset);
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
