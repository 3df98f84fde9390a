//! The Smithy JSON AST as plain data (Smithy 2.0 spec, section "JSON AST").
//!
//! It knows Smithy and nothing of Rust. [`parse()`] reads and merges the files, applies `apply` statements
//! and mixins, and reads the traits; whether the shapes fit together is for [`resolve`](crate::resolve).

mod merge;
mod mixins;
mod parse;
mod raw;
#[cfg(test)]
mod tests;
mod typed;

use std::collections::{HashMap, HashSet};

use crate::{
    Source,
    diagnostic::{Location, Reporter},
    json::Value,
    shape_id::ShapeId,
    traits::Traits,
};

pub use crate::simple_type::SimpleType;

/// Reads and merges all sources; what is wrong goes to the reporter.
pub fn parse<'a>(sources: &'a [Source<'a>], reporter: &mut Reporter<'a>) -> Model {
    let mut files = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        if let Some(twin) = sources[..index].iter().find(|it| it.json == source.json) {
            let location = Location { source: index, offset: 0 };
            let message = format!("this file is the same as {} and is skipped", twin.path);
            reporter.warning(location, message).hint("name each file once");
            continue;
        }
        match Value::parse(source.json) {
            Ok(value) => files.extend(parse::file(index, &value, reporter)),
            Err(error) => {
                let location = Location { source: index, offset: error.offset };
                reporter
                    .error(location, format!("this is not JSON: {}", error.message))
                    .hint(error.hint());
            }
        }
    }
    let shapes = merge::merge(files, reporter);
    typed::read(shapes, reporter)
}

/// All shapes of all files, in the order in which they stand there.
#[derive(Debug, Default)]
pub struct Model {
    shapes: Vec<Shape>,
    index: HashMap<ShapeId, usize>,
    /// Shapes of which a part could not be read, which has been reported.
    broken: HashSet<ShapeId>,
    /// The shapes that the values of traits name.
    mentioned: HashSet<ShapeId>,
}

impl Model {
    /// The shapes in order.
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    /// The shape with this ID. Shapes of the prelude are not among them.
    pub fn get(&self, id: &ShapeId) -> Option<&Shape> {
        Some(&self.shapes[*self.index.get(id)?])
    }

    /// Whether a part of this shape could not be read, which has been reported.
    pub(crate) fn is_broken(&self, id: &ShapeId) -> bool {
        self.broken.contains(id)
    }

    /// Whether the value of a trait names this shape.
    pub(crate) fn is_mentioned(&self, id: &ShapeId) -> bool {
        self.mentioned.contains(id)
    }
}

impl FromIterator<Shape> for Model {
    /// Of two shapes with one ID the first is kept.
    fn from_iter<I: IntoIterator<Item = Shape>>(shapes: I) -> Self {
        let mut model = Self::default();
        for shape in shapes {
            if !model.index.contains_key(&shape.id) {
                model.index.insert(shape.id.clone(), model.shapes.len());
                model.shapes.push(shape);
            }
        }
        model
    }
}

/// One shape. `T` is [`Traits`] but while the model is being read.
#[derive(Clone, Debug)]
pub struct Shape<T = Traits> {
    /// Its ID.
    pub id: ShapeId,
    /// Its type, with what only that type has.
    pub kind: ShapeKind<T>,
    /// Its traits.
    pub traits: T,
    /// Where its key stands.
    pub location: Location,
}

/// What kind of shape it is.
#[derive(Clone, Debug)]
pub enum ShapeKind<T = Traits> {
    /// A type without members.
    Simple(SimpleType),
    /// Texts, each with a name. The members' values are in their `enumValue` trait.
    Enum(Vec<Member<T>>),
    /// 32-bit integers, each with a name. The members' values are in their `enumValue` trait.
    IntEnum(Vec<Member<T>>),
    /// Values in order.
    List(Member<T>),
    /// Values by text.
    Map {
        /// The key.
        key: Member<T>,
        /// The value.
        value: Member<T>,
    },
    /// Named values.
    Structure(Vec<Member<T>>),
    /// One of several named values.
    Union(Vec<Member<T>>),
    /// A service.
    Service(Service),
    /// An operation of a service.
    Operation(Operation),
    /// A resource, which binds operations to a service.
    Resource(Resource),
}

impl<T> ShapeKind<T> {
    /// The `type` of the shape in the JSON AST.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Simple(simple) => simple.name(),
            Self::Enum(_) => "enum",
            Self::IntEnum(_) => "intEnum",
            Self::List(_) => "list",
            Self::Map { .. } => "map",
            Self::Structure(_) => "structure",
            Self::Union(_) => "union",
            Self::Service(_) => "service",
            Self::Operation(_) => "operation",
            Self::Resource(_) => "resource",
        }
    }

    /// All members, whatever they are called there.
    pub fn members(&self) -> Vec<&Member<T>> {
        match self {
            Self::Enum(members)
            | Self::IntEnum(members)
            | Self::Structure(members)
            | Self::Union(members) => members.iter().collect(),
            Self::List(member) => vec![member],
            Self::Map { key, value } => vec![key, value],
            Self::Simple(_) | Self::Service(_) | Self::Operation(_) | Self::Resource(_) => {
                Vec::new()
            }
        }
    }

    /// All members, to be changed.
    fn members_mut(&mut self) -> Vec<&mut Member<T>> {
        match self {
            Self::Enum(members)
            | Self::IntEnum(members)
            | Self::Structure(members)
            | Self::Union(members) => members.iter_mut().collect(),
            Self::List(member) => vec![member],
            Self::Map { key, value } => vec![key, value],
            Self::Simple(_) | Self::Service(_) | Self::Operation(_) | Self::Resource(_) => {
                Vec::new()
            }
        }
    }

    /// The same shape with other traits on its members.
    fn map<U>(self, mut traits: impl FnMut(Member<T>) -> Member<U>) -> ShapeKind<U> {
        let mut all = |members: Vec<Member<T>>| members.into_iter().map(&mut traits).collect();
        match self {
            Self::Simple(simple) => ShapeKind::Simple(simple),
            Self::Enum(members) => ShapeKind::Enum(all(members)),
            Self::IntEnum(members) => ShapeKind::IntEnum(all(members)),
            Self::Structure(members) => ShapeKind::Structure(all(members)),
            Self::Union(members) => ShapeKind::Union(all(members)),
            Self::List(member) => ShapeKind::List(traits(member)),
            Self::Map { key, value } => ShapeKind::Map { key: traits(key), value: traits(value) },
            Self::Service(service) => ShapeKind::Service(service),
            Self::Operation(operation) => ShapeKind::Operation(operation),
            Self::Resource(resource) => ShapeKind::Resource(resource),
        }
    }
}

/// A member of a shape.
#[derive(Clone, Debug)]
pub struct Member<T = Traits> {
    /// Its name, which is also its name on the wire. `member`, `key` and `value` in lists and maps.
    pub name: String,
    /// The shape of its values.
    pub target: ShapeId,
    /// Its own traits.
    pub traits: T,
    /// Where its key stands.
    pub location: Location,
    /// Where the target stands.
    pub target_location: Location,
}

/// What only a service has.
#[derive(Clone, Debug, Default)]
pub struct Service {
    /// Its version.
    pub version: Option<String>,
    /// Its operations in order, without those that its resources bind.
    pub operations: Vec<Reference>,
    /// Its resources in order.
    pub resources: Vec<Reference>,
    /// The errors that every operation can answer with, in order.
    pub errors: Vec<Reference>,
    /// Shapes that are called otherwise in this service. Their IDs, and so the wire, stay as they are.
    pub rename: Vec<Rename>,
}

/// Another name for a shape.
#[derive(Clone, Debug)]
pub struct Rename {
    /// The shape.
    pub shape: Reference,
    /// What it is called.
    pub name: String,
}

/// What only an operation has.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The shape of its request; `smithy.api#Unit` if it has none.
    pub input: Reference,
    /// The shape of its response; `smithy.api#Unit` if it has none.
    pub output: Reference,
    /// The errors it declares itself, in order.
    pub errors: Vec<Reference>,
}

/// What only a resource has: what it binds to a service.
#[derive(Clone, Debug, Default)]
pub struct Resource {
    /// Its operations: lifecycle operations first, then the others in order.
    pub operations: Vec<Reference>,
    /// The resources below it.
    pub resources: Vec<Reference>,
    /// The shapes of its identifiers and properties.
    pub shapes: Vec<Reference>,
}

/// A reference from one shape to another.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The other shape.
    pub target: ShapeId,
    /// Where its ID stands.
    pub location: Location,
}
