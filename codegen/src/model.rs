//! A Smithy model as plain data: shapes with their members, traits and references.

use std::collections::HashMap;

use crate::{
    json::{Kind, Location},
    shape_id::ShapeId,
    traits::Traits,
};

macro_rules! kinds {
    ($($kind:ident = $name:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ShapeKind { $($kind),* }

        impl ShapeKind {
            /// All kinds with their names in the JSON AST, simple types first.
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

    /// Whether the values can be compared exactly.
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

    /// Whether each shape of this kind becomes a struct or an enum.
    pub fn has_type(self) -> bool {
        self.has_fields() || self.is_enum()
    }

    pub fn has_values(self) -> bool {
        !matches!(self, Self::Service | Self::Operation | Self::Resource)
    }
}

#[derive(Debug, Default)]
pub struct Model {
    /// The shapes of the files, then those of the prelude.
    pub shapes: Vec<Shape>,
    /// The number of shapes of the files, at the beginning of `shapes`.
    pub count: usize,
    pub index: HashMap<ShapeId, usize>,
}

impl Model {
    pub fn push(&mut self, shape: Shape) {
        self.index.insert(shape.id.clone(), self.shapes.len());
        self.shapes.push(shape);
    }

    pub fn ids(&self) -> impl Iterator<Item = &ShapeId> {
        self.shapes().iter().map(|it| &it.id)
    }

    /// The shapes in order, without those of the prelude.
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes[..self.count]
    }

    /// The shape with this ID, which may be one of the prelude.
    pub fn get(&self, id: &ShapeId) -> Option<&Shape> {
        Some(&self.shapes[*self.index.get(id)?])
    }
}

#[derive(Clone, Debug)]
pub struct Shape {
    pub id: ShapeId,
    pub kind: ShapeKind,
    /// The members in order. A list has one; a map has a key and a value.
    pub members: Vec<Member>,
    /// The shapes that a service, operation or resource refers to, in order.
    pub references: Vec<Reference>,
    pub version: Option<String>,
    pub traits: Traits,
    pub location: Location,
    /// Whether a part could not be read. The error has been reported.
    pub is_broken: bool,
    /// Whether the value of a trait contains the ID of the shape.
    pub is_mentioned: bool,
}

impl Shape {
    pub fn new(id: ShapeId, kind: ShapeKind, location: Location) -> Self {
        Self {
            id,
            kind,
            members: Vec::new(),
            references: Vec::new(),
            version: None,
            traits: Traits::default(),
            location,
            is_broken: false,
            is_mentioned: false,
        }
    }

    /// The references of these properties.
    pub fn references<const N: usize>(
        &self,
        properties: [Property; N],
    ) -> impl Iterator<Item = &Reference> {
        self.references.iter().filter(move |it| properties.contains(&it.property))
    }

    pub fn is_prelude(&self) -> bool {
        self.id.prelude_name().is_some()
    }

    /// Whether it is a union of events.
    pub fn is_event_stream(&self) -> bool {
        self.kind == ShapeKind::Union && self.traits.has("streaming")
    }
}

#[derive(Clone, Debug)]
pub struct Member {
    /// The name: `member` in a list, `key` and `value` in a map.
    pub name: String,
    pub target: ShapeId,
    pub traits: Traits,
    pub location: Location,
    pub target_location: Location,
}

impl Member {
    pub fn wire_name(&self) -> &str {
        self.traits.text("jsonName").unwrap_or(&self.name)
    }

    /// The value of an enum's member on the wire: a string, or the text of a number.
    pub fn enum_value(&self) -> &str {
        match self.traits.find("enumValue").map(|it| &it.value.kind) {
            Some(Kind::String(text) | Kind::Number(text)) => text,
            _ => &self.name,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Reference {
    pub property: Property,
    pub target: ShapeId,
    /// The new name of the shape, for [`Property::Rename`].
    pub name: Option<String>,
    pub location: Location,
}

impl Reference {
    /// The content of the reference without its location.
    pub fn key(&self) -> (Property, ShapeId, Option<String>) {
        (self.property, self.target.clone(), self.name.clone())
    }
}

/// The place of a reference in its shape, named after the property of the JSON AST.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Property {
    Mixin,
    /// The input of an operation. An empty one, `smithy.api#Unit`, is not stored.
    Input,
    /// The output of an operation, also not stored if it is empty.
    Output,
    /// An error of an operation, or of every operation of a service.
    Error,
    /// An operation of a service or resource. Lifecycle operations of resources come first.
    Operation,
    Resource,
    /// An identifier or property of a resource.
    Shape,
    /// A shape that the service renames.
    Rename,
}
