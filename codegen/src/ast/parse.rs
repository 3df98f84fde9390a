//! Reading one JSON file into shapes. Traits are kept unchecked.

use std::collections::HashMap;

use super::{
    Member, Property, Reference, Shape,
    ShapeKind::{self, Enum, IntEnum, List, Map, Operation, Resource, Service, Structure, Union},
    merge::MAX_TRAITS,
};
use crate::{
    diagnostic::{Location, Reporter},
    json::{Entry, Value},
    prelude,
    shape_id::{PRELUDE, ShapeId, is_identifier},
    traits::{Trait, Traits},
};

pub(super) struct File {
    pub(super) is_version_1: bool,
    pub(super) shapes: Vec<Shape>,
    pub(super) applies: Vec<Apply>,
    pub(super) metadata: Vec<Entry>,
}

/// An `apply` statement, which adds traits to a shape or member.
pub(super) struct Apply {
    pub(super) shape: ShapeId,
    pub(super) member: Option<String>,
    pub(super) traits: Traits,
    pub(super) location: Location,
}

/// How the value of a key is written.
#[derive(Clone, Copy)]
enum Syntax {
    Members,
    /// One member, named like the key.
    Member,
    /// One reference.
    One(Property),
    /// An array of references.
    Many(Property),
    /// References by name.
    Named(Property),
    /// New names by shape ID.
    Rename,
    Version,
}

use Syntax::{Many, Named, One};

/// The keys of each type of shape, in the order in which they are read.
const KEYS: [(&[ShapeKind], &[&str], Syntax); 13] = [
    (&[Enum, IntEnum, Structure, Union], &["members"], Syntax::Members),
    (&[List], &["member"], Syntax::Member),
    (&[Map], &["key", "value"], Syntax::Member),
    (&[Operation], &["input"], One(Property::Input)),
    (&[Operation], &["output"], One(Property::Output)),
    (&[Operation, Service], &["errors"], Many(Property::Error)),
    (&[Resource], &["create", "put", "read", "update", "delete", "list"], One(Property::Operation)),
    (&[Resource, Service], &["operations"], Many(Property::Operation)),
    (&[Resource], &["collectionOperations"], Many(Property::Operation)),
    (&[Resource, Service], &["resources"], Many(Property::Resource)),
    (&[Resource], &["identifiers", "properties"], Named(Property::Shape)),
    (&[Service], &["version"], Syntax::Version),
    (&[Service], &["rename"], Syntax::Rename),
];

const NAME_HINT: &str = "a name is ASCII letters, digits and underscores, and starts with a letter";

/// Reads one file. Returns `None` if it is not a model.
pub(super) fn file(value: &Value, reporter: &mut Reporter<'_>) -> Option<File> {
    let (metadata, shapes, applies) = (Vec::new(), Vec::new(), Vec::new());
    let file = File { is_version_1: false, shapes, applies, metadata };
    let mut parser = Parser { reporter, file, is_broken: false };
    parser.file.is_version_1 = parser.is_version_1(value)?;
    parser.duplicates(value);
    parser.keys(value, &["smithy", "metadata", "shapes"]);
    parser.file.metadata = parser.object(value.get("metadata"), "metadata").to_vec();
    parser.object(value.get("shapes"), "shapes").iter().for_each(|it| parser.shape(it));
    Some(parser.file)
}

struct Parser<'p, 'a> {
    reporter: &'p mut Reporter<'a>,
    file: File,
    /// Whether a part of the current shape could not be read.
    is_broken: bool,
}

impl Parser<'_, '_> {
    fn is_version_1(&mut self, model: &Value) -> Option<bool> {
        if model.as_object().is_none() {
            let found = model.describe();
            let message = format!("not a Smithy model: expected an object, found {found}");
            let hint = "a model is {\"smithy\": \"2.0\", \"shapes\": {…}}";
            return self.fail(model.at, message, hint);
        }
        let Some(version) = model.get("smithy") else {
            let message = "not a Smithy model: the top-level key \"smithy\" is missing";
            return self.fail(model.at, message, "add \"smithy\": \"2.0\"");
        };
        let hint = "versions 1, 1.0, 2, 2.0 and 2.1 are supported: write \"2.0\"";
        match version.as_str() {
            Some("1" | "1.0") => Some(true),
            Some("2" | "2.0" | "2.1") => Some(false),
            Some(text) => self.fail(version.at, format!("unsupported version {text:?}"), hint),
            None => self.expected("a string", version, hint),
        }
    }

    fn shape(&mut self, entry: &Entry) {
        let (value, location) = (&entry.value, entry.at);
        let type_name = value.get("type").and_then(Value::as_str);
        let is_apply = type_name == Some("apply");
        let (id, member) = match ShapeId::parse_with_member(&entry.key) {
            Ok((id, member)) if member.is_none() || is_apply => (id, member),
            Ok(_) => {
                let hint = "write the member under \"members\", or use \"type\": \"apply\"";
                return self.error(location, "the ID of a shape must not contain $", hint);
            }
            Err(reason) => {
                return self.error(location, reason, "write an ID like com.example#Name");
            }
        };
        self.is_broken = false;
        let traits = self.traits(value);
        if is_apply {
            self.keys(value, &["type", "traits"]);
            let member = member.map(str::to_owned);
            self.file.applies.push(Apply { shape: id, member, traits, location });
            return;
        }
        // A shape of an unknown type is kept so that references to it cause no further errors.
        let kind = self.kind(value);
        let mut shape = Shape { traits, ..Shape::new(id, kind.unwrap_or(Structure), location) };
        if type_name == Some("set") && kind == Some(List) {
            shape.traits.0.push(Trait::new("uniqueItems", Value::empty_object(value.at)));
        }
        if let Some(kind) = kind {
            let mut known = vec!["type", "traits", "mixins"];
            for (_, keys, syntax) in KEYS.iter().filter(|it| it.0.contains(&kind)) {
                keys.iter().for_each(|key| self.property(value, key, *syntax, &mut shape));
                known.extend(*keys);
            }
            self.keys(value, &known);
        }
        self.property(value, "mixins", Many(Property::Mixin), &mut shape);
        let new = value.entry("mixins").into_iter();
        let new = new.chain(value.entry("properties").filter(|_| kind == Some(Resource)));
        let is_old = self.file.is_version_1;
        for Entry { key, at, .. } in new.filter(|_| is_old) {
            let hint = "write \"smithy\": \"2.0\" at the top of the file";
            self.error(*at, format!("{key} require Smithy 2.0"), hint);
        }
        shape.is_broken = self.is_broken;
        self.file.shapes.push(shape);
    }

    fn kind(&mut self, shape: &Value) -> Option<ShapeKind> {
        if shape.as_object().is_none() {
            return self.expected("an object", shape, "a shape is {\"type\": …}");
        }
        let Some(kind) = shape.get("type") else {
            let hint = "add \"type\": \"structure\", or another type";
            return self.fail(shape.at, "the shape has no \"type\"", hint);
        };
        let name = self.string(kind)?;
        match (&*name, self.file.is_version_1) {
            ("enum" | "intEnum", true) => {
                let hint = "write \"smithy\": \"2.0\", or a string with the trait smithy.api#enum";
                return self.fail(kind.at, format!("{name} shapes require Smithy 2.0"), hint);
            }
            ("set", false) => {
                let hint = "write a list with the trait smithy.api#uniqueItems";
                return self.fail(kind.at, "Smithy 2.0 has no sets", hint);
            }
            ("set", true) => return Some(List),
            _ => {}
        }
        let found = ShapeKind::ALL.iter().find(|it| it.1 == name);
        if found.is_none() {
            self.is_broken = true;
            let known = ["apply"].into_iter().chain(ShapeKind::ALL.iter().map(|it| it.1));
            let known: Vec<_> = known.collect();
            let hint = format!("the types are {}", known.join(", "));
            let finding = self.reporter.error(kind.at, format!("{name:?} is not a shape type"));
            finding.did_you_mean(&name, known, hint);
        }
        Some(found?.0)
    }

    fn property(&mut self, json: &Value, key: &str, syntax: Syntax, shape: &mut Shape) {
        let Some(entry) = json.entry(key) else {
            // The members of lists and maps may come from a mixin.
            let mixins = json.get("mixins").and_then(Value::as_array).unwrap_or_default();
            if matches!(syntax, Syntax::Member) && mixins.is_empty() {
                let hint = format!("add \"{key}\": {{\"target\": …}}");
                self.error(json.at, format!("{key:?} is missing"), &hint);
            }
            return;
        };
        let value = &entry.value;
        let (targets, property): (Vec<&Value>, _) = match syntax {
            Syntax::Members => return shape.members = self.members(value),
            Syntax::Member => return shape.members.extend(self.member(entry)),
            Syntax::Version => return shape.version = self.string(value),
            Syntax::Rename => return self.rename(value, &mut shape.references),
            One(property) => (vec![value], property),
            Named(property) => {
                (self.object(Some(value), key).iter().map(|it| &it.value).collect(), property)
            }
            Many(property) => match value.as_array() {
                Some(list) => (list.iter().collect(), property),
                None => {
                    let hint = "write [{\"target\": \"namespace#Shape\"}]";
                    return self.expected("an array", value, hint).unwrap_or_default();
                }
            },
        };
        for value in targets {
            self.keys(value, &["target"]);
            let Some((target, location)) = self.target(value) else { continue };
            let is_end = matches!(property, Property::Input | Property::Output);
            if !is_end || !target.is_unit() {
                shape.references.push(Reference { property, target, name: None, location });
            }
        }
    }

    fn members(&mut self, members: &Value) -> Vec<Member> {
        let mut names: HashMap<String, &str> = HashMap::new();
        let mut read = Vec::new();
        for entry in self.object(Some(members), "members") {
            let (key, at) = (&entry.key, entry.at);
            if !is_identifier(key) {
                self.error(at, format!("invalid member name {key:?}"), NAME_HINT);
                continue;
            }
            match names.insert(key.to_ascii_lowercase(), key) {
                Some(twin) if twin == key => continue,
                Some(twin) => {
                    let message = format!("members {twin} and {key} differ only in case");
                    self.error(at, message, "rename one of them");
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

    fn target(&mut self, value: &Value) -> Option<(ShapeId, Location)> {
        if value.as_object().is_none() {
            let hint = "write {\"target\": \"namespace#Shape\"}";
            return self.expected("an object", value, hint);
        }
        let Some(target) = value.get("target") else {
            let hint = "add \"target\": \"namespace#Shape\"";
            return self.fail(value.at, "\"target\" is missing", hint);
        };
        let text = self.string(target)?;
        Some((self.id("target", &text, target.at)?, target.at))
    }

    fn rename(&mut self, renames: &Value, references: &mut Vec<Reference>) {
        for Entry { key, at, value } in self.object(Some(renames), "rename") {
            let (property, location) = (Property::Rename, *at);
            let hint = "write the ID of the shape to rename";
            let target = ShapeId::parse(key).map_err(|it| self.error(location, it, hint));
            let (Ok(target), Some(name)) = (target, self.string(value)) else { continue };
            if !is_identifier(&name) {
                self.error(value.at, format!("{name:?} is not an identifier"), NAME_HINT);
            }
            references.push(Reference { property, target, name: Some(name), location });
        }
    }

    fn traits(&mut self, holder: &Value) -> Traits {
        let mut traits = Traits::default();
        let entries = self.object(holder.get("traits"), "traits");
        if let Some(entry) = entries.get(MAX_TRAITS) {
            let message = format!("there are more than {MAX_TRAITS} traits");
            self.error(entry.at, message, "remove some of them");
            return traits;
        }
        for Entry { key, at, value } in entries {
            let id = self.id("trait", key, *at);
            traits.0.extend(id.map(|id| Trait { id, value: value.clone(), inherited: false }));
        }
        traits
    }

    /// Reads the ID of a `target` or `trait`. The hint recognizes names of the prelude without their namespace.
    fn id(&mut self, what: &str, text: &str, at: Location) -> Option<ShapeId> {
        let parsed = ShapeId::parse(text);
        let Err(reason) = parsed else { return parsed.ok() };
        let (is_prelude, example) = match what {
            "trait" => (super::traits::names().any(|it| it == text), "name"),
            _ => (prelude::names().any(|it| it.0 == text), "Name"),
        };
        let hint = if is_prelude {
            format!("did you mean \"{PRELUDE}#{text}\"?")
        } else {
            format!("write the namespace as well: \"com.example#{example}\"")
        };
        self.fail(at, format!("{what} {text:?}: {reason}"), &hint)
    }

    fn error(&mut self, at: Location, message: impl Into<String>, hint: &str) {
        self.is_broken = true;
        self.reporter.error(at, message).hint(hint);
    }

    /// Reports an error and returns no value.
    fn fail<T>(&mut self, at: Location, message: impl Into<String>, hint: &str) -> Option<T> {
        self.error(at, message, hint);
        None
    }

    fn expected<T>(&mut self, what: &str, found: &Value, hint: &str) -> Option<T> {
        self.fail(found.at, format!("expected {what}, found {}", found.describe()), hint)
    }

    /// The entries of an object; empty if the key is absent.
    fn object<'v>(&mut self, value: Option<&'v Value>, key: &str) -> &'v [Entry] {
        let Some(value) = value else { return &[] };
        let hint = || format!("write \"{key}\": {{…}}");
        value.as_object().or_else(|| self.expected("an object", value, &hint())).unwrap_or_default()
    }

    fn string(&mut self, value: &Value) -> Option<String> {
        let text = value.as_str().map(str::to_owned);
        text.or_else(|| self.expected("a string", value, "put the text in quotes"))
    }

    /// Warns about unknown keys.
    fn keys(&mut self, value: &Value, known: &[&str]) {
        let entries = value.as_object().unwrap_or_default().iter();
        for Entry { key, at, .. } in entries.filter(|it| !known.contains(&&*it.key)) {
            let message = format!("the key {key:?} is unknown here and is ignored");
            let finding = self.reporter.warning(*at, message);
            finding.did_you_mean(key, known.iter().copied(), "remove it");
        }
    }

    /// Reports duplicate keys at all levels.
    fn duplicates(&mut self, value: &Value) {
        value.as_array().unwrap_or_default().iter().for_each(|it| self.duplicates(it));
        let mut seen: HashMap<&str, &Value> = HashMap::new();
        for Entry { key, at, value } in value.as_object().unwrap_or_default() {
            self.duplicates(value);
            let message = format!("the key {key:?} occurs twice");
            match *seen.entry(key).or_insert(value) {
                first if first.at == value.at => {}
                first if first == value => {
                    self.reporter.warning(*at, message).hint("keep one of them");
                }
                _ => self.error(*at, message + ", with different values", "keep one of them"),
            }
        }
    }
}
