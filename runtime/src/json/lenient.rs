//! The second, patient way to read a payload, for the few that the fast way does not take.
//!
//! Of duplicate members the last counts, an integer may be written as `5.0` or `1e3` (a document that has passed
//! through the Java nucleus holds nothing else), and an element or map value that is null where the model has no
//! nulls is left out. The place of a gap, of such a null and of an error is known.
//!
//! A payload is read from its text: there is no tree of values beside the one that is made. What can only be known
//! at the end, such as which of duplicate members is the last, is found in one reading and used in the next.

use std::borrow::Cow;

use serde::{
    Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, Error as _, IgnoredAny, IntoDeserializer, MapAccess,
        SeqAccess, Visitor, value::UnitDeserializer,
    },
    forward_to_deserialize_any,
};
use serde_json::{Error as JsonError, Number};

use super::{
    Error, ViolationKind,
    check::Report,
    missing,
    path::{Path, PathSet, Segment},
    tokens::{self, Tokens},
    zero::Zero,
};
use crate::primitives::{NUMBER, decimal::Decimal};

/// How deep arrays and objects may be nested that are read, as for serde_json.
pub(super) const MAX_DEPTH: usize = 127;

/// What was unusual about a payload.
#[derive(Debug, Default)]
pub(super) struct Findings<'p> {
    /// Required members that are missing, and nulls that were left out.
    pub(super) report: Report,
    /// The paths of required members that are missing.
    pub(super) gaps: PathSet<'p>,
}

/// Reads a payload, and says what it lacks.
///
/// It is read up to three times: again if anything is unusual and members come more than once, and again without the
/// nulls that have to be left out.
pub(super) fn from_slice<T: DeserializeOwned>(payload: &[u8]) -> Result<(T, Findings<'_>), Error> {
    // What comes after this can rely on the text.
    serde_json::from_slice::<IgnoredAny>(payload)?;
    let mut passed_over = Vec::new();
    let mut report = Report::default();
    let mut is_surveyed = false;
    loop {
        let mut reader = Reader::new(payload, &passed_over, std::mem::take(&mut report));
        let result = T::deserialize(&mut reader);
        let Reader { findings, nulls: (places, about_nulls), failed, .. } = reader;
        let is_unusual = result.is_err() || !places.is_empty() || !findings.report.is_empty();
        if is_unusual && !std::mem::replace(&mut is_surveyed, true) {
            passed_over = tokens::superseded(payload);
            // What is wrong, null or missing may be in a member that does not count.
            if !passed_over.is_empty() {
                continue;
            }
        }
        match result {
            Ok(value) if places.is_empty() => return Ok((value, findings)),
            Ok(_) => report = about_nulls,
            Err(error) => return Err(Error::new(error, failed)),
        }
        passed_over.extend(places);
        passed_over.sort_unstable();
    }
}

/// Where reading has got to, and what was found on the way.
struct Reader<'r, 'p> {
    tokens: Tokens<'p>,
    /// The places of values that do not count, sorted.
    passed_over: &'r [usize],
    path: Vec<Segment<'p>>,
    depth: usize,
    findings: Findings<'p>,
    /// How many gaps were counted in values whose path has been noted.
    explained: u64,
    /// The places of nulls where the model has none, and what there is to say about them.
    nulls: (Vec<usize>, Report),
    /// The path of the first error.
    failed: String,
}

impl<'r, 'p> Reader<'r, 'p> {
    fn new(payload: &'p [u8], passed_over: &'r [usize], report: Report) -> Self {
        Self {
            tokens: Tokens::new(payload),
            passed_over,
            path: Vec::new(),
            depth: 0,
            findings: Findings { report, gaps: PathSet::default() },
            explained: missing::count(),
            nulls: Default::default(),
            failed: String::new(),
        }
    }

    /// Reads what is one step below the current path.
    ///
    /// A gap that nothing further down has explained is the value itself.
    fn step<T>(
        &mut self,
        segment: Segment<'p>,
        read: impl FnOnce(&mut Self) -> Result<T, JsonError>,
    ) -> Result<T, JsonError> {
        self.path.push(segment);
        let result = read(self);
        if missing::count() > std::mem::replace(&mut self.explained, missing::count())
            && self.findings.report.add(Path(&self.path), ViolationKind::Missing)
        {
            self.findings.gaps.insert(&self.path);
        }
        if result.is_err() && self.failed.is_empty() {
            self.failed = Path(&self.path).into();
        }
        self.path.pop();
        result
    }

    /// Reads what is in an array or object, up to the bracket that closes it.
    fn nested<T>(
        &mut self,
        close: u8,
        read: impl FnOnce(&mut Self) -> Result<T, JsonError>,
    ) -> Result<T, JsonError> {
        if self.depth == MAX_DEPTH {
            return Err(JsonError::custom("recursion limit exceeded"));
        }
        self.depth += 1;
        self.tokens.bracket();
        let value = read(self)?;
        while !matches!(self.tokens.peek(), 0 | b'}' | b']') {
            self.tokens.skip();
        }
        debug_assert_eq!(self.tokens.peek(), close);
        self.tokens.bracket();
        self.depth -= 1;
        Ok(value)
    }

    /// Passes over a value that does not count.
    fn pass_over(&mut self) -> bool {
        self.tokens.peek();
        let is_passed_over = self.passed_over.binary_search(&self.tokens.place()).is_ok();
        if is_passed_over {
            self.tokens.skip();
        }
        is_passed_over
    }

    /// Takes a null that stands for no value of the model, to be left out of the next reading.
    ///
    /// Only an element or a map's value can be left out.
    fn take_null(&mut self) -> bool {
        if self.tokens.peek() != b'n' || self.path.is_empty() {
            return false;
        }
        let (places, report) = &mut self.nulls;
        places.push(self.tokens.place());
        report.add(Path(&self.path), ViolationKind::Null);
        self.tokens.skip();
        true
    }

    fn integer<'de, V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, JsonError> {
        let text = std::str::from_utf8(self.tokens.scalar()).unwrap_or_default();
        let is_plain = text.bytes().all(|it| it.is_ascii_digit() || it == b'-');
        let whole = match is_plain {
            true => Some(text.into()),
            false => Decimal::new(text).and_then(|it| it.to_integer(20)).map(Cow::from),
        };
        let whole = whole.as_deref().unwrap_or_default();
        if let Ok(value) = whole.parse() {
            visitor.visit_u64(value)
        } else if let Ok(value) = whole.parse() {
            visitor.visit_i64(value)
        } else {
            // It is refused as the number that it is.
            serde_json::from_str::<Number>(text)?.deserialize_any(visitor)
        }
    }
}

/// Reads integers, however they are written, and in the place of a null a zero.
macro_rules! integers {
    ($($method:ident)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
                match self.tokens.peek() {
                    b'-' | b'0'..=b'9' => self.integer(visitor),
                    b'n' if self.take_null() => Zero.$method(visitor).map_err(JsonError::custom),
                    _ => self.deserialize_any(visitor),
                }
            }
        )*
    };
}

/// Reads what there is, and in the place of a null a zero.
macro_rules! values {
    ($($method:ident)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
                match self.take_null() {
                    true => Zero.$method(visitor).map_err(JsonError::custom),
                    false => self.deserialize_any(visitor),
                }
            }
        )*
    };
}

impl<'de, 'p> Deserializer<'de> for &mut Reader<'_, 'p> {
    type Error = JsonError;

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    values! {
        deserialize_bool deserialize_f32 deserialize_f64 deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf deserialize_seq deserialize_map
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.tokens.peek() {
            b'{' => self.nested(b'}', |it| visitor.visit_map(Members::new(it, &[]))),
            b'[' => self.nested(b']', |it| visitor.visit_seq(Elements { reader: it, index: 0 })),
            b'"' => match self.tokens.string()? {
                Cow::Borrowed(text) => visitor.visit_str(text),
                Cow::Owned(text) => visitor.visit_string(text),
            },
            _ => match self.tokens.scalar() {
                b"null" => visitor.visit_unit(),
                b"true" => visitor.visit_bool(true),
                b"false" => visitor.visit_bool(false),
                number => serde_json::from_slice::<Number>(number)?.deserialize_any(visitor),
            },
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        if self.take_null() {
            return Zero.deserialize_struct(name, fields, visitor).map_err(JsonError::custom);
        }
        match self.tokens.peek() {
            b'{' => self.nested(b'}', |it| visitor.visit_map(Members::new(it, fields))),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        match self.tokens.peek() {
            _ if name != NUMBER => visitor.visit_newtype_struct(self),
            b'n' if self.take_null() => {
                Zero.deserialize_newtype_struct(name, visitor).map_err(JsonError::custom)
            }
            b'-' | b'0'..=b'9' => {
                visitor.visit_str(std::str::from_utf8(self.tokens.scalar()).unwrap_or_default())
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.tokens.peek() {
            b'n' => {
                self.tokens.skip();
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.tokens.skip();
        visitor.visit_unit()
    }

    // No modelled type asks for these.
    forward_to_deserialize_any! {
        i128 u128 char unit unit_struct tuple tuple_struct enum identifier
    }
}

struct Elements<'a, 'r, 'p> {
    reader: &'a mut Reader<'r, 'p>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_, '_, '_> {
    type Error = JsonError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, JsonError> {
        while self.reader.pass_over() {}
        if self.reader.tokens.peek() == b']' {
            return Ok(None);
        }
        let segment = Segment::Index(self.index);
        self.index += 1;
        self.reader.step(segment, |it| seed.deserialize(it)).map(Some)
    }
}

struct Members<'a, 'r, 'p> {
    reader: &'a mut Reader<'r, 'p>,
    /// The members of a structure whose names have not come yet.
    unseen: Vec<&'static str>,
    next: Next<'p>,
}

/// What value is read next.
enum Next<'p> {
    None,
    Present(Cow<'p, str>),
    /// A member that is not in the payload and reads as null.
    Absent(&'static str),
}

impl<'a, 'r, 'p> Members<'a, 'r, 'p> {
    fn new(reader: &'a mut Reader<'r, 'p>, fields: &'static [&'static str]) -> Self {
        Self { reader, unseen: fields.to_vec(), next: Next::None }
    }

    /// The name of the next member that counts.
    fn next_name(&mut self) -> Result<Option<Cow<'p, str>>, JsonError> {
        while self.reader.tokens.peek() == b'"' {
            let name = self.reader.tokens.string()?;
            if !self.reader.pass_over() {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}

impl<'de> MapAccess<'de> for Members<'_, '_, '_> {
    type Error = JsonError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, JsonError> {
        if let Some(name) = self.next_name()? {
            self.unseen.retain(|it| *it != name);
            let key = seed.deserialize((&*name).into_deserializer())?;
            self.next = Next::Present(name);
            return Ok(Some(key));
        }
        if self.unseen.is_empty() {
            return Ok(None);
        }
        let name = self.unseen.remove(0);
        self.next = Next::Absent(name);
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, JsonError> {
        match std::mem::replace(&mut self.next, Next::None) {
            Next::Present(name) => self.reader.step(Segment::Name(name), |it| seed.deserialize(it)),
            Next::Absent(name) => self
                .reader
                .step(Segment::Name(name.into()), |_| seed.deserialize(UnitDeserializer::new())),
            Next::None => Err(JsonError::custom("a value without a name")),
        }
    }
}
