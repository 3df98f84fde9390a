//! The shapes that every model has without declaring them (Smithy 2.0 spec, section "Prelude").

use crate::{
    shape_id::{PRELUDE, ShapeId},
    simple_type::SimpleType,
};

/// A shape of the prelude.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreludeShape {
    /// A simple type; one like `PrimitiveInteger` has a default as well.
    Simple(SimpleType),
    /// A simple type whose members default to zero or `false`.
    Primitive(SimpleType),
    /// The structure that stands for nothing.
    Unit,
}

impl PreludeShape {
    /// The simple type, if it is one.
    pub fn simple(self) -> Option<SimpleType> {
        match self {
            Self::Simple(simple) | Self::Primitive(simple) => Some(simple),
            Self::Unit => None,
        }
    }

    /// The `type` that the shape has.
    pub fn type_name(self) -> &'static str {
        self.simple().map_or("structure", SimpleType::name)
    }
}

/// The name and the meaning of each shape that a model may target.
const SHAPES: [(&str, PreludeShape); 21] = [
    ("String", PreludeShape::Simple(SimpleType::String)),
    ("Blob", PreludeShape::Simple(SimpleType::Blob)),
    ("Boolean", PreludeShape::Simple(SimpleType::Boolean)),
    ("Byte", PreludeShape::Simple(SimpleType::Byte)),
    ("Short", PreludeShape::Simple(SimpleType::Short)),
    ("Integer", PreludeShape::Simple(SimpleType::Integer)),
    ("Long", PreludeShape::Simple(SimpleType::Long)),
    ("Float", PreludeShape::Simple(SimpleType::Float)),
    ("Double", PreludeShape::Simple(SimpleType::Double)),
    ("BigInteger", PreludeShape::Simple(SimpleType::BigInteger)),
    ("BigDecimal", PreludeShape::Simple(SimpleType::BigDecimal)),
    ("Timestamp", PreludeShape::Simple(SimpleType::Timestamp)),
    ("Document", PreludeShape::Simple(SimpleType::Document)),
    ("PrimitiveBoolean", PreludeShape::Primitive(SimpleType::Boolean)),
    ("PrimitiveByte", PreludeShape::Primitive(SimpleType::Byte)),
    ("PrimitiveShort", PreludeShape::Primitive(SimpleType::Short)),
    ("PrimitiveInteger", PreludeShape::Primitive(SimpleType::Integer)),
    ("PrimitiveLong", PreludeShape::Primitive(SimpleType::Long)),
    ("PrimitiveFloat", PreludeShape::Primitive(SimpleType::Float)),
    ("PrimitiveDouble", PreludeShape::Primitive(SimpleType::Double)),
    ("Unit", PreludeShape::Unit),
];

/// The shape of the prelude with this ID.
pub fn get(id: &ShapeId) -> Option<PreludeShape> {
    if id.namespace() != PRELUDE {
        return None;
    }
    SHAPES.iter().find(|(name, _)| *name == id.name()).map(|(_, shape)| *shape)
}

/// The names of all shapes, without their namespace.
pub fn names() -> impl Iterator<Item = &'static str> {
    SHAPES.iter().map(|(name, _)| *name)
}
