//! Documents in YAML, read as a nucleus does: plain scalars have the types that Jackson gives them.

use std::sync::LazyLock;

use regex::Regex;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};
use serde_json::{Number, Value};

use super::{
    Position,
    diagnostic::Report,
    document::{EMPTY, Entry, Kind, MAX_DEPTH, Node, without_duplicates},
};
use crate::configuration::is_access_control;

/// Reads a document. Returns `None` after an error.
pub(super) fn parse(text: &str, report: &mut Report) -> Option<Node> {
    let mut builder = Builder::default();
    let mut document = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let position = position(*error.marker());
                report.error(position, syntax_error(text, position, error.info()));
                return None;
            }
        };
        let position = position(span.start);
        if document.is_some() {
            if matches!(event, Event::DocumentStart(_)) {
                report.warning(position, "only the first document of a file is read");
                break;
            }
            continue;
        }
        match builder.event(event, position, report) {
            Ok(None) => {}
            Ok(Some(node)) => document = Some(node),
            Err(message) => {
                report.error(position, message);
                return None;
            }
        }
    }
    if document.is_none() {
        report.error(None, EMPTY);
    }
    document
}

fn position(marker: Marker) -> Position {
    Position { line: marker.line().max(1), column: marker.col() + 1 }
}

/// Builds a document from events, without recursion.
#[derive(Default)]
struct Builder {
    open: Vec<Open>,
}

/// A list or object whose end has not been read.
enum Open {
    List(Position, Vec<Node>),
    /// With the key whose value comes next.
    Object(Position, Vec<Entry>, Option<(String, Position)>),
}

impl Open {
    /// Whether the next value is an `accessControl`.
    fn is_access_control(&self) -> bool {
        matches!(self, Self::Object(_, _, Some((key, _))) if is_access_control(key))
    }
}

impl Builder {
    /// Adds an event. Returns the document at its end.
    fn event(
        &mut self,
        event: Event<'_>,
        position: Position,
        report: &mut Report,
    ) -> Result<Option<Node>, String> {
        let kind = match event {
            Event::Scalar(text, style, _, tag) => {
                if let Some(Open::Object(_, _, key @ None)) = self.open.last_mut() {
                    *key = Some((text.into_owned(), position));
                    return Ok(None);
                }
                Kind::Scalar(scalar(&text, style, tag.as_deref()))
            }
            Event::SequenceStart(..) => return self.open(Open::List(position, Vec::new())),
            Event::MappingStart(..) => {
                return self.open(Open::Object(position, Vec::new(), None));
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(position, items)) => {
                    return Ok(self.add(Node { position, kind: Kind::List(items) }));
                }
                Some(Open::Object(position, entries, _)) => {
                    let is_policy = self.open.iter().any(Open::is_access_control);
                    let kind = Kind::Object(without_duplicates(entries, is_policy, report));
                    return Ok(self.add(Node { position, kind }));
                }
                None => return Ok(None),
            },
            Event::Alias(_) => {
                let text = "aliases (*) are not supported, and a nucleus does not resolve them";
                return Err(format!("{text}; write the value again"));
            }
            _ => return Ok(None),
        };
        Ok(self.add(Node { position, kind }))
    }

    fn open(&mut self, open: Open) -> Result<Option<Node>, String> {
        if self.open.len() == MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH} levels"));
        }
        if matches!(self.open.last(), Some(Open::Object(_, _, None))) {
            return Err("a key must be a string; put it in quotes".to_owned());
        }
        self.open.push(open);
        Ok(None)
    }

    fn add(&mut self, node: Node) -> Option<Node> {
        match self.open.last_mut() {
            None => return Some(node),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Object(_, entries, key)) => {
                let key = key.take();
                entries.extend(key.map(|(key, position)| Entry { key, position, value: node }));
            }
        }
        None
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let is_text = tag.is_some_and(|it| it.handle == "!" || it.suffix == "str");
    if style == ScalarStyle::Plain && !is_text { plain(text) } else { text.into() }
}

/// The value of a scalar without quotes.
fn plain(text: &str) -> Value {
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^[-+]?[0-9][0-9_]*(\.[0-9]*([eE][-+][0-9]+)?)?$").expect("it is valid")
    });
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ if !NUMBER.is_match(text) => return text.into(),
        _ => {}
    }
    let digits = text.trim_start_matches('+').replace('_', "");
    let float = || digits.parse().ok().and_then(Number::from_f64);
    let number = match digits.parse::<i64>() {
        Ok(number) => Some(number.into()),
        Err(_) => digits.parse::<u64>().ok().map(Number::from).or_else(float),
    };
    number.map_or_else(|| text.into(), Value::Number)
}

/// The message for invalid YAML. Most often, a value that starts with a recipe variable is not in quotes.
fn syntax_error(text: &str, position: Position, message: &str) -> String {
    static VARIABLE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r#"^\s*(?:- +)*(?:[^\s"'#:]+ *: +)?(\{[\w.-]+(?::[^\s{}"']*)*\}\s*[^\s,\]}#].*)$"#,
        )
        .expect("it is valid")
    });
    // The error is at the variable, or at the first token after it.
    let lines = text.lines().take(position.line);
    let suspects = lines.skip(position.line.saturating_sub(3));
    let found = suspects.filter_map(|it| VARIABLE.captures(it)).last();
    match found.and_then(|it| it.get(1)) {
        Some(value) => {
            let value = value.as_str().trim_end();
            format!("not YAML: {message}; {{ starts an object, so quote the value: {value:?}")
        }
        None if text.lines().any(|it| it.trim_start_matches(' ').starts_with('\t')) => {
            format!("not YAML: {message}; indent with spaces, not with tabs")
        }
        None => match ADVICE.iter().find(|(part, _)| message.contains(part)) {
            Some((_, advice)) => format!("not YAML: {message}; {advice}"),
            None => format!("not YAML: {message}"),
        },
    }
}

/// What to do about an error of the parser, by a part of its message.
const ADVICE: [(&str, &str); 6] = [
    ("mapping values are not allowed", "quote a value that contains `: `, or write it below `|`"),
    ("anchor or alias", "quote a value that starts with * or &"),
    ("quoted scalar", "is the closing quote missing?"),
    ("unexpected character", "quote the value"),
    ("did not find expected key", "the keys of one object begin in the same column"),
    ("did not find expected '-'", "the items of one list begin in the same column"),
];
