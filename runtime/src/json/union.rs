//! Unions: JSON objects with exactly one member set.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, IgnoredAny, MapAccess, Visitor},
    ser::SerializeMap,
};

/// A union of the model.
///
/// Generated code implements it and reads itself with [`deserialize_union`]. The rules for what else
/// may be in the object live there, once.
pub trait Union: Sized {
    /// The value that stands for a member this version of the model does not have.
    const UNKNOWN: Self;

    /// Reads the member called `name`, or skips it if the union has none of that name.
    ///
    /// # Errors
    ///
    /// A value of another type than the member's.
    fn read_member<'de, A: MapAccess<'de>>(
        name: &str,
        value: MemberValue<'_, A>,
    ) -> Result<Option<Self>, A::Error>;
}

/// The value of one member of a union, not read yet.
#[derive(Debug)]
pub struct MemberValue<'a, A>(&'a mut A);

impl<'de, A: MapAccess<'de>> MemberValue<'_, A> {
    /// Reads the value and wraps it in its variant; `null` is no value.
    ///
    /// # Errors
    ///
    /// A value of another type than `T`.
    pub fn read<T: Deserialize<'de>, U>(
        self,
        variant: impl FnOnce(T) -> U,
    ) -> Result<Option<U>, A::Error> {
        Ok(self.0.next_value::<Option<T>>()?.map(variant))
    }

    /// Passes over the value of a member that is nothing but its name, and gives its variant; `null` is no
    /// value.
    ///
    /// # Errors
    ///
    /// A value that is not JSON.
    pub fn read_empty<U>(self, variant: U) -> Result<Option<U>, A::Error> {
        Ok(self.0.next_value::<Option<IgnoredAny>>()?.map(|_| variant))
    }

    /// Passes over the value of a member that the union does not have.
    ///
    /// # Errors
    ///
    /// A value that is not JSON.
    pub fn skip<U>(self) -> Result<Option<U>, A::Error> {
        self.0.next_value::<IgnoredAny>().map(|_| None)
    }
}

/// Reads a union.
///
/// Members that are `null` count as absent, because some peers send them, and unknown members are
/// ignored. If nothing is left the union is unknown.
///
/// # Errors
///
/// Two members of the union at once, a value of another type than its member's, or no object.
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
            let Some(member) = U::read_member(&name.0, MemberValue(&mut map))? else {
                continue;
            };
            // The same member again is a duplicate key: the last one counts.
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

/// The value of a member that is nothing but its name: an object without members
/// (`smithy.api#Unit`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Empty {}

/// Writes a union as an object with the one member that is set.
///
/// # Errors
///
/// What writing `value` reports.
pub fn serialize_union_member<T: Serialize + ?Sized, S: Serializer>(
    serializer: S,
    name: &'static str,
    value: &T,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(name, value)?;
    map.end()
}
