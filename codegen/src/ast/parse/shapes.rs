//! One shape.

use super::Parser;
use crate::{
    ast::{
        Operation, Reference, Rename, Resource, Service, Shape, ShapeKind, SimpleType,
        raw::{Apply, File, RawShape, Version},
    },
    json::{Entry, Kind, Value},
    shape_id::{ShapeId, is_identifier},
    traits::RawTrait,
};

impl Parser<'_, '_> {
    pub(super) fn shape<'a>(&mut self, entry: &Entry<'a>, file: &mut File<'a>) {
        let type_name = entry.value.get("type").and_then(|it| it.value.as_str());
        let (id, member) = match ShapeId::parse_with_member(&entry.key) {
            Ok((id, member)) if member.is_none() || type_name == Some("apply") => (id, member),
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
        let is_resource = matches!(kind, Some(ShapeKind::Resource(_)));
        let properties = entry.value.get("properties").filter(|_| is_resource);
        if let (Version::V1, Some(properties)) = (self.version, properties) {
            self.error(properties.offset, "properties need Smithy 2.0")
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
            self.error(shape.offset, format!("expected an object, found {}", shape.describe()))
                .hint("a shape is {\"type\": …}");
            return None;
        }
        let Some(kind) = shape.get("type") else {
            self.error(shape.offset, "the shape has no \"type\"")
                .hint("add \"type\": \"structure\", or another type");
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
                    let all = known.clone().collect::<Vec<_>>().join(", ");
                    self.error(kind.value.offset, format!("{name:?} is not a type of shape"))
                        .did_you_mean(&name, known, format!("the types are {all}"));
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
        let mut shapes = Vec::new();
        for key in ["identifiers", "properties"] {
            let entries = self.optional_object(shape, key);
            shapes.extend(entries.iter().filter_map(|it| self.reference(&it.value)));
        }
        Resource { operations, resources: self.references(shape, "resources"), shapes }
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
