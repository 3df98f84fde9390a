//! The second, patient way to read a payload, for the few that the fast way does not take.
//!
//! Of duplicate members the last counts, an integer may be written as `5.0` or `1e3` (a document that has passed
//! through the Java nucleus holds nothing else), a required member that is missing or null gets a zero value, and an
//! element or map value that is null where the model has no nulls is left out. The place of a gap, of such a null
//! and of an error is known.
//!
//! A value is read from its text. An object or array is split into the texts of what it holds, so a text is scanned
//! once for each level of modelled types that it lies in. The texts share the payload's memory.

use std::{borrow::Cow, collections::BTreeMap};

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
use crate::primitives::{NUMBER, decimal::Decimal};

/// How deep arrays and objects may be nested that are read, as for serde_json.
const MAX_DEPTH: usize = 127;

/// Reads a payload, and says what it lacks and which nulls were left out.
///
/// If there are such nulls it is read again without them: they are known only after their lists have been read.
pub(super) fn from_slice<T: DeserializeOwned>(payload: &[u8]) -> Result<(T, Report), Error> {
    // What comes after this can rely on the text.
    let text = serde_json::from_slice::<&RawValue>(payload)?.get();
    let (mut left_out, mut report) = (Vec::new(), Report::default());
    loop {
        let mut state = State { report, left_out: &left_out, ..State::default() };
        let result = T::deserialize(Reader { text, state: &mut state });
        let (places, about_nulls) = state.nulls;
        match result {
            Ok(value) if places.is_empty() => return Ok((value, state.report)),
            Ok(_) => report = about_nulls,
            Err(error) => return Err(Error::new(error, state.failed)),
        }
        left_out.extend(places);
        left_out.sort_unstable();
    }
}

/// Where reading has got to, and what was found on the way.
#[derive(Default)]
struct State<'r, 'p> {
    path: Vec<Segment<'p>>,
    /// Required members that are missing, and nulls that were left out.
    report: Report,
    /// The addresses of the nulls to leave out, sorted.
    left_out: &'r [usize],
    /// The addresses of the nulls where the model has none, and what there is to say about them.
    nulls: (Vec<usize>, Report),
    /// Whether the value is made for a gap or a null, and not read.
    is_filling: bool,
    /// The path of the first error.
    failed: String,
}

impl<'p> State<'_, 'p> {
    /// Reads what is one step below the current path.
    fn step<'de, S: DeserializeSeed<'de>>(
        &mut self,
        segment: Segment<'p>,
        text: &'p str,
        seed: S,
    ) -> Result<S::Value, JsonError> {
        self.path.push(segment);
        let result = seed.deserialize(Reader { text, state: self });
        if result.is_err() && self.failed.is_empty() {
            self.failed = Path(&self.path).into();
        }
        self.path.pop();
        result
    }

    fn counts(&self, value: &RawValue) -> bool {
        self.left_out.binary_search(&value.get().as_ptr().addr()).is_err()
    }
}

/// Reads one value.
struct Reader<'a, 'r, 'p> {
    /// Empty for a member that is not there.
    text: &'p str,
    state: &'a mut State<'r, 'p>,
}

impl<'p> Reader<'_, '_, 'p> {
    /// Reads the value; where the model has no null, `zero` is read in the place of one.
    fn read<T>(
        mut self,
        zero: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, JsonError>,
    ) -> Result<T, JsonError> {
        let was_filling = self.state.is_filling;
        match self.text {
            "null" | "" if was_filling => self.text = zero,
            // Nothing can be left out but a part of something.
            "null" if !self.state.path.is_empty() => {
                let (places, report) = &mut self.state.nulls;
                places.push(self.text.as_ptr().addr());
                report.add(Path(&self.state.path), ViolationKind::Null);
                self.text = zero;
                self.state.is_filling = true;
            }
            "" => self.text = "null",
            _ => {}
        }
        let result = read(&mut self);
        self.state.is_filling = was_filling;
        result
    }

    fn is_number(&self) -> bool {
        self.text.starts_with(|it: char| it == '-' || it.is_ascii_digit())
    }

    fn value<'de, V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, JsonError> {
        self.structure(&[], visitor)
    }

    fn structure<'de, V: Visitor<'de>>(
        &mut self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        let is_too_deep = self.state.path.len() >= MAX_DEPTH;
        match self.text.as_bytes() {
            [b'{' | b'[', ..] if is_too_deep => Err(too_deep()),
            [b'{', ..] => visitor.visit_map(self.members(fields)?),
            [b'[', ..] => visitor.visit_seq(self.elements()?),
            _ => serde_json::from_str::<Value>(self.text)?.deserialize_any(visitor),
        }
    }

    fn integer<'de, V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, JsonError> {
        if !self.is_number() {
            return self.value(visitor);
        }
        let is_plain = self.text.bytes().all(|it| it.is_ascii_digit() || it == b'-');
        let whole = match is_plain {
            true => Some(self.text.into()),
            false => Decimal::new(self.text).and_then(|it| it.to_integer(20)).map(Cow::from),
        };
        let whole = whole.as_deref().unwrap_or_default();
        if let Ok(value) = whole.parse() {
            visitor.visit_u64(value)
        } else if let Ok(value) = whole.parse() {
            visitor.visit_i64(value)
        } else {
            // It is refused as the number that it is.
            self.value(visitor)
        }
    }

    /// Reads any value, as a document is.
    fn document<'de, V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, JsonError> {
        if self.state.path.len() + nesting(self.text) > MAX_DEPTH {
            return Err(too_deep());
        }
        serde_json::from_str::<Value>(self.text)?.deserialize_any(visitor)
    }
}

fn too_deep() -> JsonError {
    JsonError::custom("recursion limit exceeded")
}

/// How deep arrays and objects are nested in a text that is JSON.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest, mut is_string) = (0_usize, 0, false);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'"' => is_string = !is_string,
            b'{' | b'[' if !is_string => depth += 1,
            b'}' | b']' if !is_string => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

macro_rules! reads {
    ($($read:ident $zero:literal: $($method:ident)*;)*) => {
        $($(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
                self.read($zero, |it| it.$read(visitor))
            }
        )*)*
    };
}

impl<'de> Deserializer<'de> for Reader<'_, '_, '_> {
    type Error = JsonError;

    reads! {
        value "false": deserialize_bool;
        integer "0": deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
            deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64;
        value "0": deserialize_f32 deserialize_f64;
        value "\"\"": deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf;
        value "[]": deserialize_seq;
        value "{}": deserialize_map;
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.read("{}", |it| it.structure(fields, visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        match (name, self.text) {
            (REQUIRED, "null" | "") => {
                let was_filling = std::mem::replace(&mut self.state.is_filling, true);
                if !was_filling {
                    self.state.report.add(Path(&self.state.path), ViolationKind::Missing);
                }
                let result = visitor.visit_some(Reader { text: "", state: &mut *self.state });
                self.state.is_filling = was_filling;
                result
            }
            (REQUIRED, _) => visitor.visit_some(self),
            (DOCUMENT, "") => visitor.visit_none(),
            (NUMBER, _) => self.read("0", |it| match it.is_number() {
                true => visitor.visit_str(it.text),
                false => it.value(visitor),
            }),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.text {
            "null" | "" => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_unit()
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, JsonError> {
        if self.text.is_empty() {
            self.text = "null";
        }
        self.document(visitor)
    }

    // No modelled type asks for these.
    forward_to_deserialize_any! { i128 u128 char unit unit_struct tuple_struct enum identifier }
}

/// What is in an array or object.
struct Parts<'a, 'r, 'p> {
    rest: Box<dyn Iterator<Item = (Segment<'p>, &'p str)> + 'p>,
    /// The member whose name has been read.
    member: Option<(Segment<'p>, &'p str)>,
    state: &'a mut State<'r, 'p>,
}

impl<'r, 'p> Reader<'_, 'r, 'p> {
    fn parts(
        &mut self,
        parts: impl Iterator<Item = (Segment<'p>, &'p str)> + 'p,
    ) -> Parts<'_, 'r, 'p> {
        Parts { rest: Box::new(parts), member: None, state: self.state }
    }

    fn elements(&mut self) -> Result<Parts<'_, 'r, 'p>, JsonError> {
        let mut elements: Vec<&RawValue> = serde_json::from_str(self.text)?;
        elements.retain(|it| self.state.counts(it));
        // There may be many, of a byte each.
        let elements = elements.into_iter().enumerate();
        Ok(self.parts(elements.map(|(at, it)| (Segment::Index(at), it.get()))))
    }

    /// The members that are there, in order, and those of the structure that are not.
    fn members(&mut self, fields: &'static [&'static str]) -> Result<Parts<'_, 'r, 'p>, JsonError> {
        let mut members: BTreeMap<String, &RawValue> = serde_json::from_str(self.text)?;
        members.retain(|_, it| self.state.counts(it));
        let absent = fields.iter().filter(|it| !members.contains_key(**it));
        let absent: Vec<_> = absent.map(|it| (Segment::Name((*it).into()), "")).collect();
        let members = members.into_iter().map(|(name, it)| (Segment::Name(name.into()), it.get()));
        let mut parts: Vec<_> = members.collect();
        parts.sort_unstable_by_key(|it| it.1.as_ptr());
        Ok(self.parts(parts.into_iter().chain(absent)))
    }
}

impl<'de> SeqAccess<'de> for Parts<'_, '_, '_> {
    type Error = JsonError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, JsonError> {
        let Some((segment, text)) = self.rest.next() else { return Ok(None) };
        self.state.step(segment, text, seed).map(Some)
    }
}

impl<'de> MapAccess<'de> for Parts<'_, '_, '_> {
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
        let (segment, text) = member.ok_or_else(|| JsonError::custom("a value without a name"))?;
        self.state.step(segment, text, seed)
    }
}
