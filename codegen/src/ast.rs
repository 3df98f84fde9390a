//! The Smithy JSON AST as plain data (Smithy 2.0 spec, section "JSON AST").
//!
//! It knows Smithy and nothing of Rust. Reading it finds what is wrong with each shape by itself; whether
//! the shapes fit together is for [`resolve`](crate::resolve).

mod parse;

use std::collections::HashMap;

use crate::{
    diagnostic::{Location, Subject},
    shape_id::ShapeId,
    traits::Traits,
};

pub use parse::parse;

/// All shapes of all files, in the order in which they stand there.
#[derive(Debug, Default)]
pub struct Model {
    shapes: Vec<Shape>,
    index: HashMap<ShapeId, usize>,
}

impl Model {
    /// The shapes in order.
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    /// The shape with this ID.
    pub fn get(&self, id: &ShapeId) -> Option<&Shape> {
        Some(&self.shapes[*self.index.get(id)?])
    }

    /// Adds a shape; gives back the earlier one if the ID is taken.
    fn insert(&mut self, shape: Shape) -> Result<(), &Shape> {
        if let Some(&earlier) = self.index.get(&shape.id) {
            return Err(&self.shapes[earlier]);
        }
        self.index.insert(shape.id.clone(), self.shapes.len());
        self.shapes.push(shape);
        Ok(())
    }
}

/// One shape.
#[derive(Debug)]
pub struct Shape {
    /// Its ID.
    pub id: ShapeId,
    /// Its type, with what only that type has.
    pub kind: ShapeKind,
    /// Its traits.
    pub traits: Traits,
    /// Where its key stands.
    pub location: Location,
}

impl Shape {
    /// What a diagnostic about this shape is about; `suffix` continues the JSON pointer.
    pub fn subject(&self, suffix: &str) -> Subject {
        subject(&self.id, None, suffix)
    }
}

/// What kind of shape it is.
#[derive(Debug)]
pub enum ShapeKind {
    /// A type without members.
    Simple(SimpleType),
    /// Texts, each with a name. The members' values are in their `enumValue` trait.
    Enum(Vec<Member>),
    /// Values in order.
    List(Member),
    /// Values by text.
    Map {
        /// The key.
        key: Member,
        /// The value.
        value: Member,
    },
    /// Named values.
    Structure(Vec<Member>),
    /// One of several named values.
    Union(Vec<Member>),
    /// A service.
    Service(Service),
    /// An operation of a service.
    Operation(Operation),
}

impl ShapeKind {
    /// The `type` of the shape in the JSON AST.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Simple(simple) => simple.name(),
            Self::Enum(_) => "enum",
            Self::List(_) => "list",
            Self::Map { .. } => "map",
            Self::Structure(_) => "structure",
            Self::Union(_) => "union",
            Self::Service(_) => "service",
            Self::Operation(_) => "operation",
        }
    }

    /// All members, whatever they are called there.
    pub fn members(&self) -> Vec<&Member> {
        match self {
            Self::Enum(members) | Self::Structure(members) | Self::Union(members) => {
                members.iter().collect()
            }
            Self::List(member) => vec![member],
            Self::Map { key, value } => vec![key, value],
            Self::Simple(_) | Self::Service(_) | Self::Operation(_) => Vec::new(),
        }
    }
}

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
    /// A point in time.
    Timestamp,
    /// Any JSON value.
    Document,
}

impl SimpleType {
    /// Every simple type.
    pub const ALL: [Self; 11] = [
        Self::Blob,
        Self::Boolean,
        Self::String,
        Self::Byte,
        Self::Short,
        Self::Integer,
        Self::Long,
        Self::Float,
        Self::Double,
        Self::Timestamp,
        Self::Document,
    ];

    /// The `type` of the shape in the JSON AST.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Boolean => "boolean",
            Self::String => "string",
            Self::Byte => "byte",
            Self::Short => "short",
            Self::Integer => "integer",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Timestamp => "timestamp",
            Self::Document => "document",
        }
    }

    /// The simple type that the prelude's shape `smithy.api#…` has.
    pub fn of_prelude(id: &ShapeId) -> Option<Self> {
        let is_named = |it: &Self| it.name().eq_ignore_ascii_case(id.name());
        let simple = Self::ALL.into_iter().find(is_named)?;
        let starts_upper = id.name().starts_with(|it: char| it.is_ascii_uppercase());
        (id.namespace() == PRELUDE && starts_upper).then_some(simple)
    }
}

/// The namespace of the shapes that every model has without declaring them.
pub const PRELUDE: &str = "smithy.api";

/// A member of a shape.
#[derive(Debug)]
pub struct Member {
    /// Its name, which is also its name on the wire. `member`, `key` and `value` in lists and maps.
    pub name: String,
    /// The shape of its values.
    pub target: ShapeId,
    /// Its own traits.
    pub traits: Traits,
    /// Where its key stands.
    pub location: Location,
    /// Where the target stands.
    pub target_location: Location,
}

/// What only a service has.
#[derive(Debug)]
pub struct Service {
    /// Its version.
    pub version: Option<String>,
    /// Its operations in order.
    pub operations: Vec<Reference>,
}

/// What only an operation has.
#[derive(Debug)]
pub struct Operation {
    /// The shape of its request.
    pub input: Reference,
    /// The shape of its response.
    pub output: Reference,
    /// The errors it declares, in order.
    pub errors: Vec<Reference>,
}

/// A reference from one shape to another.
#[derive(Debug)]
pub struct Reference {
    /// The other shape.
    pub target: ShapeId,
    /// Where its ID stands.
    pub location: Location,
}

/// What a diagnostic about a shape, or a member of it, is about.
pub(crate) fn subject(id: &ShapeId, member: Option<&str>, suffix: &str) -> Subject {
    let shape = match member {
        Some(member) => format!("{id}${member}"),
        None => id.to_string(),
    };
    let member = member.map_or(String::new(), |it| format!("/members/{it}"));
    Subject { shape: Some(shape), pointer: format!("/shapes/{id}{member}{suffix}") }
}
