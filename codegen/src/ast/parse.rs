//! One file of JSON to shapes whose traits have not been checked yet.

use std::collections::HashMap;

use super::{
    Member, Property, Reference, Shape,
    ShapeKind::{self, Enum, IntEnum, List, Map, Operation, Resource, Service, Structure, Union},
    Version,
    merge::MAX_TRAITS,
};
use crate::{
    diagnostic::{Finding, Location, Reporter},
    json::{Entry, Value},
    prelude,
    shape_id::{PRELUDE, ShapeId, is_identifier},
    traits::{self, Trait, Traits},
};

/// What one file contains.
#[derive(Debug)]
pub(super) struct File {
    pub(super) version: Version,
    pub(super) shapes: Vec<Shape>,
    pub(super) applies: Vec<Apply>,
    pub(super) metadata: Vec<Entry>,
}

/// Traits that an `apply` statement adds to a shape or member.
#[derive(Debug)]
pub(super) struct Apply {
    pub(super) shape: ShapeId,
    pub(super) member: Option<String>,
    pub(super) traits: Traits,
    pub(super) location: Location,
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
    Many(Property),
    /// References by name.
    Named(Property),
    /// New names by shape ID.
    Rename,
    /// The version of a service.
    Version,
}

use Form::{Many, Named, One};

/// The keys of a shape of each type, in the order in which they are read.
const KEYS: [(ShapeKind, &str, Form); 26] = [
    (Enum, "members", Form::Members),
    (IntEnum, "members", Form::Members),
    (List, "member", Form::Member),
    (Map, "key", Form::Member),
    (Map, "value", Form::Member),
    (Operation, "input", One(Property::Input)),
    (Operation, "output", One(Property::Output)),
    (Operation, "errors", Many(Property::Error)),
    (Resource, "create", One(Property::Operation)),
    (Resource, "put", One(Property::Operation)),
    (Resource, "read", One(Property::Operation)),
    (Resource, "update", One(Property::Operation)),
    (Resource, "delete", One(Property::Operation)),
    (Resource, "list", One(Property::Operation)),
    (Resource, "operations", Many(Property::Operation)),
    (Resource, "collectionOperations", Many(Property::Operation)),
    (Resource, "resources", Many(Property::Resource)),
    (Resource, "identifiers", Named(Property::Shape)),
    (Resource, "properties", Named(Property::Shape)),
    (Service, "version", Form::Version),
    (Service, "operations", Many(Property::Operation)),
    (Service, "resources", Many(Property::Resource)),
    (Service, "errors", Many(Property::Error)),
    (Service, "rename", Form::Rename),
    (Structure, "members", Form::Members),
    (Union, "members", Form::Members),
];

const NAME_HINT: &str = "a name is ASCII letters, digits and underscores, and starts with a letter";

/// Reads one file, if it is a model.
pub(super) fn file(value: &Value, reporter: &mut Reporter<'_>) -> Option<File> {
    let mut parser = Parser { reporter, version: Version::V2, is_broken: false };
    parser.version = parser.version(value)?;
    parser.duplicates(value);
    parser.keys(value, &["smithy", "metadata", "shapes"]);
    let metadata = parser.object(value.get("metadata"), "metadata").to_vec();
    let (mut shapes, mut applies) = (Vec::new(), Vec::new());
    for entry in parser.object(value.get("shapes"), "shapes") {
        parser.shape(entry, &mut shapes, &mut applies);
    }
    Some(File { version: parser.version, shapes, applies, metadata })
}

/// Reads the shapes of one file.
struct Parser<'p, 'a> {
    reporter: &'p mut Reporter<'a>,
    version: Version,
    /// Whether a part of the current shape could not be read.
    is_broken: bool,
}

impl Parser<'_, '_> {
    fn version(&mut self, model: &Value) -> Option<Version> {
        let Some(version) = model.get("smithy") else {
            let (what, hint) = match model.as_object() {
                Some(_) => (
                    "the top-level key \"smithy\" is missing".to_owned(),
                    "add \"smithy\": \"2.0\"",
                ),
                None => (
                    format!("expected an object, found {}", model.describe()),
                    "a model is {\"smithy\": \"2.0\", \"shapes\": {…}}",
                ),
            };
            self.error(model.at, format!("not a Smithy model: {what}")).hint(hint);
            return None;
        };
        let message = match version.as_str() {
            Some("1" | "1.0") => return Some(Version::V1),
            Some("2" | "2.0" | "2.1") => return Some(Version::V2),
            Some(text) => format!("unsupported version {text:?}"),
            None => format!("expected a string, found {}", version.describe()),
        };
        self.error(version.at, message)
            .hint("versions 1, 1.0, 2, 2.0 and 2.1 are supported: write \"2.0\"");
        None
    }

    fn shape(&mut self, entry: &Entry, shapes: &mut Vec<Shape>, applies: &mut Vec<Apply>) {
        let (value, location) = (&entry.value, entry.at);
        let is_apply = value.get("type").is_some_and(|it| it.as_str() == Some("apply"));
        let id = ShapeId::parse_with_member(&entry.key)
            .map_err(|it| (it, "write an ID like com.example#Name"));
        let id = id.and_then(|(id, member)| match member.is_none() || is_apply {
            true => Ok((id, member)),
            false => Err((
                "a shape is not a member: its ID has no $",
                "write the member under \"members\", or use \"type\": \"apply\"",
            )),
        });
        let (id, member) = match id {
            Ok(id) => id,
            Err((message, hint)) => {
                self.error(location, message).hint(hint);
                return;
            }
        };
        self.is_broken = false;
        let traits = self.traits(value);
        if is_apply {
            self.keys(value, &["type", "traits"]);
            let member = member.map(str::to_owned);
            applies.push(Apply { shape: id, member, traits, location });
            return;
        }
        // A shape of an unknown type is kept, so that references to it are not reported.
        let kind = self.kind(value);
        let mut shape = Shape { traits, ..Shape::new(id, kind.unwrap_or(Structure), location) };
        if self.is_set(value) {
            shape.traits.0.push(Trait::new("uniqueItems", Value::empty_object(value.at)));
        }
        let mut known = vec!["type", "traits", "mixins"];
        for (_, key, form) in KEYS.iter().filter(|it| Some(it.0) == kind) {
            self.property(value, key, *form, &mut shape);
            known.push(key);
        }
        if kind.is_some() {
            self.keys(value, &known);
        }
        self.property(value, "mixins", Many(Property::Mixin), &mut shape);
        for key in ["mixins", "properties"].into_iter().filter(|it| known.contains(it)) {
            if let (Version::V1, Some(entry)) = (self.version, value.entry(key)) {
                self.error(entry.at, format!("{key} need Smithy 2.0"))
                    .hint("write \"smithy\": \"2.0\" at the top of the file");
            }
        }
        shape.is_broken = self.is_broken;
        shapes.push(shape);
    }

    /// Smithy 1.0 has sets, which are lists with a trait.
    fn is_set(&self, shape: &Value) -> bool {
        self.version == Version::V1
            && shape.get("type").is_some_and(|it| it.as_str() == Some("set"))
    }

    fn kind(&mut self, shape: &Value) -> Option<ShapeKind> {
        if shape.as_object().is_none() {
            self.expected("an object", shape, "a shape is {\"type\": …}");
            return None;
        }
        let Some(kind) = shape.get("type") else {
            self.error(shape.at, "the shape has no \"type\"")
                .hint("add \"type\": \"structure\", or another type");
            return None;
        };
        let name = self.string(kind)?;
        match (&*name, self.version) {
            ("enum" | "intEnum", Version::V1) => {
                self.error(kind.at, format!("{name} shapes need Smithy 2.0"))
                    .hint("write \"smithy\": \"2.0\", or a string with the trait smithy.api#enum");
                return None;
            }
            ("set", Version::V2) => {
                self.error(kind.at, "sets are not a part of Smithy 2.0")
                    .hint("write a list with the trait smithy.api#uniqueItems");
                return None;
            }
            ("set", Version::V1) => return Some(List),
            _ => {}
        }
        let found = ShapeKind::ALL.iter().find(|it| it.1 == name);
        if found.is_none() {
            let known = ["apply"].into_iter().chain(ShapeKind::ALL.iter().map(|it| it.1));
            let known: Vec<_> = known.collect();
            let hint = format!("the types are {}", known.join(", "));
            let finding = self.error(kind.at, format!("{name:?} is not a type of shape"));
            finding.did_you_mean(&name, known, hint);
        }
        Some(found?.0)
    }

    /// Reads the value of one key of a shape.
    fn property(&mut self, json: &Value, key: &str, form: Form, shape: &mut Shape) {
        let Some(entry) = json.entry(key) else {
            // The member of a list, or the key or value of a map, may come from a mixin.
            let mixins = json.get("mixins").and_then(Value::as_array).unwrap_or_default();
            if matches!(form, Form::Member) && mixins.is_empty() {
                self.error(json.at, format!("{key:?} is missing"))
                    .hint(format!("add \"{key}\": {{\"target\": …}}"));
            }
            return;
        };
        let value = &entry.value;
        match form {
            Form::Members => shape.members = self.members(value),
            Form::Member => shape.members.extend(self.member(entry)),
            Form::Version => shape.version = self.string(value),
            Form::Rename => self.rename(value, &mut shape.references),
            One(property) => {
                let is_end = matches!(property, Property::Input | Property::Output);
                let reference = self.reference(value, property);
                shape.references.extend(reference.filter(|it| !is_end || !it.target.is_unit()));
            }
            Many(property) => match value.as_array() {
                Some(list) => shape
                    .references
                    .extend(list.iter().filter_map(|it| self.reference(it, property))),
                None => {
                    let hint = "write [{\"target\": \"namespace#Shape\"}]";
                    self.expected("an array", value, hint);
                }
            },
            Named(property) => {
                let entries = self.object(Some(value), key).iter();
                let references = entries.filter_map(|it| self.reference(&it.value, property));
                shape.references.extend(references);
            }
        }
    }

    fn members(&mut self, members: &Value) -> Vec<Member> {
        let mut names: HashMap<String, &str> = HashMap::new();
        let mut read = Vec::new();
        for entry in self.object(Some(members), "members") {
            if !is_identifier(&entry.key) {
                let message = format!("invalid member name {:?}", entry.key);
                self.error(entry.at, message).hint(NAME_HINT);
                continue;
            }
            match names.insert(entry.key.to_ascii_lowercase(), &entry.key) {
                Some(twin) if twin == entry.key => continue,
                Some(twin) => {
                    let message = format!("members {twin} and {} differ only in case", entry.key);
                    self.error(entry.at, message).hint("rename one of them");
                }
                None => {}
            }
            read.extend(self.member(entry));
        }
        read
    }

    fn member(&mut self, entry: &Entry) -> Option<Member> {
        let traits = self.traits(&entry.value);
        self.keys(&entry.value, &["target", "traits"]);
        let (target, target_location) = self.target(&entry.value)?;
        let (name, location) = (entry.key.clone(), entry.at);
        Some(Member { name, target, traits, location, target_location })
    }

    fn reference(&mut self, value: &Value, property: Property) -> Option<Reference> {
        self.keys(value, &["target"]);
        let (target, location) = self.target(value)?;
        Some(Reference { property, target, name: None, location })
    }

    fn target(&mut self, value: &Value) -> Option<(ShapeId, Location)> {
        if value.as_object().is_none() {
            self.expected("an object", value, "write {\"target\": \"namespace#Shape\"}");
            return None;
        }
        let Some(target) = value.get("target") else {
            self.error(value.at, "\"target\" is missing")
                .hint("add \"target\": \"namespace#Shape\"");
            return None;
        };
        let text = self.string(target)?;
        let mut names = prelude::names().map(|it| it.0);
        let id = self.id("target", &text, target.at, || names.any(|it| it == text), "Name");
        Some((id?, target.at))
    }

    fn rename(&mut self, renames: &Value, references: &mut Vec<Reference>) {
        for Entry { key, at, value } in self.object(Some(renames), "rename") {
            let (property, location) = (Property::Rename, *at);
            let target = match ShapeId::parse(key) {
                Ok(target) => target,
                Err(reason) => {
                    self.error(location, reason).hint("write the ID of the shape to rename");
                    continue;
                }
            };
            let Some(name) = self.string(value) else { continue };
            if !is_identifier(&name) {
                self.error(value.at, format!("{name:?} is not an identifier")).hint(NAME_HINT);
            }
            references.push(Reference { property, target, name: Some(name), location });
        }
    }

    fn traits(&mut self, holder: &Value) -> Traits {
        let mut traits = Traits::default();
        let entries = self.object(holder.get("traits"), "traits");
        if let Some(entry) = entries.get(MAX_TRAITS) {
            self.error(entry.at, format!("there are more than {MAX_TRAITS} traits"))
                .hint("take some away");
            return traits;
        }
        for Entry { key, at, value } in entries {
            let is_known = || traits::check::names().any(|it| it == key);
            let id = self.id("trait", key, *at, is_known, "name");
            traits.0.extend(id.map(|id| Trait { id, value: value.clone(), inherited: false }));
        }
        traits
    }

    /// Reads the ID of a shape or trait, which may be meant to be one of the prelude.
    fn id(
        &mut self,
        what: &str,
        text: &str,
        at: Location,
        is_prelude: impl FnOnce() -> bool,
        example: &str,
    ) -> Option<ShapeId> {
        match ShapeId::parse(text) {
            Ok(id) => Some(id),
            Err(reason) => {
                let hint = match is_prelude() {
                    true => format!("did you mean \"{PRELUDE}#{text}\"?"),
                    false => format!("write the namespace as well: \"com.example#{example}\""),
                };
                self.error(at, format!("{what} {text:?}: {reason}")).hint(hint);
                None
            }
        }
    }

    fn error(&mut self, at: Location, message: impl Into<String>) -> &mut Finding {
        self.is_broken = true;
        self.reporter.error(at, message)
    }

    /// Reports a value of another type.
    fn expected(&mut self, what: &str, found: &Value, hint: &str) {
        self.error(found.at, format!("expected {what}, found {}", found.describe())).hint(hint);
    }

    /// The members of the object under a key; none if the key is absent.
    fn object<'v>(&mut self, value: Option<&'v Value>, key: &str) -> &'v [Entry] {
        let Some(value) = value else { return &[] };
        value.as_object().unwrap_or_else(|| {
            self.expected("an object", value, &format!("write \"{key}\": {{…}}"));
            &[]
        })
    }

    fn string(&mut self, value: &Value) -> Option<String> {
        let text = value.as_str();
        if text.is_none() {
            self.expected("a string", value, "put the text in quotes");
        }
        text.map(str::to_owned)
    }

    /// Warns of keys that mean nothing.
    fn keys(&mut self, value: &Value, known: &[&str]) {
        let entries = value.as_object().unwrap_or_default().iter();
        for Entry { key, at, .. } in entries.filter(|it| !known.contains(&&*it.key)) {
            let message = format!("the key {key:?} has no meaning here and is ignored");
            let finding = self.reporter.warning(*at, message);
            finding.did_you_mean(key, known.iter().copied(), "take it away");
        }
    }

    /// Reports keys that occur twice, wherever they are.
    fn duplicates(&mut self, value: &Value) {
        value.as_array().unwrap_or_default().iter().for_each(|it| self.duplicates(it));
        let mut seen: HashMap<&str, &Value> = HashMap::new();
        for Entry { key, at, value } in value.as_object().unwrap_or_default() {
            self.duplicates(value);
            let earlier = *seen.entry(key).or_insert(value);
            let message = format!("the key {key:?} occurs twice");
            if earlier.at == value.at {
                continue;
            } else if earlier == value {
                self.reporter.warning(*at, message).hint("keep one of them");
            } else {
                let message = format!("{message}, with different values");
                self.error(*at, message).hint("keep one of them");
            }
        }
    }
}
