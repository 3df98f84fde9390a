//! A deserializer that knows where it is.

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

use super::missing;

/// Where reading has got to, and which required members were not there.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    path: RefCell<String>,
    gaps: RefCell<Vec<String>>,
    /// How many gaps were counted in values whose path has been noted.
    explained: Cell<u64>,
}

impl Tracker {
    /// Reads a value and notes the path of each required member it lacks.
    pub(super) fn read<'de, T: DeserializeOwned, D: Deserializer<'de>>(&self, de: D) -> Result<T, D::Error> {
        self.explained.set(missing::count());
        T::deserialize(Tracked { de, at: self })
    }

    /// The paths, in the order in which the members were read or found absent.
    pub(super) fn into_gaps(self) -> Vec<String> {
        self.gaps.into_inner()
    }

    /// Reads what is at `segment` below the current path.
    ///
    /// A gap that nothing further down has explained is the value itself.
    fn step<T>(&self, segment: fmt::Arguments<'_>, read: impl FnOnce() -> T) -> T {
        let len = self.path.borrow().len();
        let _ = self.path.borrow_mut().write_fmt(segment);
        let value = read();
        if missing::count() > self.explained.replace(missing::count()) {
            self.gaps.borrow_mut().push(self.path.borrow().clone());
        }
        self.path.borrow_mut().truncate(len);
        value
    }
}

struct Tracked<'t, D> {
    de: D,
    at: &'t Tracker,
}

macro_rules! track {
    ($($method:ident)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
                self.de.$method(TrackedVisitor { visitor, at: self.at, fields: &[] })
            }
        )*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Tracked<'_, D> {
    type Error = D::Error;

    track! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32
        deserialize_i64 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf deserialize_option deserialize_unit deserialize_seq
        deserialize_map deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.de.deserialize_newtype_struct(name, TrackedVisitor { visitor, at: self.at, fields: &[] })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.de.deserialize_struct(name, fields, TrackedVisitor { visitor, at: self.at, fields })
    }

    // No modelled type asks for these.
    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.de.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, D::Error> {
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

struct TrackedVisitor<'t, V> {
    visitor: V,
    at: &'t Tracker,
    /// The members that the structure being read has; none for anything else.
    fields: &'static [&'static str],
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

impl<'de, V: Visitor<'de>> Visitor<'de> for TrackedVisitor<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    pass_on! {
        visit_bool(bool) visit_i8(i8) visit_i16(i16) visit_i32(i32) visit_i64(i64) visit_i128(i128)
        visit_u8(u8) visit_u16(u16) visit_u32(u32) visit_u64(u64) visit_u128(u128) visit_f32(f32)
        visit_f64(f64) visit_char(char) visit_str(&str) visit_borrowed_str(&'de str)
        visit_string(String) visit_bytes(&[u8]) visit_borrowed_bytes(&'de [u8]) visit_byte_buf(Vec<u8>)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, de: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(Tracked { de, at: self.at })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, de: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_newtype_struct(Tracked { de, at: self.at })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_seq(TrackedSeq { seq, at: self.at, index: 0 })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let at = self.at;
        self.visitor.visit_map(TrackedMap { map, at, key: Key::None, unseen: self.fields.to_vec() })
    }
}

struct TrackedSeed<'t, S> {
    seed: S,
    at: &'t Tracker,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for TrackedSeed<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, de: D) -> Result<S::Value, D::Error> {
        self.seed.deserialize(Tracked { de, at: self.at })
    }
}

struct TrackedSeq<'t, A> {
    seq: A,
    at: &'t Tracker,
    index: usize,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for TrackedSeq<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let Self { seq, at, index } = self;
        let element = at.step(format_args!("[{index}]"), || seq.next_element_seed(TrackedSeed { seed, at }));
        self.index += 1;
        element
    }
}

struct TrackedMap<'t, A> {
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

impl<'de, A: MapAccess<'de>> MapAccess<'de> for TrackedMap<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
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
        let seed = TrackedSeed { seed, at };
        match std::mem::replace(&mut self.key, Key::None) {
            Key::Absent(name) => at.step(format_args!("{}", Segment::new(at, name)), || {
                seed.deserialize(UnitDeserializer::new())
            }),
            Key::Present(name) => {
                at.step(format_args!("{}", Segment::new(at, &name)), || map.next_value_seed(seed))
            }
            Key::None => map.next_value_seed(seed),
        }
    }
}

/// One step of a path: `.member`, or `["key"]` where a key is not an identifier.
struct Segment<'a> {
    name: &'a str,
    first: bool,
}

impl<'a> Segment<'a> {
    fn new(at: &Tracker, name: &'a str) -> Self {
        Self { name, first: at.path.borrow().is_empty() }
    }
}

impl fmt::Display for Segment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_identifier = self.name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_');
        match (is_identifier, self.first) {
            (true, true) => f.write_str(self.name),
            (true, false) => write!(f, ".{}", self.name),
            (false, _) => write!(f, "[{:?}]", self.name),
        }
    }
}
