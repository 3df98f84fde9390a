//! Smithy 1.0 to the rules of 2.0 (Smithy 2.0 specification, section "Upgrading from 1.0 to 2.0").

use std::collections::{HashMap, HashSet};

use super::{Member, Shape, ShapeKind, Version};
use crate::{
    diagnostic::{Location, Reporter},
    json::{Kind, Value},
    prelude,
    shape_id::{ShapeId, is_identifier},
    traits::{Trait, Traits},
};

/// Adds the defaults that 1.0 implies, turns strings with the trait `enum` into enums, and reports traits
/// that the version of their file does not have.
pub(super) fn upgrade(
    mut shapes: Vec<Shape>,
    versions: &[Version],
    reporter: &mut Reporter<'_>,
) -> Vec<Shape> {
    let zeros = zeros(&shapes, versions);
    for shape in &mut shapes {
        let version = versions[shape.location.source];
        check_version(&shape.traits, version, reporter);
        for member in &mut shape.members {
            check_version(&member.traits, version, reporter);
            let sensitive = member.traits.find("sensitive").filter(|it| !it.inherited);
            if let (Some(it), Version::V2) = (sensitive, version) {
                let message = "the trait sensitive belongs on a shape, and counts here as well";
                reporter.warning(it.at(), message).hint("target a shape of your own that has it");
            }
            if version == Version::V1 && shape.kind == ShapeKind::Structure {
                let zero = zeros.get(&member.target).cloned();
                let default = member.traits.find("box").map(|_| Kind::Null).or(zero);
                add_default(&mut member.traits, default, member.location);
            }
        }
        if version == Version::V1 {
            let default = zeros.get(&shape.id).cloned();
            add_default(&mut shape.traits, default, shape.location);
        }
        read_enum(shape, version, reporter);
    }
    shapes
}

/// Reports traits that only the other version has.
fn check_version(traits: &Traits, version: Version, reporter: &mut Reporter<'_>) {
    match (version, traits.find("default"), traits.find("box")) {
        (Version::V1, Some(it), _) => {
            reporter
                .error(it.at(), "the trait default needs Smithy 2.0")
                .hint("write \"smithy\": \"2.0\" at the top of the file");
        }
        (Version::V2, _, Some(it)) => {
            reporter
                .warning(it.at(), "the trait box is ignored: it is not a part of Smithy 2.0")
                .hint("members are optional unless they are required or have a default");
        }
        _ => {}
    }
}

/// The zeros of the numbers and booleans that by the rules of 1.0 are there even when they are absent.
fn zeros(shapes: &[Shape], versions: &[Version]) -> HashMap<ShapeId, Kind> {
    let unboxed = shapes.iter().filter(|it| {
        versions[it.location.source] == Version::V1 && it.traits.find("box").is_none()
    });
    let primitive = prelude::names().filter(|it| it.0.starts_with("Primitive"));
    let primitive = primitive.map(|(name, kind)| (ShapeId::prelude(&name), kind));
    let kinds = unboxed.map(|it| (it.id.clone(), it.kind)).chain(primitive);
    kinds.filter_map(|(id, kind)| Some((id, prelude::zero(kind)?))).collect()
}

fn add_default(traits: &mut Traits, default: Option<Kind>, location: Location) {
    if traits.find("default").is_none() {
        let value = default.map(|kind| Value { at: location, kind });
        traits.0.extend(value.map(|it| Trait::new("default", it)));
    }
}

/// Turns a string with the trait `enum` into an enum.
fn read_enum(shape: &mut Shape, version: Version, reporter: &mut Reporter<'_>) {
    let Some(definition) = shape.traits.find("enum") else { return };
    if shape.kind != ShapeKind::String {
        reporter
            .warning(definition.at(), "the trait enum is ignored: it belongs on a string")
            .hint("take it away");
        return;
    }
    if version == Version::V2 {
        reporter
            .warning(definition.at(), "the trait enum is deprecated")
            .hint("write a shape of type \"enum\"");
    }
    shape.kind = ShapeKind::Enum;
    shape.members = enum_members(definition, reporter);
    shape.is_broken |= shape.members.is_empty();
}

fn enum_members(definition: &Trait, reporter: &mut Reporter<'_>) -> Vec<Member> {
    let (value, location) = (&definition.value, definition.at());
    let example = "write [{\"name\": \"A\", \"value\": \"a\"}]";
    let Some(list) = value.as_array() else {
        let message = format!("the trait enum expects an array, found {}", value.describe());
        reporter.error(location, message).hint(example);
        return Vec::new();
    };
    if list.is_empty() {
        reporter.error(location, "an enum needs at least one member").hint(example);
    }
    let named = list.iter().filter(|it| it.get("name").is_some()).count();
    if named != 0 && named != list.len() {
        reporter
            .error(location, "the trait enum names some values and not others")
            .hint("give all of them a \"name\", or none");
        return Vec::new();
    }
    let mut names: HashSet<String> = HashSet::new();
    let members = list.iter().filter_map(|it| {
        let text = |key: &str| it.get(key).filter(|it| it.as_str().is_some());
        let Some(value) = text("value").filter(|it| it.as_str() != Some("")) else {
            let message = "a value of the trait enum needs a \"value\", which is not empty";
            reporter.error(it.at, message).hint("write {\"name\": \"A\", \"value\": \"a\"}");
            return None;
        };
        let name = match it.get("name") {
            None => name_of_value(value.as_str().unwrap_or_default(), &names),
            Some(name) => match name.as_str().filter(|it| is_identifier(it)) {
                Some(text) if names.contains(&text.to_ascii_lowercase()) => {
                    reporter
                        .error(name.at, format!("the name {text} occurs twice"))
                        .hint("names are unique, also without regard to case");
                    return None;
                }
                Some(text) => text.to_owned(),
                None => {
                    reporter
                        .error(name.at, "invalid name of a value")
                        .hint("a name is ASCII letters, digits and underscores");
                    return None;
                }
            },
        };
        names.insert(name.to_ascii_lowercase());
        let location = it.at;
        let raw = Trait::new;
        let deprecated = it.get("deprecated").filter(|it| matches!(it.kind, Kind::Bool(true)));
        let deprecated = deprecated.map(|it| Value::empty_object(it.at));
        let traits = [
            Some(raw("enumValue", value.clone())),
            text("documentation").map(|it| raw("documentation", it.clone())),
            deprecated.map(|it| raw("deprecated", it)),
        ];
        let (target, traits) =
            (ShapeId::prelude("Unit"), Traits(traits.into_iter().flatten().collect()));
        Some(Member { name, target, traits, location, target_location: location })
    });
    members.collect()
}

/// A name for a value that has none: its letters and digits, with a number if the name is taken.
fn name_of_value(value: &str, taken: &HashSet<String>) -> String {
    let letters = value.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '_' });
    let name: String = letters.collect();
    let candidates = [name.clone(), format!("_{name}"), "VALUE".to_owned()];
    let name = candidates.into_iter().find(|it| is_identifier(it)).unwrap_or_default();
    if !taken.contains(&name.to_ascii_lowercase()) {
        return name;
    }
    let mut numbered = (taken.len() + 1..).map(|it| format!("{name}_{it}"));
    numbered.find(|it| !taken.contains(&it.to_ascii_lowercase())).unwrap_or(name)
}
