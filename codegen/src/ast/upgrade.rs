//! Conversion of Smithy 1.0 models to 2.0 (Smithy 2.0 specification, section "Upgrading from 1.0 to 2.0").

use std::collections::HashSet;

use super::{Member, Model, Shape, ShapeKind};
use crate::{
    diagnostic::{Location, Reporter},
    json::{Kind, Value},
    prelude,
    shape_id::{ShapeId, is_identifier},
    traits::{Trait, Traits},
};

/// Adds the defaults that 1.0 implies, turns strings with the trait `enum` into enums, and reports traits that do
/// not exist in the version of their file.
pub(super) fn upgrade(model: &mut Model, are_version_1: &[bool], reporter: &mut Reporter<'_>) {
    for shape in &mut model.shapes[..model.count] {
        let is_version_1 = are_version_1[shape.location.source];
        check_version(&shape.traits, is_version_1, reporter);
        for member in &shape.members {
            check_version(&member.traits, is_version_1, reporter);
            let sensitive = member.traits.find("sensitive").filter(|it| !it.inherited);
            if let Some(it) = sensitive.filter(|_| !is_version_1) {
                let message = "the trait sensitive belongs on a shape; it also works on a member";
                let hint = "target a shape that has the trait";
                reporter.warning(it.at(), message).hint(hint);
            }
        }
        if is_version_1 && !shape.traits.has("box") {
            add_default(&mut shape.traits, prelude::zero(shape.kind), shape.location);
        }
        read_enum(shape, is_version_1, reporter);
    }
    for at in 0..model.count {
        let mut members = std::mem::take(&mut model.shapes[at].members);
        let Shape { kind, location, .. } = model.shapes[at];
        if kind == ShapeKind::Structure && are_version_1[location.source] {
            for member in &mut members {
                let target = model.get(&member.target).and_then(|it| it.traits.find("default"));
                let zero = target.map(|it| it.value.kind.clone());
                let default = if member.traits.has("box") { Some(Kind::Null) } else { zero };
                add_default(&mut member.traits, default, member.location);
            }
        }
        model.shapes[at].members = members;
    }
}

/// Reports traits that exist only in the other version.
fn check_version(traits: &Traits, is_version_1: bool, reporter: &mut Reporter<'_>) {
    match (is_version_1, traits.find("default"), traits.find("box")) {
        (true, Some(it), _) => {
            let hint = "write \"smithy\": \"2.0\" at the top of the file";
            reporter.error(it.at(), "the trait default requires Smithy 2.0").hint(hint);
        }
        (false, _, Some(it)) => {
            let message = "the trait box is ignored: Smithy 2.0 does not have it";
            let hint = "members are optional unless they are required or have a default";
            reporter.warning(it.at(), message).hint(hint);
        }
        _ => {}
    }
}

fn add_default(traits: &mut Traits, default: Option<Kind>, at: Location) {
    if !traits.has("default") {
        traits.0.extend(default.map(|kind| Trait::new("default", Value { at, kind })));
    }
}

fn read_enum(shape: &mut Shape, is_version_1: bool, reporter: &mut Reporter<'_>) {
    let Some(definition) = shape.traits.find("enum") else { return };
    if shape.kind != ShapeKind::String {
        let message = "the trait enum is ignored: it belongs on a string";
        reporter.warning(definition.at(), message).hint("remove it");
        return;
    }
    if !is_version_1 {
        let hint = "write a shape of type \"enum\"";
        reporter.warning(definition.at(), "the trait enum is deprecated").hint(hint);
    }
    shape.members = enum_members(&definition.value, reporter);
    shape.kind = ShapeKind::Enum;
    shape.is_broken |= shape.members.is_empty();
}

fn enum_members(definition: &Value, reporter: &mut Reporter<'_>) -> Vec<Member> {
    let list = definition.as_array().unwrap_or_default();
    let named = list.iter().filter(|it| it.get("name").is_some()).count();
    let example = "write [{\"name\": \"A\", \"value\": \"a\"}]";
    let (message, hint) = if definition.as_array().is_none() {
        (format!("the trait enum expects an array, found {}", definition.describe()), example)
    } else if list.is_empty() {
        ("an enum needs at least one member".to_owned(), example)
    } else if named != 0 && named != list.len() {
        let message = "the trait enum has names for some values only";
        (message.to_owned(), "give a \"name\" to all values or to none")
    } else {
        let mut names = HashSet::new();
        return list.iter().filter_map(|it| enum_member(it, &mut names, reporter)).collect();
    };
    reporter.error(definition.at, message).hint(hint);
    Vec::new()
}

/// A value of the trait `enum` as a member. `names` contains the names so far, in lower case.
fn enum_member(
    definition: &Value,
    names: &mut HashSet<String>,
    reporter: &mut Reporter<'_>,
) -> Option<Member> {
    let mut fail = |at, message: &str, hint| {
        reporter.error(at, message).hint(hint);
        None
    };
    let text = |key: &str| definition.get(key).filter(|it| it.as_str().is_some());
    let Some(value) = text("value").filter(|it| it.as_str() != Some("")) else {
        let message = "a value of the trait enum needs a non-empty \"value\"";
        return fail(definition.at, message, "write {\"name\": \"A\", \"value\": \"a\"}");
    };
    let given = definition.get("name");
    let name = match given.map(|it| (it.at, it.as_str().filter(|it| is_identifier(it)))) {
        None => name_of_value(value.as_str().unwrap_or_default(), names),
        Some((at, Some(text))) if names.contains(&text.to_ascii_lowercase()) => {
            let hint = "names must be unique, ignoring case";
            return fail(at, &format!("the name {text} occurs twice"), hint);
        }
        Some((_, Some(text))) => text.to_owned(),
        Some((at, None)) => {
            let hint = "a name is ASCII letters, digits and underscores";
            return fail(at, "invalid name of a value", hint);
        }
    };
    names.insert(name.to_ascii_lowercase());
    let deprecated = definition.get("deprecated").filter(|it| it.kind == Kind::Bool(true));
    let traits = [
        Some(Trait::new("enumValue", value.clone())),
        text("documentation").map(|it| Trait::new("documentation", it.clone())),
        deprecated.map(|it| Trait::new("deprecated", Value::empty_object(it.at))),
    ];
    let traits = Traits(traits.into_iter().flatten().collect());
    let (target, location) = (ShapeId::prelude("Unit"), definition.at);
    Some(Member { name, target, traits, location, target_location: location })
}

/// A name for a value without one: its letters and digits, with a number if that name exists.
fn name_of_value(value: &str, taken: &HashSet<String>) -> String {
    let letters = value.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '_' });
    let name: String = letters.collect();
    let candidates = [name.clone(), format!("_{name}"), "VALUE".to_owned()];
    let name = candidates.into_iter().find(|it| is_identifier(it)).unwrap_or_default();
    let numbered = (taken.len() + 1..).map(|it| format!("{name}_{it}"));
    let mut names = std::iter::once(name.clone()).chain(numbered);
    names.find(|it| !taken.contains(&it.to_ascii_lowercase())).unwrap_or_default()
}
