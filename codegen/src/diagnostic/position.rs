//! Conversion of a byte offset to line, column, JSON pointer and shape.

use super::Color;
use crate::{
    Source,
    json::{Kind, Value},
};

/// How many characters of a line are shown. A model can be a single line of megabytes.
const WIDTH: usize = 120;

/// How many of them precede the position, if the start of the line is too far away.
const BEFORE: usize = 60;

/// A position in a model file.
#[derive(Clone, Debug)]
pub struct Position {
    /// The file.
    pub path: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// The JSON pointer (RFC 6901) of the value; empty for the whole file.
    pub pointer: String,
    /// The part of the line around the position.
    pub excerpt: String,
    /// How many characters of the excerpt precede the position.
    pub indent: usize,
}

impl Position {
    pub(super) fn render(&self, color: Color, code: &str) -> String {
        let Self { path, line, column, pointer, excerpt, indent } = self;
        let margin = " ".repeat(line.to_string().len());
        let [bar, arrow, equals] = ["|", "-->", "="].map(|it| color.paint("1;34", it));
        let (number, caret) = (color.paint("1;34", &line.to_string()), color.paint(code, "^"));
        let mut text = format!("{margin}{arrow} {path}:{line}:{column}\n{margin} {bar}\n");
        text += &format!("{number} {bar} {excerpt}\n{margin} {bar} {:indent$}{caret}\n", "");
        if !pointer.is_empty() {
            text += &format!("{margin} {equals} at {pointer}\n");
        }
        text
    }
}

/// A cursor that moves through a source once. Offsets must be looked up in ascending order.
pub(super) struct Cursor<'a> {
    source: &'a Source<'a>,
    /// `None` if the source is not JSON.
    json: Option<Value>,
    offset: usize,
    line: usize,
    column: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(source: &'a Source<'a>) -> Self {
        let json = Value::parse(0, source.json).ok();
        // A byte order mark is not a column.
        let offset = source.json.len() - source.json.trim_start_matches('\u{feff}').len();
        Self { source, json, offset, line: 1, column: 1 }
    }

    /// The position of an offset, and the shape or member there.
    pub(super) fn look_up(&mut self, offset: usize) -> (Position, Option<String>) {
        self.advance(offset);
        let path = self.json.as_ref().map(|it| path(it, offset)).unwrap_or_default();
        (self.position(&path), shape(&path))
    }

    fn advance(&mut self, offset: usize) {
        let text = self.source.json;
        let mut boundaries = (self.offset..=offset.min(text.len())).rev();
        let offset = boundaries.find(|it| text.is_char_boundary(*it)).unwrap_or(self.offset);
        for line in text[self.offset..offset].split_inclusive('\n') {
            if line.ends_with('\n') {
                (self.line, self.column) = (self.line + 1, 1)
            } else {
                self.column += line.chars().count()
            }
        }
        self.offset = offset;
    }

    fn position(&self, path: &[String]) -> Position {
        let (before, after) = self.source.json.split_at(self.offset);
        let shown = if self.column <= WIDTH - BEFORE / 2 { WIDTH } else { BEFORE };
        let before: Vec<char> = before.chars().rev().take(shown.min(self.column - 1)).collect();
        let after = after.chars().take_while(|it| !matches!(it, '\n' | '\r'));
        let excerpt = before.iter().rev().copied().chain(after).take(WIDTH);
        let escaped = path.iter().map(|it| it.replace('~', "~0").replace('/', "~1"));
        Position {
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
    let (mut path, mut value) = (Vec::new(), root);
    while value.at.offset < offset {
        let (key, next) = match &value.kind {
            Kind::Object(entries) => {
                let index = entries.partition_point(|it| it.at.offset <= offset);
                let Some(entry) = index.checked_sub(1).map(|it| &entries[it]) else { break };
                (entry.key.clone(), &entry.value)
            }
            Kind::Array(elements) => {
                let index = elements.partition_point(|it| it.at.offset <= offset);
                let Some(index) = index.checked_sub(1) else { break };
                (index.to_string(), &elements[index])
            }
            _ => break,
        };
        path.push(key);
        value = next;
    }
    path
}

/// The shape or member to which a path leads, in Smithy's notation.
fn shape(path: &[String]) -> Option<String> {
    let [shapes, id, rest @ ..] = path else { return None };
    let member = match rest {
        [members, member, ..] if members == "members" => format!("${member}"),
        [member, ..] if ["member", "key", "value"].contains(&&**member) => format!("${member}"),
        _ => String::new(),
    };
    (shapes == "shapes").then(|| format!("{id}{member}"))
}
