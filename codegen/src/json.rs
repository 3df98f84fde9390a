//! JSON whose values know where they stand in the source.
//!
//! serde_json does the reading. An object is read into pairs of a key and the raw text of its value, and
//! since that text is a slice of the source, its address gives its offset. So duplicate keys can be
//! found, order is kept, and numbers keep their own text.

use std::borrow::Cow;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

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
    /// Offset of the key in bytes; of the value where the key is written with escapes.
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
        let raw: &RawValue =
            serde_json::from_str(text).map_err(|error| Error::new(&error, text, base))?;
        Reader { source }.value(raw, 0)
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

struct Reader<'a> {
    source: &'a str,
}

impl<'a> Reader<'a> {
    /// Where in the source `slice` is; `None` if it is not a part of it.
    fn offset(&self, slice: &str) -> Option<usize> {
        let offset = slice.as_ptr().addr().checked_sub(self.source.as_ptr().addr())?;
        (offset <= self.source.len()).then_some(offset)
    }

    fn value(&self, raw: &'a RawValue, depth: usize) -> Result<Value<'a>, Error> {
        let text = raw.get();
        let offset = self.offset(text).unwrap_or_default();
        if depth == MAX_DEPTH {
            return Err(Error {
                offset,
                message: format!("nested deeper than {MAX_DEPTH} levels"),
            });
        }
        let fail = |error: serde_json::Error| Error::new(&error, text, offset);
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let kind = match text.as_bytes().first() {
            Some(b'{') => {
                let entries = deserializer.deserialize_map(Entries).map_err(fail)?;
                let entries = entries.into_iter().map(|(key, raw)| {
                    let value = self.value(raw, depth + 1)?;
                    let offset = match &key {
                        // The opening quote is part of the place.
                        Cow::Borrowed(key) => self.offset(key).map(|it| it - 1),
                        Cow::Owned(_) => None,
                    };
                    Ok(Entry { key, offset: offset.unwrap_or(value.offset), value })
                });
                Kind::Object(entries.collect::<Result<_, Error>>()?)
            }
            Some(b'[') => {
                let elements = deserializer.deserialize_seq(Elements).map_err(fail)?;
                let elements = elements.into_iter().map(|raw| self.value(raw, depth + 1));
                Kind::Array(elements.collect::<Result<_, _>>()?)
            }
            Some(b'"') => Kind::String(deserializer.deserialize_str(Text).map_err(fail)?),
            Some(b't') => Kind::Bool(true),
            Some(b'f') => Kind::Bool(false),
            Some(b'n') => Kind::Null,
            _ => Kind::Number(text),
        };
        Ok(Value { offset, kind })
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key_seed(Text)? {
            entries.push((key, map.next_value()?));
        }
        Ok(entries)
    }
}

struct Elements;

impl<'de> Visitor<'de> for Elements {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            elements.push(element);
        }
        Ok(elements)
    }
}

/// A text that borrows from the source where it is written without escapes.
struct Text;

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

impl<'de> serde::de::DeserializeSeed<'de> for Text {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_where_they_stand() {
        let source = "{\n  \"a\": [1, \"x\"],\n  \"\\u0062\": {\"c\": null}}";
        let value = Value::parse(source).unwrap();
        let entries = value.as_object().unwrap();
        assert_eq!(&source[entries[0].offset..][..3], "\"a\"");
        let Kind::Array(elements) = &entries[0].value.kind else { panic!("an array") };
        assert_eq!(&source[elements[1].offset..][..3], "\"x\"");
        assert_eq!((&*entries[1].key, entries[1].offset), ("b", entries[1].value.offset));
        let inner = entries[1].value.as_object().unwrap();
        assert_eq!(&source[inner[0].value.offset..][..4], "null");
    }

    #[test]
    fn keeps_duplicates_order_and_large_numbers() {
        let value =
            Value::parse(r#"{"b": 1e400, "a": 2, "b": 123456789012345678901234567890}"#).unwrap();
        let entries = value.as_object().unwrap();
        let keys: Vec<_> = entries.iter().map(|it| &*it.key).collect();
        assert_eq!(keys, ["b", "a", "b"]);
        assert!(matches!(entries[2].value.kind, Kind::Number("123456789012345678901234567890")));
    }

    #[test]
    fn errors_have_a_place() {
        for (source, offset) in
            [("", 0), ("{\n\"a\": 1,\n}", 10), ("{\"a\": \"\\ud800\"}", 13), ("[1] 2", 4)]
        {
            assert_eq!(Value::parse(source).unwrap_err().offset, offset, "{source}");
        }
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert!(Value::parse(&deep).unwrap_err().message.contains("nested deeper"));
    }
}
