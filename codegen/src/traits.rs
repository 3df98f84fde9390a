//! Traits and their values (Smithy 2.0 specification, section "Traits").
//!
//! `ast` checks all traits and removes those that are misplaced or malformed, so later stages can rely on their values.

use crate::{
    json::{Kind, Location, Value},
    shape_id::ShapeId,
};

#[derive(Clone, Debug, PartialEq)]
pub struct Trait {
    pub id: ShapeId,
    pub value: Value,
    /// Whether it comes from a mixin, so that traits of the shape itself override it.
    pub inherited: bool,
}

impl Trait {
    /// A trait of the prelude.
    pub fn new(name: &str, value: Value) -> Self {
        Self { id: ShapeId::prelude(name), value, inherited: false }
    }

    pub fn at(&self) -> Location {
        self.value.at
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        self.value.get(key)?.as_str()
    }

    pub fn bounds(&self) -> Bounds {
        let bound = |key| match &self.value.get(key)?.kind {
            Kind::Number(text) => Some(text.clone()),
            _ => None,
        };
        Bounds { min: bound("min"), max: bound("max") }
    }
}

/// The traits of a shape or member, in order.
#[derive(Clone, Debug, Default)]
pub struct Traits(pub Vec<Trait>);

impl Traits {
    /// The trait of the prelude with this name.
    pub fn find(&self, name: &str) -> Option<&Trait> {
        self.0.iter().find(|it| it.id.is_prelude(name))
    }

    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The value of a trait, if it is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.find(name)?.value.as_str()
    }

    /// The trait that says what the policy of a caller has to allow.
    pub fn permission(&self) -> Option<&Trait> {
        self.0.iter().find(|it| it.id.as_str() == "aws.greengrass#permission")
    }

    pub fn bounds(&self, name: &str) -> Option<Bounds> {
        self.find(name).map(Trait::bounds)
    }

    pub fn timestamp_format(&self) -> Option<TimestampFormat> {
        Some(match self.text("timestampFormat")? {
            "date-time" => TimestampFormat::DateTime,
            "http-date" => TimestampFormat::HttpDate,
            _ => TimestampFormat::EpochSeconds,
        })
    }

    /// Whether the error means that the caller sends too many requests.
    pub fn is_throttling(&self) -> bool {
        let throttling = self.find("retryable").and_then(|it| it.value.get("throttling"));
        throttling.is_some_and(|it| it.kind == Kind::Bool(true))
    }

    /// The names and addresses of `externalDocumentation`.
    pub fn links(&self) -> impl Iterator<Item = (&str, &str)> {
        let entries = self.find("externalDocumentation").and_then(|it| it.value.as_object());
        entries.unwrap_or_default().iter().filter_map(|it| Some((&*it.key, it.value.as_str()?)))
    }

    pub fn tags(&self) -> impl Iterator<Item = &str> {
        let tags = self.find("tags").and_then(|it| it.value.as_array());
        tags.unwrap_or_default().iter().filter_map(Value::as_str)
    }

    /// The first example of an operation that shows no error.
    pub fn example(&self) -> Option<&Value> {
        self.find("examples")?.value.as_array()?.iter().find(|it| it.get("error").is_none())
    }
}

/// Equality ignores the order of traits.
impl PartialEq for Traits {
    fn eq(&self, other: &Self) -> bool {
        let has =
            |it: &Trait| other.0.iter().any(|other| it.id == other.id && it.value == other.value);
        self.0.len() == other.0.len() && self.0.iter().all(has)
    }
}

/// The value of `range` or `length`: inclusive bounds as the text of numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    pub min: Option<String>,
    pub max: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampFormat {
    /// RFC 3339, in UTC.
    DateTime,
    /// An IMF-fixdate of RFC 7231.
    HttpDate,
    EpochSeconds,
}
