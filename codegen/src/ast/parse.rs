//! One file of JSON to shapes whose traits have not been read yet.

mod parts;

use super::{Property, RawShape, RawTraits, Reference, Shape, ShapeKind, SimpleType, Version};
use crate::{
    diagnostic::{Location, Reporter},
    json::{Entry, Kind, Value},
    shape_id::{ShapeId, is_identifier},
    traits::RawTrait,
};

/// What one file contains.
#[derive(Debug, Default)]
pub(super) struct File<'a> {
    pub(super) shapes: Vec<RawShape<'a>>,
    pub(super) applies: Vec<Apply<'a>>,
    pub(super) metadata: Vec<(String, Value<'a>, Location)>,
}

/// Traits that an `apply` statement adds to a shape or member.
#[derive(Debug)]
pub(super) struct Apply<'a> {
    pub(super) shape: ShapeId,
    pub(super) member: Option<String>,
    pub(super) traits: RawTraits<'a>,
    pub(super) location: Location,
}

/// Reads one file, if it is a model.
pub(super) fn file<'a>(
    source: usize,
    value: &Value<'a>,
    reporter: &mut Reporter<'_>,
) -> Option<(Version, File<'a>)> {
    let mut parser = Parser { reporter, source, version: Version::V2, is_broken: false };
    if value.as_object().is_none() {
        let message = format!("not a Smithy model: expected an object, found {}", value.describe());
        parser
            .error(value.offset, message)
            .hint("a model is {\"smithy\": \"2.0\", \"shapes\": {…}}");
        return None;
    }
    let Some(version) = value.get("smithy").map(|it| &it.value) else {
        let message = "not a Smithy model: the top-level key \"smithy\" is missing";
        parser.error(value.offset, message).hint("add \"smithy\": \"2.0\"");
        return None;
    };
    parser.version = match version.as_str() {
        Some("1" | "1.0") => Version::V1,
        Some("2" | "2.0" | "2.1") => Version::V2,
        found => {
            let message = match found {
                Some(text) => format!("unsupported version {text:?}"),
                None => format!("expected a string, found {}", version.describe()),
            };
            parser
                .error(version.offset, message)
                .hint("versions 1, 1.0, 2, 2.0 and 2.1 are supported: write \"2.0\"");
            return None;
        }
    };
    parser.duplicates(value);
    parser.keys(value, &["smithy", "metadata", "shapes"]);
    let mut file = File::default();
    for entry in parser.optional_object(value, "metadata") {
        let location = parser.at(entry.value.offset);
        file.metadata.push((entry.key.to_string(), entry.value.clone(), location));
    }
    for entry in parser.optional_object(value, "shapes") {
        parser.shape(entry, &mut file);
    }
    Some((parser.version, file))
}

/// Reads the shapes of one file.
struct Parser<'p, 'a> {
    reporter: &'p mut Reporter<'a>,
    source: usize,
    version: Version,
    /// Whether a part of the current shape could not be read.
    is_broken: bool,
}

/// What a key of a shape holds.
#[derive(Clone, Copy)]
enum Form {
    /// Members by name.
    Members,
    /// A member that has the name of the key.
    Member,
    /// A reference.
    One(Property),
    /// An array of references.
    List(Property),
    /// References by name.
    Map(Property),
    /// New names by shape ID.
    Rename,
    /// The version of a service.
    Version,
}

use ShapeKind::{Enum, IntEnum, List, Map, Operation, Resource, Service, Structure, Union};

/// The types of shape that are not simple.
const KINDS: [ShapeKind; 9] =
    [Enum, IntEnum, List, Map, Operation, Resource, Service, Structure, Union];

/// The keys of a shape of each type, in the order in which they are read.
const KEYS: [(ShapeKind, &str, Form); 26] = [
    (Enum, "members", Form::Members),
    (IntEnum, "members", Form::Members),
    (List, "member", Form::Member),
    (Map, "key", Form::Member),
    (Map, "value", Form::Member),
    (Operation, "input", Form::One(Property::Input)),
    (Operation, "output", Form::One(Property::Output)),
    (Operation, "errors", Form::List(Property::Error)),
    (Resource, "create", Form::One(Property::Operation)),
    (Resource, "put", Form::One(Property::Operation)),
    (Resource, "read", Form::One(Property::Operation)),
    (Resource, "update", Form::One(Property::Operation)),
    (Resource, "delete", Form::One(Property::Operation)),
    (Resource, "list", Form::One(Property::Operation)),
    (Resource, "operations", Form::List(Property::Operation)),
    (Resource, "collectionOperations", Form::List(Property::Operation)),
    (Resource, "resources", Form::List(Property::Resource)),
    (Resource, "identifiers", Form::Map(Property::Shape)),
    (Resource, "properties", Form::Map(Property::Shape)),
    (Service, "version", Form::Version),
    (Service, "operations", Form::List(Property::Operation)),
    (Service, "resources", Form::List(Property::Resource)),
    (Service, "errors", Form::List(Property::Error)),
    (Service, "rename", Form::Rename),
    (Structure, "members", Form::Members),
    (Union, "members", Form::Members),
];

impl Parser<'_, '_> {
    fn shape<'a>(&mut self, entry: &Entry<'a>, file: &mut File<'a>) {
        let (value, location) = (&entry.value, self.at(entry.offset));
        let is_apply = value.get("type").is_some_and(|it| it.value.as_str() == Some("apply"));
        let (id, member) = match ShapeId::parse_with_member(&entry.key) {
            Ok((id, member)) if member.is_none() || is_apply => (id, member),
            Ok(_) => {
                self.error(entry.offset, "a shape is not a member: its ID has no $")
                    .hint("write the member under \"members\", or use \"type\": \"apply\"");
                return;
            }
            Err(reason) => {
                self.error(entry.offset, reason).hint("write an ID like com.example#Name");
                return;
            }
        };
        self.is_broken = false;
        let traits = self.traits(value);
        if is_apply {
            self.keys(value, &["type", "traits"]);
            let member = member.map(str::to_owned);
            file.applies.push(Apply { shape: id, member, traits, location });
            return;
        }
        let mut shape = Shape {
            id,
            // A shape of an unknown type is kept, so that references to it are not reported.
            kind: Structure,
            members: Vec::new(),
            references: Vec::new(),
            version: None,
            traits,
            location,
            is_broken: false,
            is_mentioned: false,
        };
        if let Some(kind) = self.kind(value, &mut shape.traits) {
            shape.kind = kind;
            let mut known = vec!["type", "traits", "mixins"];
            for (_, key, form) in KEYS.iter().filter(|it| it.0 == kind) {
                self.property(value, key, *form, &mut shape);
                known.push(key);
            }
            self.keys(value, &known);
        }
        self.references(value, "mixins", Property::Mixin, &mut shape.references);
        self.needs_version_2(value, "mixins");
        if shape.kind == Resource {
            self.needs_version_2(value, "properties");
        }
        shape.is_broken = self.is_broken;
        file.shapes.push(shape);
    }

    fn needs_version_2(&mut self, shape: &Value<'_>, key: &str) {
        if let (Version::V1, Some(entry)) = (self.version, shape.get(key)) {
            self.error(entry.offset, format!("{key} need Smithy 2.0"))
                .hint("write \"smithy\": \"2.0\" at the top of the file");
        }
    }

    /// The type of a shape; a set becomes a list with a trait.
    fn kind<'a>(&mut self, shape: &Value<'a>, traits: &mut RawTraits<'a>) -> Option<ShapeKind> {
        if shape.as_object().is_none() {
            self.expected("an object", shape, "a shape is {\"type\": …}");
            return None;
        }
        let Some(kind) = shape.get("type") else {
            self.error(shape.offset, "the shape has no \"type\"")
                .hint("add \"type\": \"structure\", or another type");
            return None;
        };
        let name = self.string(&kind.value)?;
        match (&*name, self.version) {
            ("enum" | "intEnum", Version::V1) => {
                self.error(kind.value.offset, format!("{name} shapes need Smithy 2.0"))
                    .hint("write \"smithy\": \"2.0\", or a string with the trait smithy.api#enum");
                return None;
            }
            ("set", Version::V2) => {
                self.error(kind.value.offset, "sets are not a part of Smithy 2.0")
                    .hint("write a list with the trait smithy.api#uniqueItems");
                return None;
            }
            ("set", Version::V1) => {
                let value = Value { offset: kind.offset, kind: Kind::Object(Vec::new()) };
                traits.push(RawTrait::new("uniqueItems", value, self.at(kind.offset)));
                return Some(List);
            }
            _ => {}
        }
        let all = || KINDS.into_iter().chain(SimpleType::ALL.map(|it| ShapeKind::Simple(it.0)));
        if let Some(kind) = all().find(|it| it.name() == name) {
            return Some(kind);
        }
        let known: Vec<_> = ["apply"].into_iter().chain(all().map(ShapeKind::name)).collect();
        self.error(kind.value.offset, format!("{name:?} is not a type of shape")).did_you_mean(
            &name,
            known.iter().copied(),
            format!("the types are {}", known.join(", ")),
        );
        None
    }

    /// Reads the value of one key.
    fn property<'a>(&mut self, value: &Value<'a>, key: &str, form: Form, shape: &mut RawShape<'a>) {
        match form {
            Form::Members => shape.members = self.members(value),
            Form::Member => shape.members.extend(self.named_member(value, key)),
            Form::One(property) => {
                let reference = value.get(key).and_then(|it| self.reference(&it.value, property));
                let is_end = matches!(property, Property::Input | Property::Output);
                let is_nothing = |it: &Reference| is_end && it.target.is_unit();
                shape.references.extend(reference.filter(|it| !is_nothing(it)));
            }
            Form::List(property) => self.references(value, key, property, &mut shape.references),
            Form::Map(property) => {
                let entries = self.optional_object(value, key);
                let references =
                    entries.iter().filter_map(|it| self.reference(&it.value, property));
                shape.references.extend(references);
            }
            Form::Rename => self.rename(value, &mut shape.references),
            Form::Version => shape.version = value.get(key).and_then(|it| self.string(&it.value)),
        }
    }

    fn rename(&mut self, shape: &Value<'_>, references: &mut Vec<Reference>) {
        for entry in self.optional_object(shape, "rename") {
            let target = match ShapeId::parse(&entry.key) {
                Ok(target) => target,
                Err(reason) => {
                    self.error(entry.offset, reason).hint("write the ID of the shape to rename");
                    continue;
                }
            };
            let Some(name) = self.string(&entry.value) else { continue };
            if !is_identifier(&name) {
                self.error(entry.value.offset, format!("{name:?} is not an identifier")).hint(
                    "a name is ASCII letters, digits and underscores, and starts with a letter",
                );
            }
            let (property, location) = (Property::Rename, self.at(entry.offset));
            references.push(Reference { property, target, name: Some(name), location });
        }
    }
}
