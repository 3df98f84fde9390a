//! JSON values with their location in the source.
//!
//! serde_json validates the text first, which keeps the reader simple. Duplicate keys, the order of keys and the text
//! of numbers are kept.

use serde::de::IgnoredAny;

/// How deep values may be nested, because reading is recursive. Models need about ten levels.
const MAX_DEPTH: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    pub source: usize,
    /// The offset of the first byte of a key or value.
    pub offset: usize,
}

/// A value with the location of its first byte.
#[derive(Clone, Debug)]
pub struct Value {
    pub at: Location,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Null,
    Bool(bool),
    /// The text of the number, so that none is too large.
    Number(String),
    String(String),
    Array(Vec<Value>),
    /// The entries in order. Keys may occur twice.
    Object(Vec<Entry>),
}

/// A member of an object, with the location of its key.
#[derive(Clone, Debug)]
pub struct Entry {
    pub key: String,
    pub at: Location,
    pub value: Value,
}

#[derive(Debug)]
pub struct Error {
    pub at: Location,
    pub message: String,
}

impl Value {
    /// Reads a whole source. A byte order mark, which some editors write, is skipped.
    pub fn parse(source: usize, json: &str) -> Result<Self, Error> {
        let text = json.strip_prefix('\u{feff}').unwrap_or(json);
        let start = Location { source, offset: json.len() - text.len() };
        serde_json::from_str::<IgnoredAny>(text)
            .map_err(|error| Error::new(&error, text, start))?;
        Reader { json, at: start }.value(0)
    }

    /// The kind for messages such as "expected an object, found a number".
    pub fn describe(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Bool(_) => "a boolean",
            Kind::Number(_) => "a number",
            Kind::String(_) => "a string",
            Kind::Array(_) => "an array",
            Kind::Object(_) => "an object",
        }
    }

    pub fn as_object(&self) -> Option<&[Entry]> {
        if let Kind::Object(entries) = &self.kind { Some(entries) } else { None }
    }

    pub fn as_str(&self) -> Option<&str> {
        if let Kind::String(text) = &self.kind { Some(text) } else { None }
    }

    pub fn as_array(&self) -> Option<&[Self]> {
        if let Kind::Array(elements) = &self.kind { Some(elements) } else { None }
    }

    /// The first entry with this key, if the value is an object that has one.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.as_object()?.iter().find(|it| it.key == key)
    }

    pub fn get(&self, key: &str) -> Option<&Self> {
        Some(&self.entry(key)?.value)
    }

    pub fn empty_object(at: Location) -> Self {
        Self { at, kind: Kind::Object(Vec::new()) }
    }
}

/// Equality ignores locations and the order of keys.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Object(a), Kind::Object(b)) => {
                let (mut a, mut b): (Vec<_>, Vec<_>) = (a.iter().collect(), b.iter().collect());
                a.sort_by_key(|it| &it.key);
                b.sort_by_key(|it| &it.key);
                a == b
            }
            (a, b) => a == b,
        }
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.value == other.value
    }
}

impl Error {
    pub fn hint(&self) -> &'static str {
        let causes = [
            ("EOF", "the file ends before the last bracket is closed"),
            ("trailing comma", "remove the last comma"),
            ("key must be a string", "put the key in quotes, or remove the last comma"),
            ("expected `,`", "is a comma missing before this?"),
            ("trailing characters", "remove what follows the last bracket"),
            ("control character", "write a line break in a string as \\n"),
            ("escape", "write a backslash in a string as \\\\"),
            ("nested", "no model needs this depth: is a bracket missing?"),
        ];
        let cause = causes.iter().find(|(cause, _)| self.message.contains(cause));
        cause.map_or("JSON has no comments, and strings are in double quotes", |(_, hint)| hint)
    }

    /// Converts an error of serde_json about a text that begins at `start`.
    fn new(error: &serde_json::Error, text: &str, start: Location) -> Self {
        let message = error.to_string();
        let message = message.rsplit_once(" at line ").map_or(&*message, |it| it.0).to_owned();
        let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
        let offset = lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
        let offset = start.offset + offset.min(text.len());
        Self { at: Location { offset, ..start }, message }
    }
}

type Read<T> = Result<T, Error>;

struct Reader<'a> {
    json: &'a str,
    at: Location,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Read<Value> {
        self.skip(|it| it.is_ascii_whitespace());
        let at = self.at;
        if depth == MAX_DEPTH {
            return Err(Error { at, message: format!("nested deeper than {MAX_DEPTH} levels") });
        }
        let kind = match self.byte() {
            b'{' => Kind::Object(self.list(b'}', |reader| {
                let (at, key) = (reader.at, reader.string()?);
                reader.skip(|it| it.is_ascii_whitespace() || it == b':');
                Ok(Entry { key, at, value: reader.value(depth + 1)? })
            })?),
            b'[' => Kind::Array(self.list(b']', |reader| reader.value(depth + 1))?),
            b'"' => Kind::String(self.string()?),
            _ => {
                self.skip(|it| !it.is_ascii_whitespace() && !b",]}".contains(&it));
                match &self.json[at.offset..self.at.offset] {
                    "null" => Kind::Null,
                    "true" => Kind::Bool(true),
                    "false" => Kind::Bool(false),
                    number => Kind::Number(number.to_owned()),
                }
            }
        };
        Ok(Value { at, kind })
    }

    /// The elements or entries up to the closing bracket.
    fn list<T>(&mut self, end: u8, item: impl Fn(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let mut items = Vec::new();
        self.at.offset += 1;
        loop {
            self.skip(|it| it.is_ascii_whitespace() || it == b',');
            if self.byte() == end {
                self.at.offset += 1;
                return Ok(items);
            }
            items.push(item(self)?);
        }
    }

    fn string(&mut self) -> Read<String> {
        let start = self.at;
        self.at.offset += 1;
        self.skip(|it| it != b'"' && it != b'\\');
        let is_plain = self.byte() == b'"';
        while self.byte() == b'\\' {
            self.at.offset += 2;
            self.skip(|it| it != b'"' && it != b'\\');
        }
        self.at.offset += 1;
        let text = &self.json[start.offset..self.at.offset];
        if is_plain {
            Ok(text[1..text.len() - 1].to_owned())
        } else {
            serde_json::from_str(text).map_err(|error| Error::new(&error, text, start))
        }
    }

    fn skip(&mut self, is_skipped: impl Fn(u8) -> bool) {
        let rest = &self.json.as_bytes()[self.at.offset..];
        self.at.offset += rest.iter().position(|it| !is_skipped(*it)).unwrap_or(rest.len());
    }

    fn byte(&self) -> u8 {
        self.json.as_bytes().get(self.at.offset).copied().unwrap_or_default()
    }
}
