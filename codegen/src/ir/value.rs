//! The types of members' values, and what happens if a value is absent.

use std::fmt;

use super::{SimpleType, TypeRef};
use crate::traits::TimestampFormat;

/// The type of a value. `Display` writes the Rust type without paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    Unit,
    /// Any simple type but `timestamp`.
    Simple(SimpleType),
    /// `Timestamp` with its format on the wire.
    Timestamp(TimestampFormat),
    /// `Option<_>`, in a list or map that may contain `null`.
    Sparse(Box<Type>),
    List(Box<Type>),
    Map(Box<Type>, Box<Type>),
    Named(TypeRef),
}

impl Type {
    /// The type of the innermost values of nested lists and maps; otherwise the type itself.
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
                // The other types are named like their variants.
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

/// Whether a member must be set, and its default as Rust source.
#[derive(Clone, Debug, PartialEq)]
pub enum Presence {
    /// An `Option`.
    Optional,
    /// An `Option` that clients need not set, but whose absence a server reports as a violation.
    Expected,
    /// A plain value that the builder requires.
    Required,
    /// A plain value that is this default if it was not set.
    Default(String),
    /// An `Option` that reads as this default if it is absent, and is not sent if it was not set.
    ReadsAs(String),
}
