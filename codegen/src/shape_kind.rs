//! The types of shapes.

macro_rules! kinds {
    ($($kind:ident = $name:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ShapeKind { $($kind),* }

        impl ShapeKind {
            /// Every type, with its name in the JSON AST. The simple types come first.
            pub const ALL: &[(Self, &str)] = &[$((Self::$kind, $name)),*];
        }
    };
}

kinds! {
    Blob = "blob", Boolean = "boolean", String = "string", Byte = "byte", Short = "short",
    Integer = "integer", Long = "long", Float = "float", Double = "double",
    BigInteger = "bigInteger", BigDecimal = "bigDecimal", Timestamp = "timestamp",
    Document = "document", Enum = "enum", IntEnum = "intEnum", List = "list", Map = "map",
    Operation = "operation", Resource = "resource", Service = "service", Structure = "structure",
    Union = "union",
}

impl ShapeKind {
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// Whether values have no parts and no names.
    pub fn is_simple(self) -> bool {
        (self as usize) < Self::Enum as usize
    }

    pub fn is_integer(self) -> bool {
        use ShapeKind::{BigInteger, Byte, Integer, Long, Short};
        matches!(self, Byte | Short | Integer | Long | BigInteger)
    }

    pub fn is_number(self) -> bool {
        self.is_integer() || matches!(self, Self::Float | Self::Double | Self::BigDecimal)
    }

    /// Whether two values can be compared exactly.
    pub fn has_equality(self) -> bool {
        !matches!(self, Self::Float | Self::Double | Self::Document)
    }

    pub fn is_enum(self) -> bool {
        matches!(self, Self::Enum | Self::IntEnum)
    }

    /// Whether it is a structure or a union.
    pub fn has_fields(self) -> bool {
        matches!(self, Self::Structure | Self::Union)
    }

    /// Whether shapes of this type become types in Rust.
    pub fn has_type(self) -> bool {
        self.has_fields() || self.is_enum()
    }

    /// Whether shapes of this type have values.
    pub fn has_values(self) -> bool {
        !matches!(self, Self::Service | Self::Operation | Self::Resource)
    }
}
