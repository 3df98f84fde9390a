//! The lenient reader of payloads, for those that the fast reader refuses.
//!
//! It accepts more: the last of duplicate members counts, an integer may be written as `5.0` or `1e3` (the Java nucleus
//! writes the numbers of a document this way), a required member that is missing or null gets a zero value, and a null
//! in a list or map that is not sparse is left out. It records the path of each missing member, of each such null, and
//! of an error.
//!
//! One pass finds the ends of all objects and arrays, so that reading takes time in proportion to the text.

use std::{collections::BTreeMap, iter};

use serde::{
    Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, Error as _, IntoDeserializer, MapAccess, SeqAccess,
        Visitor,
    },
    forward_to_deserialize_any,
};
use serde_json::{Error as JsonError, Value, value::RawValue};

use super::{
    Error, ViolationKind,
    check::Report,
    missing::{DOCUMENT, REQUIRED},
    path::{Path, Segment},
};
use crate::primitives::{NUMBER, decimal};

/// How deep arrays and objects may be nested. serde_json has the same limit.
const MAX_DEPTH: usize = 127;

/// Reads a payload, and reports missing members and nulls that were left out.
///
/// A payload with such nulls is read a second time without them: a list cannot skip an element after it has begun to
/// read it.
pub(super) fn from_slice<T: DeserializeOwned>(payload: &[u8]) -> Result<(T, Report), Error> {
    let text = serde_json::from_slice::<&RawValue>(payload)?.get();
    let containers = containers(text);
    let (mut left_out, mut report) = (Vec::new(), Report::default());
    loop {
        let mut state = State {
            text,
            containers: &containers,
            left_out: &left_out,
            report,
            ..State::default()
        };
        let result = T::deserialize(Reader { source: Source::Payload(0), state: &mut state });
        let State { report: found, nulls: (nulls, about_nulls), failed, .. } = state;
        match result {
            Ok(value) if nulls.is_empty() => return Ok((value, found)),
            Ok(_) => report = about_nulls,
            Err(error) => return Err(Error::new(error, failed)),
        }
        left_out.extend(nulls);
        left_out.sort_unstable();
    }
}

/// Lists where the objects and arrays of a JSON text begin and end, in the order of the text. The list includes one
/// level below the deepest level that is read: the containers there are skipped as a whole.
fn containers(text: &str) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut containers: Vec<(usize, usize)> = Vec::new();
    let mut open = Vec::new();
    let (mut at, mut depth) = (0, 0_usize);
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => {
                if depth <= MAX_DEPTH {
                    open.push(containers.len());
                    containers.push((at, bytes.len()));
                }
                depth += 1;
            }
            b'}' | b']' => {
                depth -= 1;
                if depth <= MAX_DEPTH {
                    let opened = open.pop().expect("an array or object is open");
                    containers[opened].1 = at + 1;
                }
            }
            _ => {}
        }
        at += token_len(&bytes[at..]);
    }
    containers
}

/// The length of the string, number, `true`, `false` or `null` that a text begins with, or 1 for a single character.
fn token_len(bytes: &[u8]) -> usize {
    match bytes[0] {
        b'"' => {
            let mut at = 1;
            while bytes[at] != b'"' {
                at += if bytes[at] == b'\\' { 2 } else { 1 };
            }
            at + 1
        }
        b'-' | b'0'..=b'9' | b'a'..=b'z' => {
            let is_end = |it: &u8| !it.is_ascii_alphanumeric() && !b"+-.".contains(it);
            bytes.iter().position(is_end).unwrap_or(bytes.len())
        }
        _ => 1,
    }
}

/// The position of the reader, and what it has found.
#[derive(Default)]
struct State<'p> {
    text: &'p str,
    /// Where the objects and arrays in the text begin and end.
    containers: &'p [(usize, usize)],
    /// The offsets of the nulls to leave out, sorted.
    left_out: &'p [usize],
    path: Vec<Segment<'p>>,
    /// Required members that are missing, and nulls that were left out.
    report: Report,
    /// The offsets of the nulls to leave out the next time, and the violations to report for them.
    nulls: (Vec<usize>, Report),
    /// The path of the first error.
    failed: String,
}

impl<'p> State<'p> {
    /// Reads what is one step below the current path.
    fn step<'de, S: DeserializeSeed<'de>>(
        &mut self,
        segment: Segment<'p>,
        source: Source,
        seed: S,
    ) -> Result<S::Value, JsonError> {
        self.path.push(segment);
        let result = seed.deserialize(Reader { source, state: self });
        if result.is_err() && self.failed.is_empty() {
            self.failed = Path(&self.path).into();
        }
        self.path.pop();
        result
    }

    /// A name, a scalar value, or the bracket that opens an object or array.
    fn token(&self, start: usize) -> &'p str {
        let rest = &self.text[start..];
        &rest[..token_len(rest.as_bytes())]
    }

    /// Where the values and names directly in an object or array begin.
    fn parts(&self, start: usize) -> impl Iterator<Item = usize> + use<'p> {
        let (bytes, containers) = (self.text.as_bytes(), self.containers);
        let mut at = start + 1;
        iter::from_fn(move || {
            while matches!(bytes[at], b' ' | b'\t' | b'\n' | b'\r' | b',' | b':') {
                at += 1;
            }
            let start = at;
            at = match bytes[at] {
                b'}' | b']' => return None,
                b'{' | b'[' => {
                    let index = containers.binary_search_by_key(&at, |it| it.0).ok()?;
                    containers[index].1
                }
                _ => at + token_len(&bytes[at..]),
            };
            Some(start)
        })
    }
}

/// Where a value comes from.
#[derive(Clone, Copy)]
enum Source {
    /// The payload, at this offset.
    Payload(usize),
    /// Nowhere: the member is missing.
    Missing,
    /// The zero value of its type, which replaces a missing member or a null.
    Zero,
}

/// Reads one value.
struct Reader<'a, 'p> {
    source: Source,
    state: &'a mut State<'p>,
}

impl<'p> Reader<'_, 'p> {
    /// The first token of the value; `zero` is the JSON of a zero value.
    fn token(&self, zero: &'static str) -> &'p str {
        match self.source {
            Source::Payload(start) => self.state.token(start),
            Source::Missing => "null",
            Source::Zero => zero,
        }
    }

    fn is_null(&self) -> bool {
        self.token("null") == "null"
    }

    /// Replaces a null, for a type that has none, by the zero value. The next time the null is left out; the root is
    /// in no list or map, so it cannot be.
    fn or_zero(mut self) -> Self {
        match self.source {
            Source::Payload(start) if self.is_null() && !self.state.path.is_empty() => {
                let (nulls, report) = &mut self.state.nulls;
                nulls.push(start);
                report.add(Path(&self.state.path), ViolationKind::Null);
                self.source = Source::Zero;
            }
            _ => {}
        }
        self
    }

    /// Reads the value as it is in the payload. `fields` are the members of a structure.
    fn value<'de, V: Visitor<'de>>(
        self,
        zero: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        let token = self.token(zero);
        match token {
            "{" | "[" if self.state.path.len() >= MAX_DEPTH => {
                Err(JsonError::custom("recursion limit exceeded"))
            }
            "{" => visitor.visit_map(self.members(fields)?),
            "[" => visitor.visit_seq(self.elements()),
            _ => serde_json::from_str::<Value>(token)?.deserialize_any(visitor),
        }
    }

    /// As [`value`](Self::value), for a number that may be written with a fraction or an exponent.
    fn integer<'de, V: Visitor<'de>>(
        self,
        zero: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        let number = decimal::Decimal::new(self.token(zero));
        let whole = number.and_then(|it| it.to_integer(20)).unwrap_or_default();
        if let Ok(value) = whole.parse() {
            visitor.visit_u64(value)
        } else if let Ok(value) = whole.parse() {
            visitor.visit_i64(value)
        } else {
            // The visitor rejects the value, and its error says what it expected.
            self.value(zero, fields, visitor)
        }
    }
}

macro_rules! deserialize {
    ($($read:ident $zero:literal: $($method:ident)*;)*) => {
        $($(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
                self.or_zero().$read($zero, &[], visitor)
            }
        )*)*
    };
}

impl<'de> Deserializer<'de> for Reader<'_, '_> {
    type Error = JsonError;

    deserialize! {
        value "false": deserialize_bool;
        value "0": deserialize_f32 deserialize_f64;
        value "\"\"": deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf;
        value "[": deserialize_seq;
        value "{": deserialize_map;
        integer "0": deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8
            deserialize_u16 deserialize_u32 deserialize_u64;
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.or_zero().value("{", fields, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        match (name, self.source) {
            (REQUIRED, source) if self.is_null() => {
                if !matches!(source, Source::Zero) {
                    self.state.report.add(Path(&self.state.path), ViolationKind::Missing);
                }
                visitor.visit_some(Reader { source: Source::Zero, ..self })
            }
            (REQUIRED, _) => visitor.visit_some(self),
            (DOCUMENT, Source::Missing | Source::Zero) => visitor.visit_none(),
            (NUMBER, _) => {
                let reader = self.or_zero();
                match reader.token("0") {
                    number if decimal::is_json(number) => visitor.visit_str(number),
                    _ => reader.value("0", &[], visitor),
                }
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        if self.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_unit()
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.value("null", &[], visitor)
    }

    // No modelled type asks for these.
    forward_to_deserialize_any! { i128 u128 char unit unit_struct tuple tuple_struct enum identifier }
}

/// The parts of an array or object that have not been read.
struct Parts<'a, 'p> {
    rest: Box<dyn Iterator<Item = (Segment<'p>, Source)> + 'p>,
    /// The member whose name has been read.
    member: Option<(Segment<'p>, Source)>,
    state: &'a mut State<'p>,
}

impl<'a, 'p> Reader<'a, 'p> {
    fn elements(self) -> Parts<'a, 'p> {
        let left_out = self.state.left_out;
        let rest: Box<dyn Iterator<Item = _>> = match self.source {
            Source::Payload(start) => {
                let elements = self.state.parts(start);
                let elements = elements.filter(|it| left_out.binary_search(it).is_err());
                let elements = elements.enumerate();
                Box::new(elements.map(|(index, it)| (Segment::Index(index), Source::Payload(it))))
            }
            _ => Box::new(iter::empty()),
        };
        Parts { rest, member: None, state: self.state }
    }

    /// The members in the order of the payload, and then the missing members of the structure.
    fn members(self, fields: &'static [&'static str]) -> Result<Parts<'a, 'p>, JsonError> {
        let mut members = BTreeMap::new();
        if let Source::Payload(start) = self.source {
            let mut parts = self.state.parts(start);
            while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
                members.insert(serde_json::from_str::<String>(self.state.token(name))?, value);
            }
            members.retain(|_, value| self.state.left_out.binary_search(value).is_err());
        }
        let source = if let Source::Zero = self.source { Source::Zero } else { Source::Missing };
        let missing = fields.iter().filter(|it| !members.contains_key(**it));
        let missing: Vec<_> = missing.map(|it| (Segment::Name((*it).into()), source)).collect();
        let mut members: Vec<_> = members.into_iter().map(|(name, it)| (it, name)).collect();
        members.sort_unstable();
        let members = members
            .into_iter()
            .map(|(start, name)| (Segment::Name(name.into()), Source::Payload(start)));
        let rest = Box::new(members.chain(missing));
        Ok(Parts { rest, member: None, state: self.state })
    }
}

impl<'de> SeqAccess<'de> for Parts<'_, '_> {
    type Error = JsonError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, JsonError> {
        let Some((segment, source)) = self.rest.next() else { return Ok(None) };
        self.state.step(segment, source, seed).map(Some)
    }
}

impl<'de> MapAccess<'de> for Parts<'_, '_> {
    type Error = JsonError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, JsonError> {
        self.member = self.rest.next();
        let Some((Segment::Name(name), _)) = &self.member else { return Ok(None) };
        seed.deserialize((**name).into_deserializer()).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, JsonError> {
        let member = self.member.take();
        let (segment, source) =
            member.ok_or_else(|| JsonError::custom("a value without a name"))?;
        self.state.step(segment, source, seed)
    }
}
