//! The traits that mean something for generated code (Smithy 2.0 spec, section "Traits").

mod example;
mod read;
mod table;

use crate::{
    diagnostic::Location,
    json::{Kind, Value},
    shape_id::ShapeId,
};

pub(crate) use read::{Holder, TraitReader};
pub(crate) use table::names;

/// The traits of a shape or member.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traits {
    /// `documentation`: CommonMark, in practice often HTML.
    pub documentation: Option<String>,
    /// `required`, on a member of a structure.
    pub required: bool,
    /// `default`, on a member or a shape.
    pub default: Option<DefaultTrait>,
    /// `clientOptional`: a client takes the member for optional even if it is required or has a default.
    pub client_optional: bool,
    /// `input`: a client takes every member of the structure for optional.
    pub input: bool,
    /// `output`.
    pub output: bool,
    /// `sensitive`: values appear in no log.
    pub sensitive: bool,
    /// `deprecated`.
    pub deprecated: Option<Deprecated>,
    /// `error`.
    pub error: Option<Fault>,
    /// `retryable`.
    pub retryable: bool,
    /// `retryable`, because the caller is being slowed down.
    pub throttling: bool,
    /// `streaming`.
    pub streaming: bool,
    /// `enumValue` of a member of an enum. Every such member has it: without the trait it is the name.
    pub enum_value: Option<String>,
    /// `enumValue` of a member of an intEnum.
    pub int_enum_value: Option<i32>,
    /// `range`: the values that a number may have.
    pub range: Option<Range>,
    /// `length`: how many characters, bytes or elements there may be.
    pub length: Option<Length>,
    /// `pattern`: a regular expression (ECMA-262) that some part of a string has to match.
    pub pattern: Option<String>,
    /// `uniqueItems`: no two elements of a list are equal.
    pub unique_items: bool,
    /// `sparse`: a list or map may hold `null`.
    pub sparse: bool,
    /// `jsonName`: the member's key in JSON.
    pub json_name: Option<String>,
    /// `timestampFormat`.
    pub timestamp_format: Option<TimestampFormat>,
    /// `idempotencyToken`: a client fills in a random value where there is none.
    pub idempotency_token: bool,
    /// `mixin`: the shape is there to be copied and is no shape by itself.
    pub mixin: bool,
    /// `since`: the version in which it was added.
    pub since: Option<String>,
    /// `title`: a name for people.
    pub title: Option<String>,
    /// `externalDocumentation`: names and addresses.
    pub external_documentation: Vec<(String, String)>,
    /// `mediaType`: what a string or blob holds.
    pub media_type: Option<String>,
    /// `recommended`: a member should be set.
    pub recommended: bool,
    /// `tags`: words to find it by.
    pub tags: Vec<String>,
    /// `examples`: requests of an operation, and what comes back, as CommonMark.
    pub examples: Vec<String>,
    /// `trait`: the shape is the type of a trait's values, not one of the service's.
    pub defines_trait: bool,
    /// `unstable`: it may change without notice.
    pub unstable: bool,
    /// `internal`: it is not for everybody.
    pub internal: bool,
}

/// The value of `default`.
#[derive(Clone, Debug)]
pub struct DefaultTrait {
    /// What it is.
    pub value: DefaultValue,
    /// Where it stands.
    pub location: Location,
}

/// Equal values are the same trait, wherever they stand.
impl PartialEq for DefaultTrait {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// A default. Whether it fits the type is for [`resolve`](crate::resolve) to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DefaultValue {
    /// `null`: there is no default, whatever the target says.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as it is written.
    Number(String),
    /// A string.
    String(String),
    /// An empty list.
    EmptyList,
    /// An empty map or document.
    EmptyObject,
}

impl DefaultValue {
    /// Reads a value; `None` for a list or an object that is not empty.
    pub(crate) fn of(kind: &Kind<'_>) -> Option<Self> {
        Some(match kind {
            Kind::Null => Self::Null,
            Kind::Bool(value) => Self::Bool(*value),
            Kind::Number(text) => Self::Number((*text).to_owned()),
            Kind::String(text) => Self::String(text.to_string()),
            Kind::Array(elements) if elements.is_empty() => Self::EmptyList,
            Kind::Object(entries) if entries.is_empty() => Self::EmptyObject,
            Kind::Array(_) | Kind::Object(_) => return None,
        })
    }
}

/// The value of `deprecated`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deprecated {
    /// Why, or what to use instead.
    pub message: Option<String>,
    /// Since which version of the service.
    pub since: Option<String>,
}

/// The value of `error`: who is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client.
    Client,
    /// The server.
    Server,
}

/// The value of `range`: decimal numbers as they are written, bounds included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The least value allowed.
    pub min: Option<String>,
    /// The greatest value allowed.
    pub max: Option<String>,
}

/// The value of `length`, bounds included. Characters are Unicode scalar values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Length {
    /// The least number allowed.
    pub min: Option<u64>,
    /// The greatest number allowed.
    pub max: Option<u64>,
}

/// The value of `timestampFormat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampFormat {
    /// `date-time`: RFC 3339, in UTC.
    DateTime,
    /// `http-date`: an IMF-fixdate of RFC 7231.
    HttpDate,
    /// `epoch-seconds`: a number.
    EpochSeconds,
}

/// A trait as it is written.
#[derive(Clone, Debug)]
pub(crate) struct RawTrait<'a> {
    pub(crate) id: ShapeId,
    pub(crate) value: Value<'a>,
    /// Where the value stands.
    pub(crate) location: Location,
    /// Whether it comes from a mixin, and so gives way to what is applied.
    pub(crate) inherited: bool,
}

impl<'a> RawTrait<'a> {
    /// A trait of the prelude.
    pub(crate) fn new(name: &str, value: Value<'a>, location: Location) -> Self {
        Self { id: ShapeId::prelude(name), value, location, inherited: false }
    }
}
