//! The types of values, and what stands for a value that is not there.

use super::TypeRef;
use crate::traits::TimestampFormat;

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// No value.
    Unit,
    /// `bool`
    Bool,
    /// A signed integer of this many bits.
    Int(u8),
    /// A floating-point number of this many bits.
    Float(u8),
    /// `BigInteger`
    BigInteger,
    /// `BigDecimal`
    BigDecimal,
    /// `String`
    String,
    /// `Blob`
    Blob,
    /// `Timestamp`, which travels in this form.
    Timestamp(TimestampFormat),
    /// `Document`
    Document,
    /// `Option<_>`, within a list or map that may hold `null`.
    Sparse(Box<Type>),
    /// `Vec<_>`
    List(Box<Type>),
    /// `BTreeMap<_, _>`
    Map(Box<Type>, Box<Type>),
    /// A type of the generated crate.
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
}

/// Whether a member is there.
#[derive(Clone, Debug, PartialEq)]
pub enum Presence {
    /// It may be absent: an `Option`.
    Optional,
    /// A server misses it if it is absent, but a client need not set it: an `Option`.
    Expected,
    /// It must be set.
    Required,
    /// It has this value if nothing else is set: Rust source.
    Default(String),
    /// It reads as this value if it is absent, and is not sent if it was not set: an `Option`.
    ReadsAs(String),
}
