//! Documents in JSON.

use jsonc_parser::{
    ParseOptions, ast,
    common::{Range, Ranged},
};
use serde_json::Value;

use super::{
    Position,
    diagnostic::Report,
    document::{Entry, Kind, MAX_DEPTH, Node, without_duplicates},
};

/// Reads a document. Returns `None` after an error.
pub(super) fn parse(text: &str, report: &mut Report) -> Option<Node> {
    let mut cursor = Cursor { text, offset: 0, position: Position { line: 1, column: 1 } };
    let parsed = jsonc_parser::parse_to_ast(text, &Default::default(), &strict());
    let value = match parsed {
        Ok(parsed) => parsed.value,
        Err(error) => {
            let position = cursor.at(error.range());
            report.error(position, format!("not JSON: {}", explanation(&error.kind().to_string())));
            return None;
        }
    };
    // The parser accepts some texts that are not JSON, even with strict options.
    if let Err(error) = serde_json::from_str::<Value>(text) {
        let position = Position { line: error.line().max(1), column: error.column().max(1) };
        let message = error.to_string();
        let message = message.rsplit_once(" at line ").map_or(&*message, |it| it.0);
        report.error(position, format!("not JSON: {message}"));
        return None;
    }
    convert(&value?, 0, &mut cursor, report)
}

fn strict() -> ParseOptions {
    ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

/// Adds what to write to a message of the parser.
fn explanation(message: &str) -> String {
    let advice = [
        ("Comments", "remove the comment, or write the recipe in YAML"),
        ("Trailing commas", "remove the last comma"),
        ("comma", "write a comma between members"),
        ("ingle-quoted", "use double quotes"),
        ("Unterminated", "a bracket is not closed"),
        ("word", "strings and keys are in double quotes"),
        ("string literal", "strings are in double quotes and have no line breaks"),
    ];
    let advice = advice.iter().find(|(found, _)| message.contains(found));
    match advice {
        Some((_, advice)) => format!("{message}; {advice}"),
        None => message.to_owned(),
    }
}

fn convert(
    value: &ast::Value<'_>,
    depth: usize,
    cursor: &mut Cursor<'_>,
    report: &mut Report,
) -> Option<Node> {
    let position = cursor.at(value.range());
    if depth == MAX_DEPTH {
        report.error(position, format!("nested deeper than {MAX_DEPTH} levels"));
        return None;
    }
    let kind = match value {
        ast::Value::Array(array) => {
            let items = array.elements.iter();
            let items = items.map(|it| convert(it, depth + 1, cursor, report));
            Kind::List(items.collect::<Option<_>>()?)
        }
        ast::Value::Object(object) => {
            let mut entries = Vec::new();
            for property in &object.properties {
                let position = cursor.at(property.range());
                let key = property.name.as_str().to_owned();
                let value = convert(&property.value, depth + 1, cursor, report)?;
                entries.push(Entry { key, position, value });
            }
            Kind::Object(without_duplicates(entries, report))
        }
        ast::Value::StringLit(text) => Kind::Scalar(text.value.as_ref().into()),
        ast::Value::BooleanLit(literal) => Kind::Scalar(literal.value.into()),
        ast::Value::NullKeyword(_) => Kind::Scalar(Value::Null),
        ast::Value::NumberLit(number) => Kind::Scalar(serde_json::from_str(number.value).ok()?),
    };
    Some(Node { position, kind })
}

/// Converts increasing offsets to positions, in linear time for the whole text.
struct Cursor<'t> {
    text: &'t str,
    offset: usize,
    position: Position,
}

impl Cursor<'_> {
    fn at(&mut self, range: Range) -> Position {
        let end = range.start.min(self.text.len());
        for character in self.text.get(self.offset..end).unwrap_or_default().chars() {
            if character == '\n' {
                self.position = Position { line: self.position.line + 1, column: 1 };
            } else {
                self.position.column += 1;
            }
        }
        self.offset = self.offset.max(end);
        self.position
    }
}
