//! The shapes that every model has without declaring them (Smithy 2.0 specification, section "Prelude").

use crate::{
    ast::{Shape, ShapeKind, SimpleType},
    diagnostic::Location,
    json::Kind,
    shape_id::ShapeId,
    traits::{DefaultTrait, DefaultValue, Traits},
};

/// The zero or `false` of a number or boolean that has a default without saying so.
pub(crate) fn zero(kind: ShapeKind) -> Option<Kind<'static>> {
    use SimpleType::{Boolean, Byte, Double, Float, Integer, Long, Short};
    match kind {
        ShapeKind::Simple(Boolean) => Some(Kind::Bool(false)),
        ShapeKind::Simple(Byte | Short | Integer | Long | Float | Double) => {
            Some(Kind::Number("0"))
        }
        _ => None,
    }
}

/// All shapes.
pub(crate) fn shapes() -> impl Iterator<Item = Shape> {
    // Nothing is reported of them.
    let location = Location { source: usize::MAX, offset: 0 };
    names().map(move |(name, kind)| {
        let default = zero(kind).filter(|_| name.starts_with("Primitive"));
        let default = default.and_then(|it| DefaultValue::of(&it));
        let default = default.map(|value| DefaultTrait { value, location });
        Shape {
            id: ShapeId::prelude(&name),
            kind,
            members: Vec::new(),
            references: Vec::new(),
            version: None,
            traits: Traits { default, ..Traits::default() },
            location,
            is_broken: false,
            is_mentioned: false,
        }
    })
}

/// The type of the shape with this ID.
pub(crate) fn kind(id: &ShapeId) -> Option<ShapeKind> {
    names().find(|(name, _)| id.is_prelude(name)).map(|it| it.1)
}

/// The names of all shapes, without their namespace.
pub(crate) fn names() -> impl Iterator<Item = (String, ShapeKind)> {
    let simple = SimpleType::ALL.into_iter().flat_map(|(simple, name)| {
        let (first, rest) = name.split_at(1);
        let name = first.to_ascii_uppercase() + rest;
        let kind = ShapeKind::Simple(simple);
        let primitive = zero(kind).map(|_| (format!("Primitive{name}"), kind));
        [(name, kind)].into_iter().chain(primitive)
    });
    simple.chain([("Unit".to_owned(), ShapeKind::Structure)])
}
