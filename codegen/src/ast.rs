//! The Smithy JSON AST as plain data (Smithy 2.0 specification, section "JSON AST").
//!
//! [`parse()`] reads and merges the files, applies mixins and `apply` statements, and reads the traits.
//! [`resolve`](crate::resolve) checks that the shapes fit together.

mod merge;
mod mixins;
mod parse;
mod traits;
mod upgrade;

use std::collections::HashMap;

use crate::{
    Source,
    diagnostic::{Location, Reporter},
    json::{Kind, Value},
    shape_id::ShapeId,
    traits::Traits,
};

pub(crate) use traits::names as trait_names;

pub use crate::shape_kind::ShapeKind;

/// Reads and merges all sources; errors go to the reporter.
pub fn parse<'a>(sources: &'a [Source<'a>], reporter: &mut Reporter<'a>) -> Model {
    let mut files = Vec::new();
    let mut are_version_1 = vec![false; sources.len()];
    for (index, source) in sources.iter().enumerate() {
        if let Some(twin) = sources[..index].iter().find(|it| it.json == source.json) {
            let location = Location { source: index, offset: 0 };
            let message = format!("this file is the same as {} and is skipped", twin.path);
            reporter.warning(location, message).hint("name each file once");
            continue;
        }
        match Value::parse(index, source.json) {
            Ok(value) => {
                if let Some(file) = parse::file(&value, reporter) {
                    are_version_1[index] = file.is_version_1;
                    files.push(file);
                }
            }
            Err(error) => {
                let message = format!("this is not JSON: {}", error.message);
                reporter.error(error.at, message).hint(error.hint());
            }
        }
    }
    let (mut model, applies) = merge::merge(files, reporter);
    mixins::flatten(&mut model, applies, reporter);
    upgrade::upgrade(&mut model, &are_version_1, reporter);
    traits::check(&mut model, reporter);
    model
}

#[derive(Debug, Default)]
pub struct Model {
    /// The shapes of the files, then those of the prelude.
    shapes: Vec<Shape>,
    /// How many shapes the files have.
    count: usize,
    index: HashMap<ShapeId, usize>,
}

impl Model {
    fn push(&mut self, shape: Shape) {
        self.index.insert(shape.id.clone(), self.shapes.len());
        self.shapes.push(shape);
    }

    fn ids(&self) -> impl Iterator<Item = &ShapeId> {
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
    fn key(&self) -> (Property, ShapeId, Option<String>) {
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
