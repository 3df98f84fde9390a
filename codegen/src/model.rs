//! A model as plain data: its shapes, with their members, traits and references.

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

#[derive(Debug, Default)]
pub struct Model {
    /// The shapes of the files, then those of the prelude.
    pub shapes: Vec<Shape>,
    /// How many shapes the files have.
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
    /// In order: one of a list, key and value of a map.
    pub members: Vec<Member>,
    /// What a service, an operation or a resource refers to, in order.
    pub references: Vec<Reference>,
    pub version: Option<String>,
    pub traits: Traits,
    pub location: Location,
    /// Whether a part of it could not be read, which has been reported.
    pub is_broken: bool,
    /// Whether the value of a trait names it.
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

    /// What it refers to by these properties.
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
    /// Its name; `member`, `key` and `value` in lists and maps.
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

    /// What is sent for a member of an enum: a text, or a number as it is written.
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
    /// What the service calls the other shape, of [`Property::Rename`].
    pub name: Option<String>,
    pub location: Location,
}

impl Reference {
    /// What it says, wherever it is.
    pub fn key(&self) -> (Property, ShapeId, Option<String>) {
        (self.property, self.target.clone(), self.name.clone())
    }
}

/// What a shape is to the one that refers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Property {
    Mixin,
    /// The request of an operation, unless that is empty.
    Input,
    /// The response of an operation, unless that is empty.
    Output,
    /// An error of an operation, or of every operation of a service.
    Error,
    /// An operation of a service or resource, of a resource the lifecycle operations first.
    Operation,
    Resource,
    /// An identifier or property of a resource.
    Shape,
    /// A shape that has another name in the service.
    Rename,
}
