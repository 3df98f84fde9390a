//! One file of JSON to shapes whose traits are still as they are written.

use std::collections::HashMap;

use super::{
    Member, Model, Operation, Reference, Rename, Resource, Service, Shape, ShapeKind, SimpleType,
    merge, typed,
};
use crate::{
    Source,
    diagnostic::{Location, Reporter},
    json::{Entry, Kind, Value},
    shape_id::{ShapeId, is_identifier},
    traits::RawTrait,
};

/// Reads and merges all sources; what is wrong goes to the reporter.
pub fn parse<'a>(sources: &'a [Source<'a>], reporter: &mut Reporter<'a>) -> Model {
    let mut files = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        if let Some(twin) = sources[..index].iter().find(|it| it.json == source.json) {
            let location = Location { source: index, offset: 0 };
            let message = format!("this file is the same as {} and is skipped", twin.path);
            reporter.warning(location, message);
            continue;
        }
        match Value::parse(source.json) {
            Ok(value) => files.extend(file(index, &value, reporter)),
            Err(error) => {
                let location = Location { source: index, offset: error.offset };
                reporter.error(location, format!("this is not JSON: {}", error.message));
            }
        }
    }
    let shapes = merge::merge(files, reporter);
    typed::read(shapes, reporter)
}

/// What one file says.
#[derive(Debug)]
pub(super) struct File<'a> {
    pub(super) shapes: Vec<RawShape<'a>>,
    pub(super) applies: Vec<Apply<'a>>,
    pub(super) metadata: Vec<(String, Value<'a>, Location)>,
}

/// A shape as it is written.
#[derive(Debug)]
pub(super) struct RawShape<'a> {
    pub(super) shape: Shape<Vec<RawTrait<'a>>>,
    pub(super) mixins: Vec<Reference>,
    pub(super) version: Version,
    /// Whether a part of it could not be read, which has been reported.
    pub(super) is_broken: bool,
}

/// Traits that are given to a shape from elsewhere.
#[derive(Debug)]
pub(super) struct Apply<'a> {
    pub(super) shape: ShapeId,
    pub(super) member: Option<String>,
    pub(super) traits: Vec<RawTrait<'a>>,
    pub(super) location: Location,
}

/// The version of Smithy by whose rules a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

fn file<'a>(source: usize, value: &Value<'a>, reporter: &mut Reporter<'_>) -> Option<File<'a>> {
    let at = |offset| Location { source, offset };
    if value.as_object().is_none() {
        let message = format!("not a Smithy model: expected an object, found {}", value.describe());
        reporter.error(at(value.offset), message);
        return None;
    }
    let version = match value.get("smithy").map(|it| &it.value) {
        None => {
            reporter
                .error(
                    at(value.offset),
                    "not a Smithy model: the top-level key \"smithy\" is missing",
                )
                .hint("add \"smithy\": \"2.0\"");
            return None;
        }
        Some(version) => match version.as_str() {
            Some("1" | "1.0") => Version::V1,
            Some("2" | "2.0") => Version::V2,
            found => {
                let found = found.map_or(version.describe().to_owned(), |it| format!("{it:?}"));
                reporter
                    .error(at(version.offset), format!("unsupported version: {found}"))
                    .hint("versions 1, 1.0, 2 and 2.0 are supported: write \"2.0\"");
                return None;
            }
        },
    };
    let mut parser = Parser { reporter, source, version, is_broken: false };
    parser.duplicates(value);
    parser.keys(value, &["smithy", "metadata", "shapes"]);
    let mut file = File { shapes: Vec::new(), applies: Vec::new(), metadata: Vec::new() };
    for entry in parser.optional_object(value, "metadata") {
        let location = at(entry.value.offset);
        file.metadata.push((entry.key.to_string(), entry.value.clone(), location));
    }
    for entry in parser.optional_object(value, "shapes") {
        parser.shape(entry, &mut file);
    }
    Some(file)
}

struct Parser<'p, 'a> {
    reporter: &'p mut Reporter<'a>,
    source: usize,
    version: Version,
    /// Whether a part of the current shape could not be read.
    is_broken: bool,
}

impl Parser<'_, '_> {
    fn at(&self, offset: usize) -> Location {
        Location { source: self.source, offset }
    }

    fn error(
        &mut self,
        offset: usize,
        message: impl Into<String>,
    ) -> &mut crate::diagnostic::Finding {
        self.is_broken = true;
        self.reporter.error(self.at(offset), message)
    }

    fn shape<'a>(&mut self, entry: &Entry<'a>, file: &mut File<'a>) {
        let type_name = entry.value.get("type").and_then(|it| it.value.as_str());
        let (id, member) = match ShapeId::parse_with_member(&entry.key) {
            Ok((id, member)) if member.is_none() || type_name == Some("apply") => (id, member),
            Ok(_) => {
                self.error(entry.offset, "a shape is not a member: its ID has no $");
                return;
            }
            Err(reason) => {
                self.error(entry.offset, reason);
                return;
            }
        };
        self.is_broken = false;
        if type_name == Some("apply") {
            self.keys(&entry.value, &["type", "traits"]);
            file.applies.push(Apply {
                shape: id,
                member: member.map(str::to_owned),
                traits: self.traits(&entry.value),
                location: self.at(entry.offset),
            });
            return;
        }
        let location = self.at(entry.offset);
        let mut traits = self.traits(&entry.value);
        let kind = self.kind(&entry.value, &mut traits);
        let mixins = self.references(&entry.value, "mixins");
        if let (Version::V1, Some(mixins)) = (self.version, entry.value.get("mixins")) {
            self.error(mixins.offset, "mixins need Smithy 2.0")
                .hint("write \"smithy\": \"2.0\" at the top of the file");
        }
        // A shape of which nothing could be read is kept all the same, so that what refers to it is not
        // reported as well.
        let is_broken = self.is_broken || kind.is_none();
        let kind = kind.unwrap_or(ShapeKind::Structure(Vec::new()));
        let shape = Shape { id, kind, traits, location };
        file.shapes.push(RawShape { shape, mixins, version: self.version, is_broken });
    }

    fn kind<'a>(
        &mut self,
        shape: &Value<'a>,
        traits: &mut Vec<RawTrait<'a>>,
    ) -> Option<ShapeKind<Vec<RawTrait<'a>>>> {
        if shape.as_object().is_none() {
            self.error(shape.offset, format!("expected an object, found {}", shape.describe()));
            return None;
        }
        let Some(kind) = shape.get("type") else {
            self.error(shape.offset, "the shape has no \"type\"");
            return None;
        };
        let name = self.string(&kind.value)?;
        let keys: &[&str] = match &*name {
            "enum" | "intEnum" | "structure" | "union" => &["members"],
            "list" | "set" => &["member"],
            "map" => &["key", "value"],
            "service" => &["version", "operations", "resources", "errors", "rename"],
            "operation" => &["input", "output", "errors"],
            "resource" => &RESOURCE_KEYS,
            _ => &[],
        };
        let parsed = match &*name {
            "enum" | "intEnum" if self.version == Version::V1 => {
                self.error(kind.value.offset, format!("{name} shapes need Smithy 2.0"))
                    .hint("write \"smithy\": \"2.0\", or a string with the trait smithy.api#enum");
                return None;
            }
            "set" if self.version == Version::V2 => {
                self.error(kind.value.offset, "sets are not a part of Smithy 2.0")
                    .hint("write a list with the trait smithy.api#uniqueItems");
                return None;
            }
            "enum" => ShapeKind::Enum(self.members(shape)),
            "intEnum" => ShapeKind::IntEnum(self.members(shape)),
            "structure" => ShapeKind::Structure(self.members(shape)),
            "union" => ShapeKind::Union(self.members(shape)),
            "list" => ShapeKind::List(self.named_member(shape, "member")?),
            "set" => {
                let value = Value { offset: kind.offset, kind: Kind::Object(Vec::new()) };
                let id = ShapeId::prelude("uniqueItems");
                traits.push(RawTrait {
                    id,
                    value,
                    location: self.at(kind.offset),
                    inherited: false,
                });
                ShapeKind::List(self.named_member(shape, "member")?)
            }
            "map" => {
                let key = self.named_member(shape, "key");
                let value = self.named_member(shape, "value");
                ShapeKind::Map { key: key?, value: value? }
            }
            "service" => ShapeKind::Service(self.service(shape)),
            "operation" => ShapeKind::Operation(Operation {
                input: self.optional_reference(shape, "input"),
                output: self.optional_reference(shape, "output"),
                errors: self.references(shape, "errors"),
            }),
            "resource" => ShapeKind::Resource(self.resource(shape)),
            _ => match SimpleType::ALL.into_iter().find(|it| it.name() == name) {
                Some(simple) => ShapeKind::Simple(simple),
                None => {
                    let known = KINDS.into_iter().chain(SimpleType::ALL.map(SimpleType::name));
                    self.error(kind.value.offset, format!("{name:?} is not a type of shape"))
                        .did_you_mean(&name, known);
                    return None;
                }
            },
        };
        self.keys(shape, &[keys, &["type", "traits", "mixins"]].concat());
        Some(parsed)
    }

    fn service(&mut self, shape: &Value<'_>) -> Service {
        let mut rename = Vec::new();
        for entry in self.optional_object(shape, "rename") {
            let location = self.at(entry.offset);
            let target = match ShapeId::parse(&entry.key) {
                Ok(target) => target,
                Err(reason) => {
                    self.error(entry.offset, reason);
                    continue;
                }
            };
            let Some(name) = self.string(&entry.value) else { continue };
            if !is_identifier(&name) {
                self.error(entry.value.offset, format!("{name:?} is not an identifier")).hint(
                    "a name is ASCII letters, digits and underscores, and starts with a letter",
                );
            }
            rename.push(Rename { shape: Reference { target, location }, name });
        }
        Service {
            version: shape.get("version").and_then(|it| self.string(&it.value)),
            operations: self.references(shape, "operations"),
            resources: self.references(shape, "resources"),
            errors: self.references(shape, "errors"),
            rename,
        }
    }

    fn resource(&mut self, shape: &Value<'_>) -> Resource {
        let mut operations = Vec::new();
        for key in ["create", "put", "read", "update", "delete", "list"] {
            operations.extend(shape.get(key).and_then(|it| self.reference(&it.value)));
        }
        operations.extend(self.references(shape, "operations"));
        operations.extend(self.references(shape, "collectionOperations"));
        Resource { operations, resources: self.references(shape, "resources") }
    }

    fn members<'a>(&mut self, shape: &Value<'a>) -> Vec<Member<Vec<RawTrait<'a>>>> {
        let mut members = Vec::new();
        let mut names: HashMap<String, &str> = HashMap::new();
        for entry in self.optional_object(shape, "members") {
            if !is_identifier(&entry.key) {
                self.error(entry.offset, format!("invalid member name {:?}", entry.key)).hint(
                    "a name is ASCII letters, digits and underscores, and starts with a letter",
                );
                continue;
            }
            match names.insert(entry.key.to_ascii_lowercase(), &entry.key) {
                None => {}
                Some(twin) if twin == entry.key => continue,
                Some(twin) => {
                    let message = format!("members {twin} and {} differ only in case", entry.key);
                    self.error(entry.offset, message).hint("rename one of them");
                }
            }
            members.extend(self.member(entry));
        }
        members
    }

    fn named_member<'a>(
        &mut self,
        shape: &Value<'a>,
        name: &str,
    ) -> Option<Member<Vec<RawTrait<'a>>>> {
        match shape.get(name) {
            Some(entry) => self.member(entry),
            None => {
                self.error(shape.offset, format!("{name:?} is missing"))
                    .hint(format!("add \"{name}\": {{\"target\": …}}"));
                None
            }
        }
    }

    fn member<'a>(&mut self, entry: &Entry<'a>) -> Option<Member<Vec<RawTrait<'a>>>> {
        let traits = self.traits(&entry.value);
        self.keys(&entry.value, &["target", "traits"]);
        let target = self.target(&entry.value)?;
        Some(Member {
            name: entry.key.to_string(),
            target: target.target,
            target_location: target.location,
            traits,
            location: self.at(entry.offset),
        })
    }

    fn references(&mut self, shape: &Value<'_>, key: &str) -> Vec<Reference> {
        let Some(entry) = shape.get(key) else { return Vec::new() };
        let Some(list) = entry.value.as_array() else {
            let message = format!("expected an array, found {}", entry.value.describe());
            self.error(entry.value.offset, message);
            return Vec::new();
        };
        list.iter().filter_map(|it| self.reference(it)).collect()
    }

    /// The input or output of an operation. Absent means nothing, as `smithy.api#Unit` does.
    fn optional_reference(&mut self, shape: &Value<'_>, key: &str) -> Reference {
        let unit = Reference { target: ShapeId::prelude("Unit"), location: self.at(shape.offset) };
        shape.get(key).and_then(|it| self.reference(&it.value)).unwrap_or(unit)
    }

    fn reference(&mut self, value: &Value<'_>) -> Option<Reference> {
        self.keys(value, &["target"]);
        self.target(value)
    }

    fn target(&mut self, value: &Value<'_>) -> Option<Reference> {
        if value.as_object().is_none() {
            self.error(value.offset, format!("expected an object, found {}", value.describe()))
                .hint("write {\"target\": \"namespace#Shape\"}");
            return None;
        }
        let Some(target) = value.get("target") else {
            self.error(value.offset, "\"target\" is missing");
            return None;
        };
        let text = self.string(&target.value)?;
        let location = self.at(target.value.offset);
        match ShapeId::parse(&text) {
            Ok(target) => Some(Reference { target, location }),
            Err(reason) => {
                let prelude = ShapeId::prelude(&text);
                let diagnostic =
                    self.error(target.value.offset, format!("target {text:?}: {reason}"));
                if crate::prelude::get(&prelude).is_some() {
                    diagnostic.hint(format!("did you mean \"{prelude}\"?"));
                }
                None
            }
        }
    }

    fn traits<'a>(&mut self, holder: &Value<'a>) -> Vec<RawTrait<'a>> {
        let mut traits: Vec<RawTrait<'a>> = Vec::new();
        for entry in self.optional_object(holder, "traits") {
            match ShapeId::parse(&entry.key) {
                Ok(id) => traits.push(RawTrait {
                    id,
                    value: entry.value.clone(),
                    location: self.at(entry.value.offset),
                    inherited: false,
                }),
                Err(reason) => {
                    let prelude = format!("{}#{}", crate::shape_id::PRELUDE, entry.key);
                    let diagnostic =
                        self.error(entry.offset, format!("trait {:?}: {reason}", entry.key));
                    if crate::traits::is_known(&entry.key) {
                        diagnostic.hint(format!("did you mean \"{prelude}\"?"));
                    }
                }
            }
        }
        traits
    }

    /// The entries of the object under a key; none if the key is absent.
    fn optional_object<'v, 'a>(&mut self, value: &'v Value<'a>, key: &str) -> &'v [Entry<'a>] {
        let Some(entry) = value.get(key) else { return &[] };
        entry.value.as_object().unwrap_or_else(|| {
            let message = format!("expected an object, found {}", entry.value.describe());
            self.error(entry.value.offset, message);
            &[]
        })
    }

    fn string(&mut self, value: &Value<'_>) -> Option<String> {
        let text = value.as_str();
        if text.is_none() {
            self.error(value.offset, format!("expected a string, found {}", value.describe()));
        }
        text.map(str::to_owned)
    }

    /// Warns of keys that mean nothing.
    fn keys(&mut self, value: &Value<'_>, known: &[&str]) {
        for entry in value.as_object().unwrap_or_default() {
            if !known.contains(&&*entry.key) {
                let message = format!("the key {:?} has no meaning here and is ignored", entry.key);
                self.reporter
                    .warning(self.at(entry.offset), message)
                    .did_you_mean(&entry.key, known.iter().copied());
            }
        }
    }

    /// Reports keys that occur twice, wherever they are.
    fn duplicates(&mut self, value: &Value<'_>) {
        for element in value.as_array().unwrap_or_default() {
            self.duplicates(element);
        }
        let mut seen: HashMap<&str, &Value<'_>> = HashMap::new();
        for entry in value.as_object().unwrap_or_default() {
            self.duplicates(&entry.value);
            match seen.get(&*entry.key) {
                None => {
                    seen.insert(&entry.key, &entry.value);
                }
                Some(earlier) if earlier.is_same(&entry.value) => {
                    let message = format!("the key {:?} occurs twice", entry.key);
                    self.reporter.warning(self.at(entry.offset), message).hint("keep one of them");
                }
                Some(_) => {
                    let message =
                        format!("the key {:?} occurs twice, with different values", entry.key);
                    self.error(entry.offset, message).hint("keep one of them");
                }
            }
        }
    }
}

/// The types of shape that are not simple.
const KINDS: [&str; 10] = [
    "apply",
    "enum",
    "intEnum",
    "list",
    "map",
    "operation",
    "resource",
    "service",
    "structure",
    "union",
];

const RESOURCE_KEYS: [&str; 11] = [
    "identifiers",
    "properties",
    "create",
    "put",
    "read",
    "update",
    "delete",
    "list",
    "operations",
    "collectionOperations",
    "resources",
];
