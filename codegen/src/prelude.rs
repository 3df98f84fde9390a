//! The shapes that every model contains implicitly (Smithy 2.0 specification, section "Prelude").

use crate::{
    json::{Kind, Location, Value},
    model::{Shape, ShapeKind},
    shape_id::ShapeId,
    traits::{Trait, Traits},
};

/// The implicit default of numbers and booleans in Smithy 1.0: zero or `false`.
pub(crate) fn zero(kind: ShapeKind) -> Option<Kind> {
    use ShapeKind::{BigDecimal, BigInteger, Boolean};
    match kind {
        Boolean => Some(Kind::Bool(false)),
        BigInteger | BigDecimal => None,
        _ => kind.is_number().then(|| Kind::Number("0".to_owned())),
    }
}

pub(crate) fn shapes() -> impl Iterator<Item = Shape> {
    // Diagnostics never refer to these shapes.
    let location = Location { source: usize::MAX, offset: 0 };
    names().map(move |(name, kind)| {
        let default = zero(kind).filter(|_| name.starts_with("Primitive"));
        let default = default.map(|kind| Trait::new("default", Value { at: location, kind }));
        let traits = Traits(default.into_iter().collect());
        Shape { traits, ..Shape::new(ShapeId::prelude(&name), kind, location) }
    })
}

/// The names of all shapes, without their namespace.
pub(crate) fn names() -> impl Iterator<Item = (String, ShapeKind)> {
    let simple = ShapeKind::ALL.iter().filter(|it| it.0.is_simple());
    let simple = simple.flat_map(|&(kind, name)| {
        let (first, rest) = name.split_at(1);
        let name = first.to_ascii_uppercase() + rest;
        let primitive = zero(kind).map(|_| (format!("Primitive{name}"), kind));
        [(name, kind)].into_iter().chain(primitive)
    });
    simple.chain([("Unit".to_owned(), ShapeKind::Structure)])
}
