//! Reads the traits, once every shape has all of its own, and brings Smithy 1.0 to the rules of 2.0.

use std::collections::{HashMap, HashSet};

use super::{
    Member, Model, Shape, ShapeKind, SimpleType,
    raw::{RawShape, Version},
};
use crate::{
    diagnostic::{Location, Reporter},
    json::Value,
    prelude::{self, PreludeShape},
    shape_id::{ShapeId, is_identifier},
    traits::{DefaultTrait, DefaultValue, Deprecated, Holder, RawTrait, TraitReader, Traits},
};

type RawTraits<'a> = Vec<RawTrait<'a>>;

/// Shapes with the traits as they are written to shapes with the traits that mean something.
pub(super) fn read(shapes: Vec<RawShape<'_>>, reporter: &mut Reporter<'_>) -> Model {
    let types = Types::of(&shapes);
    let defined = shapes.iter().filter(|it| has(&it.shape.traits, "trait"));
    let known: HashSet<_> = defined.map(|it| it.shape.id.clone()).collect();
    let mut traits = TraitReader { reporter, known };
    let mut broken = HashSet::new();
    let mut mentioned = HashSet::new();
    for RawShape { shape, .. } in &shapes {
        let of_members = shape.kind.members().into_iter().flat_map(|it| &it.traits);
        shape.traits.iter().chain(of_members).for_each(|it| mentions(&it.value, &mut mentioned));
    }
    let read = shapes.into_iter().map(|it| {
        if it.is_broken {
            broken.insert(it.shape.id.clone());
        }
        shape(it, &types, &mut traits)
    });
    let mut model: Model = read.collect();
    model.broken = broken;
    model.mentioned = mentioned;
    model
}

/// Adds the shapes that a value names, as traits with `idRef` do.
fn mentions(value: &Value<'_>, found: &mut HashSet<ShapeId>) {
    let text = value.as_str().filter(|it| it.contains('#'));
    found.extend(text.and_then(|it| Some(ShapeId::parse_with_member(it).ok()?.0)));
    value.as_array().unwrap_or_default().iter().for_each(|it| mentions(it, found));
    let entries = value.as_object().unwrap_or_default();
    entries.iter().for_each(|it| mentions(&it.value, found));
}

/// What must be known of a target to read the traits of a member.
struct Types(HashMap<ShapeId, Type>);

#[derive(Clone, Copy)]
struct Type {
    name: &'static str,
    /// Whether it is a number or boolean that by the rules of 1.0 is there even when it is absent.
    is_unboxed: bool,
    is_streaming_blob: bool,
}

impl Types {
    fn of(shapes: &[RawShape<'_>]) -> Self {
        let types = shapes.iter().map(|RawShape { shape, version, .. }| {
            let name = match shape.kind {
                ShapeKind::Simple(SimpleType::String) if has(&shape.traits, "enum") => "enum",
                _ => shape.kind.name(),
            };
            let is_unboxed =
                *version == Version::V1 && zero(name).is_some() && !has(&shape.traits, "box");
            let is_streaming_blob = name == "blob" && has(&shape.traits, "streaming");
            (shape.id.clone(), Type { name, is_unboxed, is_streaming_blob })
        });
        Self(types.collect())
    }

    fn get(&self, id: &ShapeId) -> Option<Type> {
        match prelude::get(id) {
            Some(shape) => Some(Type {
                name: shape.type_name(),
                is_unboxed: matches!(shape, PreludeShape::Primitive(_)),
                is_streaming_blob: false,
            }),
            None => self.0.get(id).copied(),
        }
    }
}

/// The default that a number or boolean of Smithy 1.0 has unless it is boxed.
fn zero(type_name: &str) -> Option<DefaultValue> {
    match type_name {
        "boolean" => Some(DefaultValue::Bool(false)),
        "byte" | "short" | "integer" | "long" | "float" | "double" => {
            Some(DefaultValue::Number("0".to_owned()))
        }
        _ => None,
    }
}

fn has(traits: &RawTraits<'_>, name: &str) -> bool {
    find(traits, name).is_some()
}

fn find<'t, 'a>(traits: &'t RawTraits<'a>, name: &str) -> Option<&'t RawTrait<'a>> {
    traits.iter().find(|it| it.id.name() == name && it.id.namespace() == crate::shape_id::PRELUDE)
}

fn shape(raw: RawShape<'_>, types: &Types, reader: &mut TraitReader<'_, '_>) -> Shape {
    let RawShape { shape, version, is_broken, .. } = raw;
    let kind_name = types.0.get(&shape.id).map_or(shape.kind.name(), |it| it.name);
    let mut traits =
        reader.read(&shape.traits, Holder { shape_type: Some(kind_name), container: None });
    check_version(&shape.traits, version, reader.reporter);
    if version == Version::V1 && types.get(&shape.id).is_some_and(|it| it.is_unboxed) {
        let value = zero(kind_name);
        traits.default = value.map(|value| DefaultTrait { value, location: shape.location });
    }
    let kind = match (shape.kind, find(&shape.traits, "enum")) {
        (ShapeKind::Simple(SimpleType::String), Some(definition)) => {
            if version == Version::V2 {
                reader
                    .reporter
                    .warning(definition.location, "the trait enum is deprecated")
                    .hint("write a shape of type \"enum\"");
            }
            ShapeKind::Enum(enum_members(&definition.value, definition.location, reader.reporter))
        }
        (kind, definition) => {
            if let Some(it) = definition {
                let message = "the trait enum is ignored: it belongs on a string";
                reader.reporter.warning(it.location, message).hint("take it away");
            }
            let members = kind.members();
            let needs_members = matches!(kind_name, "union" | "enum" | "intEnum");
            if needs_members && members.is_empty() && !is_broken && !traits.mixin {
                let article = if kind_name == "union" { "a" } else { "an" };
                let message = format!("{article} {kind_name} needs at least one member");
                reader
                    .reporter
                    .error(shape.location, message)
                    .hint("add a member under \"members\"");
            }
            kind.map(|it| member(it, kind_name, version, types, reader))
        }
    };
    Shape { id: shape.id, kind, traits, location: shape.location }
}

fn member(
    raw: Member<RawTraits<'_>>,
    container: &'static str,
    version: Version,
    types: &Types,
    reader: &mut TraitReader<'_, '_>,
) -> Member {
    let target = types.get(&raw.target);
    let shape_type = target.map(|it| it.name);
    let holder = Holder { shape_type, container: Some(container) };
    let mut traits = reader.read(&raw.traits, holder);
    check_version(&raw.traits, version, reader.reporter);
    let sensitive = find(&raw.traits, "sensitive").filter(|it| !it.inherited);
    if let (Some(it), Version::V2) = (sensitive, version) {
        reader
            .reporter
            .warning(it.location, "the trait sensitive belongs on a shape, and counts here as well")
            .hint("target a shape of your own that has it");
    }
    match container {
        "enum" => {
            traits.enum_value.get_or_insert_with(|| raw.name.clone());
        }
        "intEnum" if !has(&raw.traits, "enumValue") => {
            reader
                .reporter
                .error(raw.location, "a member of an intEnum needs the trait enumValue")
                .hint("add \"smithy.api#enumValue\": 1, or another number, to its traits");
        }
        "structure" if traits.default.is_none() && version == Version::V1 => {
            traits.default = default_of_version_1(&raw, &traits, target)
                .map(|value| DefaultTrait { value, location: raw.location });
        }
        _ => {}
    }
    Member {
        name: raw.name,
        target: raw.target,
        traits,
        location: raw.location,
        target_location: raw.target_location,
    }
}

/// Smithy 2.0 spec, section "Upgrading from 1.0": what the absence of a trait meant in 1.0.
fn default_of_version_1(
    raw: &Member<RawTraits<'_>>,
    traits: &Traits,
    target: Option<Type>,
) -> Option<DefaultValue> {
    let target = target?;
    if has(&raw.traits, "box") {
        Some(DefaultValue::Null)
    } else if target.is_streaming_blob && !traits.required {
        Some(DefaultValue::String(String::new()))
    } else if target.is_unboxed {
        zero(target.name)
    } else {
        None
    }
}

/// Traits that only one of the versions has.
fn check_version(traits: &RawTraits<'_>, version: Version, reporter: &mut Reporter<'_>) {
    if let (Some(it), Version::V1) = (find(traits, "default"), version) {
        reporter
            .error(it.location, "the trait default needs Smithy 2.0")
            .hint("write \"smithy\": \"2.0\" at the top of the file");
    }
    if let (Some(it), Version::V2) = (find(traits, "box"), version) {
        reporter
            .warning(it.location, "the trait box is ignored: it is not a part of Smithy 2.0")
            .hint("members are optional unless they are required or have a default");
    }
}

/// The members of an enum that is written as a string with the trait `enum`.
fn enum_members(value: &Value<'_>, location: Location, reporter: &mut Reporter<'_>) -> Vec<Member> {
    let Some(list) = value.as_array() else {
        let message = format!("the trait enum expects an array, found {}", value.describe());
        reporter.error(location, message).hint("write [{\"name\": \"A\", \"value\": \"a\"}]");
        return Vec::new();
    };
    let at = |value: &Value<'_>| Location { source: location.source, offset: value.offset };
    if list.is_empty() {
        reporter
            .error(location, "an enum needs at least one member")
            .hint("write [{\"name\": \"A\", \"value\": \"a\"}]");
    }
    let named = list.iter().filter(|it| it.get("name").is_some()).count();
    if named != 0 && named != list.len() {
        reporter
            .error(location, "the trait enum names some values and not others")
            .hint("give all of them a \"name\", or none");
        return Vec::new();
    }
    let mut members: Vec<Member> = Vec::new();
    let mut names: HashSet<String> = HashSet::new();
    for it in list {
        let text = |key: &str| Some(it.get(key)?.value.as_str()?.to_owned());
        let Some(value) = text("value").filter(|it| !it.is_empty()) else {
            reporter
                .error(at(it), "a value of the trait enum needs a \"value\", which is not empty")
                .hint("write {\"name\": \"A\", \"value\": \"a\"}");
            continue;
        };
        let name = match it.get("name") {
            Some(name) => match name.value.as_str().filter(|it| is_identifier(it)) {
                Some(text) if names.contains(&text.to_ascii_lowercase()) => {
                    reporter
                        .error(at(&name.value), format!("the name {text} occurs twice"))
                        .hint("names are unique, also without regard to case");
                    continue;
                }
                Some(text) => text.to_owned(),
                None => {
                    reporter
                        .error(at(&name.value), "invalid name of a value")
                        .hint("a name is ASCII letters, digits and underscores");
                    continue;
                }
            },
            None => name_of_value(&value, &names),
        };
        names.insert(name.to_ascii_lowercase());
        let is_deprecated = matches!(
            it.get("deprecated").map(|it| &it.value.kind),
            Some(crate::json::Kind::Bool(true))
        );
        let traits = Traits {
            documentation: text("documentation"),
            deprecated: is_deprecated.then(Deprecated::default),
            enum_value: Some(value),
            ..Traits::default()
        };
        let target = ShapeId::prelude("Unit");
        let location = at(it);
        members.push(Member { name, target, traits, location, target_location: location });
    }
    members
}

/// A name for a value that has none: its letters and digits, and a number if they are taken.
fn name_of_value(value: &str, taken: &HashSet<String>) -> String {
    let letters = value.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '_' });
    let name: String = letters.collect();
    let name = match () {
        () if is_identifier(&name) => name,
        () if is_identifier(&format!("_{name}")) => format!("_{name}"),
        () => "VALUE".to_owned(),
    };
    let numbered = (taken.len() + 1..).map(|it| format!("{name}_{it}"));
    let mut candidates = std::iter::once(name.clone()).chain(numbered);
    let free = candidates.find(|it| !taken.contains(&it.to_ascii_lowercase()));
    free.unwrap_or(name)
}
