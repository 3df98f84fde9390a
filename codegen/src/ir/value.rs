//! The types of values, and what stands for a value that is not there.

use super::TypeRef;
use crate::traits::TimestampFormat;

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
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
    /// It has this value if nothing else is set.
    Default(Literal),
    /// It reads as this value if it is absent, and is not sent if it was not set: an `Option`.
    ReadsAs(Literal),
}

/// A value that is written in the model.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// What the type's own `Default` gives.
    Zero,
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating-point number, which may also be NaN or infinite.
    Float(f64),
    /// A big integer or decimal, as it is written.
    Big(String),
    /// A text.
    String(String),
    /// Bytes.
    Blob(Vec<u8>),
    /// A point in time.
    Timestamp {
        /// Since 1970, rounded down.
        secs: i64,
        /// The rest, in nanoseconds.
        nanos: u32,
    },
    /// The variant of an enum.
    Variant(String),
    /// A document that holds the value.
    Document(Box<Literal>),
    /// The empty document with elements.
    EmptyList,
    /// The empty document with members.
    EmptyObject,
}
