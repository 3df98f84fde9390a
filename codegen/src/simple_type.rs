//! The types that have no members (Smithy 2.0 spec, section "Simple types").

/// A type without members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimpleType {
    /// Bytes.
    Blob,
    /// True or false.
    Boolean,
    /// Text.
    String,
    /// An 8-bit signed integer.
    Byte,
    /// A 16-bit signed integer.
    Short,
    /// A 32-bit signed integer.
    Integer,
    /// A 64-bit signed integer.
    Long,
    /// A 32-bit floating-point number.
    Float,
    /// A 64-bit floating-point number.
    Double,
    /// An integer without limits.
    BigInteger,
    /// A decimal number without limits.
    BigDecimal,
    /// A point in time.
    Timestamp,
    /// Any JSON value.
    Document,
}

impl SimpleType {
    /// Every simple type, with its `type` in the JSON AST.
    pub const ALL: [(Self, &'static str); 13] = [
        (Self::Blob, "blob"),
        (Self::Boolean, "boolean"),
        (Self::String, "string"),
        (Self::Byte, "byte"),
        (Self::Short, "short"),
        (Self::Integer, "integer"),
        (Self::Long, "long"),
        (Self::Float, "float"),
        (Self::Double, "double"),
        (Self::BigInteger, "bigInteger"),
        (Self::BigDecimal, "bigDecimal"),
        (Self::Timestamp, "timestamp"),
        (Self::Document, "document"),
    ];

    /// The `type` in the JSON AST.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|it| it.0 == self).map_or("", |it| it.1)
    }

    /// Whether two values can be compared exactly.
    pub fn has_equality(self) -> bool {
        !matches!(self, Self::Float | Self::Double | Self::Document)
    }
}
