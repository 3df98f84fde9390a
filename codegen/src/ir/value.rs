//! The types of values, and whether there is one.

use std::fmt;

use super::{SimpleType, TypeRef};
use crate::traits::TimestampFormat;

/// The type of a value; its text is that of the type in Rust, without paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    Unit,
    /// Any simple type but `timestamp`.
    Simple(SimpleType),
    /// `Timestamp`, which travels in this form.
    Timestamp(TimestampFormat),
    /// `Option<_>`, within a list or map that may hold `null`.
    Sparse(Box<Type>),
    List(Box<Type>),
    Map(Box<Type>, Box<Type>),
    Named(TypeRef),
}

impl Type {
    /// The type of the values that are in it, however deep within lists and maps.
    pub fn innermost(&self) -> &Type {
        match self {
            Self::Sparse(item) | Self::List(item) | Self::Map(_, item) => item.innermost(),
            other => other,
        }
    }

    pub fn is_float(&self) -> bool {
        matches!(self, Self::Simple(SimpleType::Float | SimpleType::Double))
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit => f.write_str("()"),
            Self::Simple(simple) => f.write_str(match simple {
                SimpleType::Boolean => "bool",
                SimpleType::Byte => "i8",
                SimpleType::Short => "i16",
                SimpleType::Integer => "i32",
                SimpleType::Long => "i64",
                SimpleType::Float => "f32",
                SimpleType::Double => "f64",
                // The others have the names of their variants.
                other => return write!(f, "{other:?}"),
            }),
            Self::Timestamp(_) => f.write_str("Timestamp"),
            Self::Sparse(item) => write!(f, "Option<{item}>"),
            Self::List(item) => write!(f, "Vec<{item}>"),
            Self::Map(key, value) => write!(f, "BTreeMap<{key}, {value}>"),
            Self::Named(type_ref) => f.write_str(&type_ref.name),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Presence {
    /// It may be absent: an `Option`.
    Optional,
    /// A server misses it if it is absent, but a client need not set it: an `Option`.
    Expected,
    Required,
    /// It has this value if nothing else is set: Rust source.
    Default(String),
    /// It reads as this value if it is absent, and is not sent if it was not set: an `Option`.
    ReadsAs(String),
}
