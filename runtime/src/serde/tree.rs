//! JSON as a tree in which numbers keep their digits, and of duplicate members the last counts.

use std::collections::{BTreeMap, btree_map};

use serde::{
    Deserializer,
    de::{
        DeserializeSeed, Error as _, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor,
        value::StringDeserializer,
    },
    forward_to_deserialize_any,
};
use serde_json::{Error, Number};

use crate::primitives::NUMBER;

/// A JSON value.
#[derive(Debug)]
pub(super) enum Node<'p> {
    Null,
    Bool(bool),
    /// As it is written.
    Number(&'p str),
    String(String),
    Array(Vec<Node<'p>>),
    Object(BTreeMap<String, Node<'p>>),
}

/// How deep arrays and objects may be nested, as for serde_json.
const MAX_DEPTH: usize = 128;

impl<'p> Node<'p> {
    /// Reads a payload.
    pub(super) fn parse(payload: &'p [u8]) -> Result<Self, Error> {
        // What comes after this can rely on the text.
        serde_json::from_slice::<IgnoredAny>(payload)?;
        let text =
            str::from_utf8(payload).map_err(|_| Error::custom("invalid unicode code point"))?;
        Parser { text, at: 0 }.value(MAX_DEPTH)
    }
}

/// Reads text that is JSON for certain.
struct Parser<'p> {
    text: &'p str,
    at: usize,
}

impl<'p> Parser<'p> {
    /// The next byte that is no white space and, between values, no comma or colon.
    fn peek(&mut self) -> u8 {
        let rest = &self.text.as_bytes()[self.at..];
        let skipped = rest.iter().take_while(|it| b" \t\r\n,:".contains(it)).count();
        self.at += skipped;
        rest.get(skipped).copied().unwrap_or_default()
    }

    fn value(&mut self, depth: usize) -> Result<Node<'p>, Error> {
        let depth = depth.checked_sub(1).ok_or_else(|| Error::custom("recursion limit exceeded"));
        match self.peek() {
            b'{' => {
                let depth = depth?;
                self.at += 1;
                let mut members = BTreeMap::new();
                while self.peek() != b'}' {
                    let name = self.string()?;
                    members.insert(name, self.value(depth)?);
                }
                self.at += 1;
                Ok(Node::Object(members))
            }
            b'[' => {
                let depth = depth?;
                self.at += 1;
                let mut elements = Vec::new();
                while self.peek() != b']' {
                    elements.push(self.value(depth)?);
                }
                self.at += 1;
                Ok(Node::Array(elements))
            }
            b'"' => self.string().map(Node::String),
            _ => {
                let rest = &self.text[self.at..];
                let len = rest.find([',', '}', ']', ' ', '\t', '\r', '\n']).unwrap_or(rest.len());
                self.at += len;
                Ok(match &rest[..len] {
                    "null" => Node::Null,
                    "true" => Node::Bool(true),
                    "false" => Node::Bool(false),
                    number => Node::Number(number),
                })
            }
        }
    }

    fn string(&mut self) -> Result<String, Error> {
        let rest = &self.text[self.at..];
        let bytes = rest.as_bytes();
        let mut len = 1;
        while bytes[len] != b'"' {
            len += if bytes[len] == b'\\' { 2 } else { 1 };
        }
        len += 1;
        self.at += len;
        serde_json::from_str(&rest[..len])
    }
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(value) => visitor.visit_bool(value),
            Self::Number(text) => serde_json::from_str::<Number>(text)?.deserialize_any(visitor),
            Self::String(text) => visitor.visit_string(text),
            Self::Array(elements) => visitor.visit_seq(Elements(elements.into_iter())),
            Self::Object(members) => {
                visitor.visit_map(Members { members: members.into_iter(), value: None })
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Null => visitor.visit_none(),
            value => visitor.visit_some(value),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Self::Number(text) if name == NUMBER => visitor.visit_str(text),
            value if name == NUMBER => value.deserialize_any(visitor),
            value => visitor.visit_newtype_struct(value),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Elements<'p>(std::vec::IntoIter<Node<'p>>);

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        self.0.next().map(|it| seed.deserialize(it)).transpose()
    }
}

struct Members<'p> {
    members: btree_map::IntoIter<String, Node<'p>>,
    value: Option<Node<'p>>,
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let Some((name, value)) = self.members.next() else { return Ok(None) };
        self.value = Some(value);
        let name: StringDeserializer<Error> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        match self.value.take() {
            Some(value) => seed.deserialize(value),
            None => Err(Error::custom("a value without a name")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;

    #[track_caller]
    fn check(json: &str) {
        let node = Node::parse(json.as_bytes()).unwrap();
        assert_eq!(Value::deserialize(node).unwrap(), serde_json::from_str::<Value>(json).unwrap());
    }

    #[test]
    fn reads_the_same_values_as_serde_json() {
        for json in [
            "null",
            " true ",
            "-12",
            "1.5e3",
            "18446744073709551615",
            r#""a \" \\ ü \u00e4 \ud83d\ude00 , ] }""#,
            "[]",
            "{}",
            "[1,[ ],{ } , \"x\" ,null]",
            "{\"a\" : {\"b\":[false,{\"c\": -0.5}]} ,\n\t\"d\\\"\":\"\"}",
            r#"{"a": 1, "a": [2], "b": 3, "a": "last"}"#,
        ] {
            check(json);
        }
    }

    #[test]
    fn refuses_what_serde_json_refuses() {
        for json in ["", "[1,", "{\"a\" 1}", "01", "nul", "\"a", "[1] 2"] {
            assert!(Node::parse(json.as_bytes()).is_err(), "{json}");
        }
        assert!(Node::parse(b"\"\xff\"").is_err());
        assert!(Node::parse("[".repeat(100_000).as_bytes()).is_err());
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(Node::parse(nested(127).as_bytes()).is_ok());
        assert!(Node::parse(nested(129).as_bytes()).is_err());
        assert!(Node::parse(nested(100_000).as_bytes()).is_err());
    }
}
