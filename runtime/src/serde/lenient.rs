//! The second, patient way to read a payload, for the few that the fast way does not take.
//!
//! It goes by way of a tree, so that of duplicate members the last counts, takes numbers such as
//! `5.0` and `1e3` where an integer belongs (a document that has passed through the Java nucleus holds
//! nothing else), and knows where it is: an error names the member, and so does a gap.

use std::{
    cell::{Cell, RefCell},
    fmt::{self, Write},
};

use serde::{
    Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor,
        value::UnitDeserializer,
    },
};

use super::{
    Error,
    check::{Room, Step},
    missing,
    tree::Node,
};
use crate::primitives::NUMBER;

/// The required members that a payload lacks, in the order in which members were read or found absent.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    pub(super) paths: Vec<String>,
    /// If there is none left, more gaps may have been found.
    pub(super) room: Room,
}

/// Reads a payload, and gives the paths of the required members that it lacks.
pub(super) fn from_slice<T: DeserializeOwned>(payload: &[u8]) -> Result<(T, Gaps), Error> {
    let value = Node::parse(payload)?;
    let tracker = Tracker { explained: Cell::new(missing::count()), ..Tracker::default() };
    match T::deserialize(Lenient::new(value, &tracker)) {
        Ok(value) => Ok((value, tracker.gaps.into_inner())),
        Err(error) => Err(Error::new(error, tracker.failed.into_inner())),
    }
}

/// Where reading has got to, and what was found on the way.
#[derive(Debug, Default)]
struct Tracker {
    path: RefCell<String>,
    gaps: RefCell<Gaps>,
    /// How many gaps were counted in values whose path has been noted.
    explained: Cell<u64>,
    /// Where the first error was.
    failed: RefCell<String>,
}

impl Gaps {
    fn add(&mut self, path: &str) {
        if !self.room.is_empty() {
            self.room.take(path);
            self.paths.push(path.to_owned());
        }
    }
}

impl Tracker {
    /// Reads what is at `segment` below the current path.
    ///
    /// A gap that nothing further down has explained is the value itself.
    fn step<T, E>(
        &self,
        segment: impl fmt::Display,
        read: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let len = self.path.borrow().len();
        // Writing to a string does not fail.
        let _ = write!(self.path.borrow_mut(), "{segment}");
        let result = read();
        if missing::count() > self.explained.replace(missing::count()) {
            self.gaps.borrow_mut().add(&self.path.borrow());
        }
        if result.is_err() && self.failed.borrow().is_empty() {
            self.failed.replace(self.path.borrow().clone());
        }
        self.path.borrow_mut().truncate(len);
        result
    }
}

struct Lenient<'t, D> {
    de: D,
    at: &'t Tracker,
}

impl<'t, D> Lenient<'t, D> {
    fn new(de: D, at: &'t Tracker) -> Self {
        Self { de, at }
    }

    fn visitor<V>(&self, visitor: V) -> LenientVisitor<'t, V> {
        LenientVisitor { visitor, at: self.at, fields: &[], is_integer: false }
    }
}

macro_rules! forward {
    ($($method:ident)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
                let visitor = self.visitor(visitor);
                self.de.$method(visitor)
            }
        )*
    };
}

macro_rules! integers {
    ($($method:ident)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
                let visitor = LenientVisitor { is_integer: true, ..self.visitor(visitor) };
                self.de.deserialize_any(visitor)
            }
        )*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Lenient<'_, D> {
    type Error = D::Error;

    forward! {
        deserialize_any deserialize_bool deserialize_f32 deserialize_f64 deserialize_char
        deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
        deserialize_option deserialize_unit deserialize_seq deserialize_map
        deserialize_identifier deserialize_ignored_any
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        // What is read as it is written has nothing to be lenient about.
        if name == NUMBER {
            return self.de.deserialize_newtype_struct(name, visitor);
        }
        let visitor = self.visitor(visitor);
        self.de.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = LenientVisitor { fields, ..self.visitor(visitor) };
        self.de.deserialize_struct(name, fields, visitor)
    }

    // No modelled type asks for these.
    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.de.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.de.deserialize_tuple(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.de.deserialize_tuple_struct(name, len, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.de.deserialize_enum(name, variants, visitor)
    }
}

struct LenientVisitor<'t, V> {
    visitor: V,
    at: &'t Tracker,
    /// The members that the structure being read has; none for anything else.
    fields: &'static [&'static str],
    /// Whether a number without a fraction is wanted, however it is written.
    is_integer: bool,
}

macro_rules! pass_on {
    ($($method:ident($type:ty))*) => {
        $(
            fn $method<E: serde::de::Error>(self, value: $type) -> Result<V::Value, E> {
                self.visitor.$method(value)
            }
        )*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for LenientVisitor<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    pass_on! {
        visit_bool(bool) visit_i8(i8) visit_i16(i16) visit_i32(i32) visit_i64(i64) visit_i128(i128)
        visit_u8(u8) visit_u16(u16) visit_u32(u32) visit_u64(u64) visit_u128(u128) visit_f32(f32)
        visit_char(char) visit_str(&str) visit_borrowed_str(&'de str)
        visit_string(String) visit_bytes(&[u8]) visit_borrowed_bytes(&'de [u8]) visit_byte_buf(Vec<u8>)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<V::Value, E> {
        // Whole numbers up to here are exact, and fit 64 bits.
        const LIMIT: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
        if self.is_integer && value.fract() == 0.0 && value.abs() <= LIMIT {
            return self.visitor.visit_i64(value as i64);
        }
        self.visitor.visit_f64(value)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, de: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(Lenient::new(de, self.at))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, de: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_newtype_struct(Lenient::new(de, self.at))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_seq(LenientSeq { seq, at: self.at, index: 0 })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let at = self.at;
        self.visitor.visit_map(LenientMap { map, at, key: Key::None, unseen: self.fields.to_vec() })
    }
}

struct LenientSeed<'t, S> {
    seed: S,
    at: &'t Tracker,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for LenientSeed<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, de: D) -> Result<S::Value, D::Error> {
        self.seed.deserialize(Lenient::new(de, self.at))
    }
}

struct LenientSeq<'t, A> {
    seq: A,
    at: &'t Tracker,
    index: usize,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for LenientSeq<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let Self { seq, at, index } = self;
        let element =
            at.step(format_args!("[{index}]"), || seq.next_element_seed(LenientSeed { seed, at }));
        self.index += 1;
        element
    }
}

struct LenientMap<'t, A> {
    map: A,
    at: &'t Tracker,
    key: Key,
    /// The structure's members whose keys have not come yet.
    unseen: Vec<&'static str>,
}

/// The key whose value is read next.
enum Key {
    None,
    Present(String),
    /// A member that is not in the payload and reads as null.
    Absent(&'static str),
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for LenientMap<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        if let Some(name) = self.map.next_key::<String>()? {
            self.unseen.retain(|it| *it != name);
            let key = seed.deserialize(name.as_str().into_deserializer())?;
            self.key = Key::Present(name);
            return Ok(Some(key));
        }
        if self.unseen.is_empty() {
            return Ok(None);
        }
        let name = self.unseen.remove(0);
        self.key = Key::Absent(name);
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let Self { map, at, .. } = self;
        let seed = LenientSeed { seed, at };
        match std::mem::replace(&mut self.key, Key::None) {
            Key::Absent(name) => {
                let step = Step::new(&at.path.borrow(), name);
                at.step(step, || seed.deserialize(UnitDeserializer::new()))
            }
            Key::Present(name) => {
                let step = Step::new(&at.path.borrow(), &name);
                at.step(step, || map.next_value_seed(seed))
            }
            Key::None => map.next_value_seed(seed),
        }
    }
}
