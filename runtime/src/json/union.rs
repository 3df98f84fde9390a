//! Unions: JSON objects with one member.

use std::{borrow::Cow, fmt, iter, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, Visitor},
};

/// A union of the model.
///
/// Generated code implements it and implements `Deserialize` with [`deserialize_union`].
pub trait Union: Sized {
    /// The variant for a member that this version of the model does not have.
    const UNKNOWN: Self;

    /// Reads the value of the member `name` from `map`. Returns `None` if the value is null or the union does not
    /// have the member.
    ///
    /// # Errors
    ///
    /// A value of another type than the member's.
    fn read_member<'de, A: MapAccess<'de>>(
        name: &str,
        map: &mut A,
    ) -> Result<Option<Self>, A::Error>;
}

/// Reads a union.
///
/// Members that are `null` count as missing, because some peers send them, and unknown members are
/// ignored. An object without other members reads as [`Union::UNKNOWN`].
///
/// # Errors
///
/// Two members of the union in one object, a value of another type than its member's, or no object.
pub fn deserialize_union<'de, U: Union, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<U, D::Error> {
    deserializer.deserialize_map(UnionVisitor(PhantomData))
}

struct UnionVisitor<U>(PhantomData<U>);

impl<'de, U: Union> Visitor<'de> for UnionVisitor<U> {
    type Value = U;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with one member of the union")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<U, A::Error> {
        let mut set: Option<(Name<'de>, U)> = None;
        while let Some(name) = map.next_key::<Name<'de>>()? {
            let Some(member) = U::read_member(&name.0, &mut map)? else {
                continue;
            };
            // The same member may occur twice; the last one counts.
            if set.is_some_and(|(earlier, _)| earlier.0 != name.0) {
                return Err(de::Error::custom("a union with two members"));
            }
            set = Some((name, member));
        }
        Ok(set.map_or(U::UNKNOWN, |(_, union)| union))
    }
}

/// A member's name, borrowed from the input where that is possible.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The value of a union member without a value (`smithy.api#Unit`): an object without members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Empty {}

/// Writes a union: an object with one member.
///
/// # Errors
///
/// A value that has no JSON form.
pub fn serialize_union_member<T: Serialize + ?Sized, S: Serializer>(
    serializer: S,
    name: &'static str,
    value: &T,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(iter::once((name, value)))
}
