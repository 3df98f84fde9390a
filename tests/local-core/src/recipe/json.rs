//! Documents in JSON.
//!
//! serde_json validates the whole text first, so that the reader of positions is simple.

use serde_json::{Deserializer, Value};

use super::{
    Position,
    diagnostic::Report,
    document::{Entry, Kind, MAX_DEPTH, Node, without_duplicates},
};
use crate::configuration::is_access_control;

/// Reads a document. Returns `None` after an error.
pub(super) fn parse(text: &str, report: &mut Report) -> Option<Node> {
    if let Err(error) = serde_json::from_str::<Value>(text) {
        report.error(position(text, &error), explanation(&error));
        return None;
    }
    let position = Position { line: 1, column: 1 };
    let mut reader = Reader { rest: text, position, is_policy: false, report };
    reader.skip_punctuation();
    reader.value(0)
}

/// The position of an error, whose column is in bytes.
fn position(text: &str, error: &serde_json::Error) -> Position {
    let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
    let before = line.char_indices().filter(|(at, _)| at + 1 < error.column());
    Position { line: error.line(), column: before.count() + 1 }
}

/// The message of an error, and what to write.
fn explanation(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(&*message, |it| it.0);
    let advice = [
        ("EOF", "the file ends before the last bracket is closed"),
        ("trailing comma", "remove the last comma"),
        ("key must be a string", "keys are in double quotes, and JSON has no comments"),
        ("expected `,`", "is a comma missing before this?"),
        ("trailing characters", "remove what follows the last bracket"),
        ("control character", "write a line break in a string as \\n"),
        ("escape", "write a backslash in a string as \\\\"),
        ("recursion", "is a bracket missing?"),
        ("expected value", "strings are in double quotes, and JSON has no comments"),
    ];
    match advice.iter().find(|(found, _)| message.contains(found)) {
        Some((_, advice)) => format!("not JSON: {message}; {advice}"),
        None => format!("not JSON: {message}"),
    }
}

/// A reader of valid JSON.
struct Reader<'t, 'r> {
    rest: &'t str,
    /// The position of the first character of `rest`.
    position: Position,
    /// Whether it is in an `accessControl`.
    is_policy: bool,
    report: &'r mut Report,
}

impl Reader<'_, '_> {
    fn value(&mut self, depth: usize) -> Option<Node> {
        let position = self.position;
        if depth == MAX_DEPTH {
            self.report.error(position, format!("nested deeper than {MAX_DEPTH} levels"));
            return None;
        }
        let kind = match self.rest.as_bytes().first()? {
            b'[' => {
                self.advance(1);
                let mut items = Vec::new();
                while !self.is_end(b']') {
                    items.push(self.value(depth + 1)?);
                }
                Kind::List(items)
            }
            b'{' => {
                self.advance(1);
                let mut entries = Vec::new();
                while !self.is_end(b'}') {
                    let position = self.position;
                    let key = self.scalar()?.as_str()?.to_owned();
                    self.skip_punctuation();
                    let is_policy = self.is_policy;
                    self.is_policy |= is_access_control(&key);
                    entries.push(Entry { key, position, value: self.value(depth + 1)? });
                    self.is_policy = is_policy;
                }
                Kind::Object(without_duplicates(entries, self.is_policy, self.report))
            }
            _ => Kind::Scalar(self.scalar()?),
        };
        Some(Node { position, kind })
    }

    /// Moves to the next item of a list or object; whether there is none.
    fn is_end(&mut self, bracket: u8) -> bool {
        self.skip_punctuation();
        let is_end = self.rest.as_bytes().first().is_none_or(|it| *it == bracket);
        if is_end {
            self.advance(1);
        }
        is_end
    }

    fn scalar(&mut self) -> Option<Value> {
        let mut values = Deserializer::from_str(self.rest).into_iter();
        let value = values.next()?.ok()?;
        let length = values.byte_offset();
        self.advance(length);
        Some(value)
    }

    fn skip_punctuation(&mut self) {
        let is_skipped = |it: char| it.is_ascii_whitespace() || it == ',' || it == ':';
        self.advance(self.rest.len() - self.rest.trim_start_matches(is_skipped).len());
    }

    fn advance(&mut self, length: usize) {
        let (passed, rest) = self.rest.split_at(length.min(self.rest.len()));
        for character in passed.chars() {
            if character == '\n' {
                self.position = Position { line: self.position.line + 1, column: 1 };
            } else {
                self.position.column += 1;
            }
        }
        self.rest = rest;
    }
}
