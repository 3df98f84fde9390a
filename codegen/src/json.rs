//! JSON whose values know where they are in the source.
//!
//! serde_json checks the text first, so that reading it can be simple. Duplicate keys and the order of keys are
//! kept, and numbers keep their own text.

use std::borrow::Cow;

use serde::de::IgnoredAny;

/// How deep values may be nested. Reading recurses, and a model needs about ten levels.
const MAX_DEPTH: usize = 100;

/// A JSON value and the offset of its first byte in the source.
#[derive(Clone, Debug)]
pub struct Value<'a> {
    /// Offset in bytes.
    pub offset: usize,
    /// What it is.
    pub kind: Kind<'a>,
}

/// A JSON value.
#[derive(Clone, Debug)]
pub enum Kind<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as it is written, so that none is too large.
    Number(&'a str),
    /// A text.
    String(Cow<'a, str>),
    /// Values in order.
    Array(Vec<Value<'a>>),
    /// Members in order; a key may occur twice.
    Object(Vec<Entry<'a>>),
}

/// A member of an object.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// The key.
    pub key: Cow<'a, str>,
    /// Offset of the key in bytes.
    pub offset: usize,
    /// The value.
    pub value: Value<'a>,
}

/// What is wrong with a text that is not JSON.
#[derive(Debug)]
pub struct Error {
    /// Offset in bytes.
    pub offset: usize,
    /// What is wrong, without a place.
    pub message: String,
}

impl<'a> Value<'a> {
    /// Reads a whole text. A byte order mark at its start is skipped: some editors put one there.
    pub fn parse(source: &'a str) -> Result<Self, Error> {
        let text = source.strip_prefix('\u{feff}').unwrap_or(source);
        let base = source.len() - text.len();
        serde_json::from_str::<IgnoredAny>(text).map_err(|error| Error::new(&error, text, base))?;
        Reader { source, at: base }.value(0)
    }

    /// The kind in words, as in "expected an object, found a number".
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

    /// The members, if it is an object.
    pub fn as_object(&self) -> Option<&[Entry<'a>]> {
        match &self.kind {
            Kind::Object(entries) => Some(entries),
            _ => None,
        }
    }

    /// The text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        match &self.kind {
            Kind::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The member with this key, if it is an object that has one; the first, if it has several.
    pub fn get(&self, key: &str) -> Option<&Entry<'a>> {
        self.as_object()?.iter().find(|it| it.key == key)
    }

    /// Whether both are the same JSON value, wherever they stand. The order of keys means nothing.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Null, Kind::Null) => true,
            (Kind::Bool(a), Kind::Bool(b)) => a == b,
            (Kind::Number(a), Kind::Number(b)) => a == b,
            (Kind::String(a), Kind::String(b)) => a == b,
            (Kind::Array(a), Kind::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_same(b))
            }
            (Kind::Object(a), Kind::Object(b)) => {
                let (a, b) = (sorted(a), sorted(b));
                let is_same = |(a, b): (&&Entry<'_>, &&Entry<'_>)| {
                    a.key == b.key && a.value.is_same(&b.value)
                };
                a.len() == b.len() && a.iter().zip(&b).all(is_same)
            }
            _ => false,
        }
    }
}

fn sorted<'v, 'a>(entries: &'v [Entry<'a>]) -> Vec<&'v Entry<'a>> {
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    entries
}

impl Error {
    /// What to look for.
    pub fn hint(&self) -> &'static str {
        let causes = [
            ("EOF", "the file ends before its last bracket is closed"),
            ("trailing comma", "take the last comma away"),
            ("key must be a string", "put the key in quotes, or take the last comma away"),
            ("expected `,`", "is a comma missing before this?"),
            ("trailing characters", "take away what follows the last bracket"),
            ("control character", "write a line break in a text as \\n"),
            ("escape", "write a backslash in a text as \\\\"),
            ("nested", "no model needs this: is a bracket missing?"),
        ];
        let cause = causes.iter().find(|(cause, _)| self.message.contains(cause));
        cause.map_or("JSON has no comments, and texts stand in double quotes", |(_, hint)| hint)
    }

    fn new(error: &serde_json::Error, text: &str, base: usize) -> Self {
        let message = error.to_string();
        let message = match message.rfind(" at line ") {
            Some(end) => message[..end].to_owned(),
            None => message,
        };
        let line_start: usize =
            text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        let offset = line_start + error.column().saturating_sub(1);
        Self { offset: base + offset.min(text.len()), message }
    }
}

/// Reads a text that is JSON.
struct Reader<'a> {
    source: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value<'a>, Error> {
        self.skip(|it| it.is_ascii_whitespace());
        let offset = self.at;
        if depth == MAX_DEPTH {
            let message = format!("nested deeper than {MAX_DEPTH} levels");
            return Err(Error { offset, message });
        }
        let kind = match self.byte() {
            b'{' => Kind::Object(self.list(b'}', |reader| reader.entry(depth + 1))?),
            b'[' => Kind::Array(self.list(b']', |reader| reader.value(depth + 1))?),
            b'"' => Kind::String(self.string()?),
            _ => {
                self.skip(|it| !it.is_ascii_whitespace() && !b",]}".contains(&it));
                match &self.source[offset..self.at] {
                    "null" => Kind::Null,
                    "true" => Kind::Bool(true),
                    "false" => Kind::Bool(false),
                    number => Kind::Number(number),
                }
            }
        };
        Ok(Value { offset, kind })
    }

    fn entry(&mut self, depth: usize) -> Result<Entry<'a>, Error> {
        let (offset, key) = (self.at, self.string()?);
        self.skip(|it| it.is_ascii_whitespace() || it == b':');
        Ok(Entry { key, offset, value: self.value(depth)? })
    }

    /// The elements or entries as far as the closing bracket.
    fn list<T>(
        &mut self,
        end: u8,
        item: impl Fn(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut items = Vec::new();
        self.at += 1;
        loop {
            self.skip(|it| it.is_ascii_whitespace() || it == b',');
            if self.byte() == end {
                self.at += 1;
                return Ok(items);
            }
            items.push(item(self)?);
        }
    }

    /// A string, which borrows from the source if it has no escapes.
    fn string(&mut self) -> Result<Cow<'a, str>, Error> {
        let start = self.at;
        self.at += 1;
        self.skip(|it| it != b'"' && it != b'\\');
        let is_plain = self.byte() == b'"';
        while self.byte() == b'\\' {
            self.at += 2;
            self.skip(|it| it != b'"' && it != b'\\');
        }
        self.at += 1;
        let text = &self.source[start..self.at];
        match is_plain {
            true => Ok(Cow::Borrowed(&text[1..text.len() - 1])),
            false => serde_json::from_str(text).map_err(|error| Error::new(&error, text, start)),
        }
    }

    fn skip(&mut self, is_skipped: impl Fn(u8) -> bool) {
        let rest = &self.source.as_bytes()[self.at..];
        self.at += rest.iter().position(|it| !is_skipped(*it)).unwrap_or(rest.len());
    }

    fn byte(&self) -> u8 {
        self.source.as_bytes().get(self.at).copied().unwrap_or_default()
    }
}
